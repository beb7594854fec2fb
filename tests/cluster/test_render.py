"""What `emotion submit` makes of its options: names, the options of `emotion` in the pods, GPUs and their resources."""

import json
import shutil
import subprocess
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from emotion.cluster.classify_options import ClassifyOptions
from emotion.cluster.job_spec import JobSpec, check_spec, find_overlay
from emotion.cluster.kubectl import TIMEOUT, Kubectl
from emotion.cluster.render import Rendered, render
from emotion.cluster.submit import check_accepted
from emotion.errors import UsageError
from emotion.models.registry import MODELS, params_file
from emotion.params.toml import load_params
from tests.cluster.job_fields import GPU, limits, quantity, settings, shared_memory, tolerated, variables
from tests.cluster.renderings import KUBECTL, OVERLAYS, ROOT, build
from tests.images.containers import expanded

GIB = 2**30
CUDA_IMAGE = "registry.example/with-cuda:1"


@dataclass(frozen=True)
class RecordingKubectl(Kubectl):
    """Keeps the manifests that it gets, and runs nothing."""

    received: list[str] = field(default_factory=list)

    def run(self, *_: str, content: str | None = None, timeout: str = TIMEOUT) -> str:  # noqa: ARG002
        self.received.append(content or "")
        return ""


def rendered_job(job: str, **options: Any) -> Rendered:
    return render(check_spec(JobSpec(job, **options)))


def requests(job: Rendered) -> dict[str, str]:
    found: dict[str, str] = job.container["resources"]["requests"]
    return found


def write_overlay(folder: Path, *containers: dict[str, Any], **pod: Any) -> Path:
    """Write an overlay that patches the Job's containers and more of the pods' spec."""
    spec = {"template": {"spec": {"containers": containers, **pod}}}
    patch = {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "any"}, "spec": spec}
    patches = [{"target": {"kind": "Job"}, "patch": json.dumps(patch)}]
    folder.mkdir()
    content = {"apiVersion": "kustomize.config.k8s.io/v1alpha1", "kind": "Component", "patches": patches}
    (folder / "kustomization.yaml").write_text(json.dumps(content))
    return folder


def test_a_run_is_its_job_s_instance_and_the_end_of_its_name() -> None:
    for spec in (
        JobSpec("ann"),
        JobSpec("classify", classify=ClassifyOptions(source="Inbox")),
        JobSpec("lstm", run="mine"),
    ):
        rendered = render(check_spec(spec))
        run = rendered.spec.run
        assert run
        assert rendered.job["metadata"]["labels"]["app.kubernetes.io/instance"] == run
        assert rendered.name == f"{spec.job}-{run}"
        assert variables(rendered.job).get("EMOTION_RUN") == (run if spec.trains else None)


def test_settings_reach_the_training_as_they_were_typed(tmp_path: Path) -> None:
    typed = ("training.epochs=2", "training.class_weights=balanced", 'data.text_column="a, b"', "resources.wait=7")
    rendered = rendered_job("lstm", settings=typed)
    (tmp_path / "params.toml").write_text(rendered.others[0]["data"]["params.toml"])
    in_cluster = load_params("lstm", tmp_path / "params.toml", settings(rendered.job))
    assert rendered.container["args"][0] == "train"
    assert in_cluster == load_params("lstm", params_file("lstm"), typed)
    assert in_cluster.resources.wait == 7


@pytest.mark.parametrize(
    "value", ["$(HOME)", "$(HF_HUB_OFFLINE)", "$$(HF_HUB_OFFLINE)", "US$$", "$", "$HOME", "a, 'b': \"c\" {d}\\n # e"]
)
def test_the_cluster_puts_no_variable_into_what_was_typed(value: str) -> None:
    rendered = rendered_job("ann", settings=(f"data.label_column={value}",))
    # kubelet expands the args once, with the container's own variables.
    environment = {"HOME": "/tmp", **variables(rendered.job)}  # noqa: S108
    received = [expanded(word, environment) for word in rendered.container["args"]]
    assert f"data.label_column={value}" in received
    # kubelet also expands the values of variables.
    assert variables(rendered_job("classify", classify=ClassifyOptions(model=value)).job)["EMOTION_MODEL"] == value


@pytest.mark.parametrize("run", ["s1-0a1b2c3d", "123", "true", "null", "1e3", "0o14", "2026-01-01"])
def test_kubectl_reads_what_was_rendered_whatever_a_run_is_called(run: str) -> None:
    rendered = rendered_job("ann", run=run)
    kubectl = RecordingKubectl("emotion")
    check_accepted(kubectl, rendered)
    assert len(kubectl.received) == len(rendered.others) + 1
    # What is submitted, and what --dry-run prints.
    for content in (kubectl.received[-1], rendered.yaml):
        # A local command, which asks no server, but reads as `kubectl create` does.
        command = [KUBECTL, "annotate", "--local", "--filename=-", "read=yes", "--output=json"]
        read = subprocess.run(command, input=content, capture_output=True, text=True, check=False)
        assert read.returncode == 0, read.stderr
    assert rendered.job["metadata"]["labels"]["app.kubernetes.io/instance"] == run
    assert variables(rendered.job)["EMOTION_RUN"] == run


