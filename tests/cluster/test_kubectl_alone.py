"""Jobs with kubectl alone, as k8s/README.md shows them: changed parameters, and an apply that is repeated."""

import re
import shutil
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from tests.cluster.api import ApiServer
from tests.cluster.job_fields import GPU, limits, tolerated
from tests.cluster.renderings import KUBECTL, ROOT, build
from tests.cluster.scenes import Scene, submitted_objects

README = (ROOT / "k8s" / "README.md").read_text()
Kubectl = Callable[[str], subprocess.CompletedProcess[str]]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Give a copy of the repository's manifests, to be changed."""
    for name in ("jobs", "k8s"):
        shutil.copytree(ROOT / name, tmp_path / "copy" / name)
    return tmp_path / "copy"


@pytest.fixture
def kubectl(environment: Mapping[str, str], folder: Path) -> Kubectl:
    """Run a command line of k8s/README.md in the copy."""

    def run(line: str) -> subprocess.CompletedProcess[str]:
        assert f"\n{line} " in README, line
        command = [KUBECTL, *line.split()[1:]]
        return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)

    return run


APPLY = "kubectl apply -n emotion -k jobs/ann"
DELETE = "kubectl delete -n emotion --cascade=foreground -k jobs/ann"
REPLACE = "kubectl replace -n emotion --force --cascade=foreground -k jobs/ann"


def change_parameters(folder: Path) -> None:
    path = folder / "jobs" / "ann" / "params.toml"
    path.write_text(path.read_text() + "\n# changed\n")


def test_changed_parameters_are_refused_and_leave_nothing(api: ApiServer, kubectl: Kubectl, folder: Path) -> None:
    assert kubectl(APPLY).returncode == 0
    before = submitted_objects(api)
    assert before == ["Job/ann", "ConfigMap/ann"]
    change_parameters(folder)
    done = kubectl(APPLY)
    assert done.returncode == 1
    assert "field is immutable" in done.stderr
    assert submitted_objects(api) == before
    assert "# changed" not in api.all("ConfigMap")[0]["data"]["params.toml"]


@pytest.mark.parametrize("lines", [(DELETE, APPLY), (REPLACE,)])
def test_changed_parameters_run_after_the_old_job_is_deleted(
    api: ApiServer, kubectl: Kubectl, folder: Path, lines: tuple[str, ...]
) -> None:
    assert kubectl(APPLY).returncode == 0
    (old,) = api.all("Job")
    change_parameters(folder)
    for line in lines:
        done = kubectl(line)
        assert done.returncode == 0, done.stderr
    assert submitted_objects(api) == ["Job/ann", "ConfigMap/ann"]
    assert "# changed" in api.all("ConfigMap")[0]["data"]["params.toml"]
    assert api.all("Job")[0]["metadata"]["uid"] != old["metadata"]["uid"]


def test_a_second_apply_runs_nothing(api: ApiServer, kubectl: Kubectl) -> None:
    assert kubectl(APPLY).returncode == 0
    (job,) = api.all("Job")
    Scene(api, job).complete()
    done = kubectl(APPLY)
    assert done.returncode == 0, done.stderr
    assert "job.batch/ann unchanged" in done.stdout
    assert [item["metadata"]["uid"] for item in api.all("Job")] == [job["metadata"]["uid"]]


def test_the_configmap_of_a_job_that_kubernetes_deleted_is_replaced(
    api: ApiServer, kubectl: Kubectl, folder: Path
) -> None:
    assert kubectl(APPLY).returncode == 0
    api.remove("Job", "ann")
    change_parameters(folder)
    assert kubectl(APPLY).returncode == 1
    assert submitted_objects(api) == ["Job/ann", "ConfigMap/ann"]
    assert "# changed" not in api.all("ConfigMap")[0]["data"]["params.toml"]
    api.remove("Job", "ann")
    done = kubectl(REPLACE)
    assert done.returncode == 0, done.stderr
    assert "# changed" in api.all("ConfigMap")[0]["data"]["params.toml"]


def test_the_component_of_a_slice_renders(folder: Path) -> None:
    (component,) = re.findall(r"^```yaml gpu-resource\n(.*?)^```$", README, flags=re.M | re.S)
    (folder / "k8s" / "components" / "slice").mkdir()
    (folder / "k8s" / "components" / "slice" / "kustomization.yaml").write_text(component)
    jobs = build({"resources": ["jobs/bert"], "components": ["k8s/components/slice"]}, source=folder)
    (job,) = [item for item in jobs if item["kind"] == "Job"]
    assert limits(job)["nvidia.com/mig-1g.10gb"] == "1"
    assert GPU not in limits(job)
    assert {GPU, "nvidia.com/mig-1g.10gb"} <= set(tolerated(job))
