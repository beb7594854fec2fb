"""`make e2e`, with the Jobs' commands executed on this machine."""

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.cluster.api import ApiServer
from tests.cluster.conftest import BIN
from tests.cluster.kubelet import Kubelet
from tests.cluster.renderings import ROOT
from tests.cluster.scenes import lend_store, play


@pytest.mark.timeout(600)
def test_it_passes_and_leaves_nothing(
    api: ApiServer, environment: Mapping[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As in the image: `emotion` on the PATH, and the store.
    monkeypatch.setenv("PATH", f"{BIN}:{os.environ['PATH']}")
    monkeypatch.setenv("EMOTION_STORE", str(api.store))
    lend_store(api)
    play(api, Kubelet(api, tmp_path))
    own = {**environment, "EMOTION": str(BIN / "emotion"), "KUBECTL": str(BIN / "kubectl"), "EMOTION_E2E_SCALE": "1"}
    done = subprocess.run([ROOT / "tests" / "e2e.sh"], env=own, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "== all is well" in done.stderr
    assert not [item["metadata"]["name"] for item in api.all("Namespace", "") if "e2e" in item["metadata"]["name"]]