def test_prefetch_fetches_no_more_than_the_models_and_the_data_need() -> None:
    words = {
        JobSpec("prefetch", models=("ann", "lstm"), data="mine"): ["--no-weights", "--no-data"],
        JobSpec("prefetch", models=("ann", "bert")): ["bert"],
        JobSpec("prefetch", data="mine"): ["--no-data"],
        JobSpec("prefetch"): [],
    }
    for spec, expected in words.items():
        assert render(check_spec(spec)).container["args"] == ["prefetch", *expected]


@pytest.mark.parametrize("job", ["bert", "ann", "classify"])
@pytest.mark.parametrize("gpus", [1, 2, 8])
def test_as_many_gpus_as_were_asked_for(job: str, gpus: int) -> None:
    rendered = rendered_job(job, gpus=gpus, image=CUDA_IMAGE)
    assert limits(rendered.job)[GPU] == str(gpus)
    assert tolerated(rendered.job).count(GPU) == 1
    assert variables(rendered.job)["EMOTION_DEVICE"] == "gpu"


@pytest.mark.parametrize("job", ["bert", "ann", "classify"])
def test_no_gpu_leaves_nothing_of_gpus(job: str) -> None:
    rendered = rendered_job(job, gpus=0)
    assert GPU not in limits(rendered.job)
    assert GPU not in tolerated(rendered.job)
    assert variables(rendered.job)["EMOTION_DEVICE"] == "cpu"


@pytest.mark.parametrize(
    ("resource", "tolerations"),
    [("nvidia.com/mig-1g.10gb", {GPU, "nvidia.com/mig-1g.10gb"}), ("amd.com/gpu", {"amd.com/gpu"})],
)
@pytest.mark.parametrize("gpus", [None, 1, 4])
def test_another_resource_takes_the_place_of_the_gpu_in_limits_and_tolerations(
    resource: str, tolerations: set[str], gpus: int | None, tmp_path: Path
) -> None:
    limit = {"name": "main", "resources": {"limits": {GPU: "7"}}}
    for overlay in (None, write_overlay(tmp_path / "mine", limit)):
        job = rendered_job("bert", gpus=gpus, gpu_resource=resource, overlay=overlay).job
        assert limits(job)[resource] == str(gpus or 1)
        assert GPU not in limits(job)
        tolerated_gpus = [key for key in tolerated(job) if not key.startswith("node.kubernetes.io/")]
        assert sorted(tolerated_gpus) == sorted(tolerations)
    for without in (rendered_job("bert", gpus=0, gpu_resource=resource), rendered_job("ann", gpu_resource=resource)):
        assert {GPU, resource}.isdisjoint(limits(without.job))
        assert tolerations.isdisjoint(tolerated(without.job))


def test_cores_memory_and_shared_memory_follow_from_the_number_of_gpus() -> None:
    for gpus, cores, memory in ((2, ("6", "8"), ("12Gi", "16Gi")), (8, ("24", "32"), ("48Gi", "64Gi"))):
        rendered = rendered_job("bert", gpus=gpus)
        assert (requests(rendered)["cpu"], limits(rendered.job)["cpu"]) == cores
        assert (requests(rendered)["memory"], limits(rendered.job)["memory"]) == memory
        assert shared_memory(rendered.job) == gpus * 2 * GIB
    own, one_gpu = rendered_job("bert"), rendered_job("bert", gpus=1)
    assert one_gpu.container["resources"] == own.container["resources"]
    assert shared_memory(one_gpu.job) == shared_memory(own.job)


def test_four_gpus_are_those_of_the_component_multi_gpu() -> None:
    components = ["k8s/components/multi-gpu"]
    (job,) = [
        content for content in build({"resources": ["jobs/bert"], "components": components}) if content["kind"] == "Job"
    ]
    rendered = rendered_job("bert", gpus=4)
    (container,) = job["spec"]["template"]["spec"]["containers"]
    assert rendered.container["resources"] == container["resources"]
    assert shared_memory(rendered.job) == shared_memory(job)


@pytest.mark.parametrize("job", [*(name for name in MODELS if name != "linear"), "classify"])
def test_several_gpus_never_ask_for_less_than_the_job_itself(job: str) -> None:
    own, several = rendered_job(job), rendered_job(job, gpus=2, image=CUDA_IMAGE)
    for resource, least in requests(own).items():
        assert quantity(requests(several)[resource]) >= quantity(least), resource
        assert quantity(limits(several.job)[resource]) >= quantity(limits(own.job)[resource]), resource
    assert shared_memory(several.job) >= shared_memory(own.job)


