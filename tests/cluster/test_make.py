"""The make targets that drive a cluster."""

import os
import shutil
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
import yaml

from tests.cluster.api import ApiServer
from tests.cluster.renderings import ROOT
from tests.cluster.scenes import lend_store, play, succeed

Make = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def make(environment: Mapping[str, str]) -> Make:
    def run(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        own = {**environment, "MAKEFLAGS": "", **variables}
        return subprocess.run(
            ["make", "--no-print-directory", *arguments], cwd=ROOT, env=own, capture_output=True, text=True, check=False
        )

    return run


def test_a_model_is_submitted_seen_and_cancelled(api: ApiServer, make: Make) -> None:
    done = make("submit", "MODEL=bert", "DATA=mine", "ARGS=--no-follow --gpus 2")
    assert done.returncode == 0, done.stderr
    (job,) = api.all("Job")
    container = job["spec"]["template"]["spec"]["containers"][0]
    assert {"name": "EMOTION_DATA", "value": "/store/data/mine"} in container["env"]
    assert container["resources"]["limits"]["nvidia.com/gpu"] == "2"
    assert "bert" in make("status").stdout
    assert make("cancel", "RUN=bert").returncode == 0
    assert not api.all("Job")


def test_the_pipeline_the_comparison_and_the_classification_are_submitted(api: ApiServer, make: Make) -> None:
    api.store.joinpath("comparison").mkdir()
    (api.store / "comparison" / "comparison.md").write_text("| model | val. accuracy |\n| --- | --- |\n| ann | 0.9 |\n")
    lend_store(api)
    play(api, succeed)
    done = make("pipeline", "MODELS=ann lstm", "ARGS=--no-prefetch")
    assert done.returncode == 0, done.stderr
    assert "0.9" in done.stdout
    assert make("aggregate-job", "ARGS=--no-follow").returncode == 0
    assert make("classify-job", "INPUT=inbox", "SHARDS=3", "ARGS=--no-follow").returncode == 0
    (job,) = [job for job in api.all("Job") if job["metadata"]["name"] == "classify-inbox"]
    assert job["spec"]["completions"] == 3
    logs = make("logs", "RUN=ann")
    assert "the last line" in logs.stdout


def test_namespace_and_overlay_are_taken_over(api: ApiServer, make: Make) -> None:
    api.add("Namespace", "elsewhere")
    api.add("ServiceAccount", "emotion", namespace="elsewhere")
    api.add("PersistentVolumeClaim", "emotion", namespace="elsewhere", spec={})
    done = make("submit", "MODEL=ann", "NAMESPACE=elsewhere", "OVERLAY=local", "ARGS=--no-follow")
    assert done.returncode == 0, done.stderr
    (job,) = api.all("Job", "elsewhere")
    assert job["spec"]["template"]["spec"]["containers"][0]["image"].endswith("-cpu")


def test_a_manifest_is_printed_without_a_cluster(make: Make) -> None:
    done = make("render", "MODEL=lstm", KUBECONFIG=os.devnull)
    assert done.returncode == 0, done.stderr
    assert [item["kind"] for item in yaml.safe_load_all(done.stdout)] == ["ConfigMap", "Job"]


def test_what_is_missing_is_named(make: Make, tmp_path: Path) -> None:
    for target, name in (("submit", "MODEL"), ("pipeline", "MODELS"), ("logs", "RUN"), ("classify-job", "INPUT")):
        done = make(target)
        assert done.returncode == 2
        assert f"{name}= is missing" in done.stderr
    for program in ("make", "sh", "sed", "awk", "python3"):
        (tmp_path / program).symlink_to(shutil.which(program) or pytest.fail(program))
    kind = make("local-cluster", PATH=str(tmp_path))
    assert "there is no kind here" in kind.stderr
    assert "Error 69" in kind.stderr
