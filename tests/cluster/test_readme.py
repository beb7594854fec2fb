"""The commands for a cluster in README.md run as printed; the kustomization of k8s/README.md renders."""

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest
import yaml

from emotion.store.layout import Store
from tests.builders import make_metrics, write_run
from tests.cluster.api import ApiServer
from tests.cluster.conftest import BIN
from tests.cluster.kubelet import Kubelet
from tests.cluster.renderings import build
from tests.cluster.scenes import Scene, lend_store, play, succeed
from tests.readmes import ROOT, block
from tests.toy import write_model


@pytest.mark.timeout(600)
def test_the_commands_lead_from_nothing_to_labelled_files(
    tmp_path: Path, environment: Mapping[str, str], api: ApiServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", f"{BIN}:{os.environ['PATH']}")
    monkeypatch.setenv("EMOTION_STORE", str(api.store))
    api.remove("Namespace", "emotion")
    (tmp_path / "inbox").mkdir()
    (tmp_path / "inbox" / "in.csv").write_text("id,text\n" + "1,i am so happy today\n2,i am scared\n" * 20)
    kubelet = Kubelet(api, tmp_path)

    def trained(scene: Scene) -> None:
        # The test of `make e2e` trains real models; here a toy model is enough.
        model, _, run = scene.name.partition("-")
        write_model(write_run(Store(api.store), make_metrics(model, run)).exported)
        succeed(scene)

    lend_store(api)
    played = {"prefetch": succeed, "ann": trained, "lstm": trained}
    play(api, lambda scene: played.get(scene.name.partition("-")[0], kubelet)(scene))
    commands = block(ROOT / "README.md", "sh cluster").replace(" k8s/setup", f" {ROOT}/k8s/setup")
    assert [line.split()[0] for line in commands.splitlines()] == ["kubectl", *["emotion"] * 8]
    done = subprocess.run(
        ["bash", "-euxo", "pipefail", "-c", commands],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "val. accuracy" in done.stderr
    labelled = (tmp_path / "labelled" / "in.csv").read_text().splitlines()
    assert "Recommended model" in (tmp_path / "report" / "comparison.html").read_text()
    assert labelled[0] == "id,text,label,score"
    assert len(labelled) == 41


def test_the_kustomization_renders_what_the_options_render() -> None:
    content = yaml.safe_load(block(ROOT / "k8s" / "README.md", "yaml kustomize"))
    components = [path.removeprefix("../") for path in content["components"]]
    assert content["resources"] == ["run"]
    objects = build({"resources": ["jobs/bert"], "nameSuffix": "-s1"}, {"components": components})
    (job,) = [item for item in objects if item["kind"] == "Job"]
    assert job["metadata"]["name"] == "bert-s1"
    assert job["spec"]["completions"] == 2
    assert job["spec"]["template"]["spec"]["subdomain"] == "bert-s1"
    assert job["spec"]["template"]["spec"]["containers"][0]["resources"]["limits"]["nvidia.com/gpu"] == "4"