def test_gpus_that_were_asked_for_are_there_and_tolerated_whatever_the_overlay_does(tmp_path: Path) -> None:
    main = {"name": "main", "env": [{"name": "EMOTION_DEVICE", "value": "auto"}]}
    contrary = write_overlay(tmp_path / "contrary", main | {"resources": {"limits": {GPU: "7"}}}, tolerations=[])
    for overlay in (*map(find_overlay, OVERLAYS), contrary):
        rendered = rendered_job("bert", gpus=1, overlay=overlay)
        assert limits(rendered.job)[GPU] == "1", overlay
        assert variables(rendered.job)["EMOTION_DEVICE"] == "gpu", overlay
        assert tolerated(rendered.job).count(GPU) == 1, overlay
        assert GPU not in limits(rendered_job("bert", gpus=0, overlay=overlay).job), overlay


def test_an_overlay_says_its_own_resources_and_the_command_line_how_many_gpus(tmp_path: Path) -> None:
    resources = {"requests": {"cpu": "2"}, "limits": {"memory": "99Gi", GPU: "7"}}
    shm = {"name": "shm", "emptyDir": {"medium": "Memory", "sizeLimit": "3Gi"}}
    overlay = write_overlay(tmp_path / "mine", {"name": "main", "resources": resources}, volumes=[shm])
    rendered = rendered_job("bert", gpus=2, overlay=overlay)
    assert requests(rendered) == {"cpu": "2", "memory": "12Gi", "ephemeral-storage": "2Gi"}
    assert limits(rendered.job) == {"cpu": "8", "memory": "99Gi", "ephemeral-storage": "10Gi", GPU: "2"}
    assert shared_memory(rendered.job) == 3 * GIB


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        (
            JobSpec("ann", data="mine", run="r", settings=("training.epochs=1",)),
            {"EMOTION_DATA": "/store/data/mine", "EMOTION_RUN": "r"},
        ),
        (
            JobSpec("classify", classify=ClassifyOptions(source="tweets", model="bert/new", shards=2, header=False)),
            {
                "EMOTION_INPUT": "/store/inputs/tweets",
                "EMOTION_OUTPUT": "/store/predictions/tweets",
                "EMOTION_MODEL": "bert/new",
                "EMOTION_HEADER": "0",
                "SHARDS": "2",
            },
        ),
    ],
)
def test_what_the_command_line_names_no_overlay_replaces(
    tmp_path: Path, spec: JobSpec, expected: dict[str, str]
) -> None:
    env = [{"name": name, "value": "overlay"} for name in (*expected, "EXTRA")]
    overlay = write_overlay(tmp_path / "mine", {"name": "main", "args": ["train"], "env": env})
    job = render(check_spec(replace(spec, overlay=overlay)))
    assert variables(job.job).items() >= {**expected, "EXTRA": "overlay"}.items()
    assert spec.job == "classify" or job.container["args"] == ["train", "--set", "training.epochs=1"]


@pytest.mark.parametrize("text", ["\N{GRINNING FACE}", "é", "a\u2028b", "a\nb", r"\ud83d", 'it\'s "so" $HOME'])
def test_any_character_reaches_the_pod(text: str) -> None:
    job = rendered_job("classify", classify=ClassifyOptions(source="inbox", model=text))
    (value,) = [variable["value"] for variable in job.container["env"] if variable["name"] == "EMOTION_MODEL"]
    # Kubernetes makes one $ of two.
    assert value == text.replace("$", "$$")


@pytest.mark.parametrize("text", ["a\x7f", "a\x85b", "\x9f", "\uffff", "caf\udce9", "\ud83d"])
def test_a_character_that_no_manifest_holds_is_refused(text: str) -> None:
    for job, options in (
        ("classify", {"classify": ClassifyOptions(text_column=text)}),
        ("ann", {"settings": (f"data.text_column={text}",)}),
        ("aggregate", {"image": text}),
    ):
        with pytest.raises(UsageError, match="which a manifest cannot hold"):
            rendered_job(job, **options)


def test_gpus_of_a_job_without_components(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("jobs", "k8s"):
        shutil.copytree(ROOT / name, tmp_path / name)
    kustomization = tmp_path / "jobs" / "ann" / "kustomization.yaml"
    content = yaml.safe_load(kustomization.read_text())
    del content["components"]
    kustomization.write_text(yaml.safe_dump(content))
    monkeypatch.setattr("emotion.cluster.render.jobs_folder", lambda: tmp_path / "jobs")
    monkeypatch.setattr("emotion.cluster.render.manifests_folder", lambda: tmp_path / "k8s")
    assert GPU not in limits(rendered_job("ann", gpus=0).job)
    assert limits(rendered_job("ann", gpus=1).job)[GPU] == "1"


def test_a_container_that_an_overlay_adds_is_left_alone(tmp_path: Path) -> None:
    overlay = write_overlay(tmp_path / "mine", {"name": "proxy", "image": "registry.example/proxy:1"})
    rendered = rendered_job("bert", gpus=2, image=CUDA_IMAGE, overlay=overlay, settings=("training.epochs=2",))
    proxy, main = sorted(rendered.pod["containers"], key=lambda container: container["name"] == "main")
    assert proxy == {"name": "proxy", "image": "registry.example/proxy:1"}
    assert rendered.container == main
    assert main["image"] == CUDA_IMAGE
