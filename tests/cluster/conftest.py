"""A cluster to play scenes in, and `emotion` as a person runs it there."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from tests.cluster.api import ApiServer

BIN = Path(sys.executable).parent
Emotion = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def api(tmp_path: Path) -> Iterator[ApiServer]:
    """Give a cluster to which the setup was applied."""
    with ApiServer(store=tmp_path / "store") as server:
        server.add("ServiceAccount", "emotion")
        server.add("PersistentVolumeClaim", "emotion", spec={"accessModes": ["ReadWriteMany"]})
        yield server


@pytest.fixture
def environment(api: ApiServer, tmp_path: Path) -> Mapping[str, str]:
    """Give what a person's shell says of that cluster."""
    own = {name: value for name, value in os.environ.items() if not name.startswith(("EMOTION_", "KUBE"))}
    return {
        **own,
        "PATH": f"{BIN}:{os.environ['PATH']}",
        "KUBECONFIG": str(api.kubeconfig(tmp_path / "kubeconfig")),
        "KUBECACHEDIR": str(tmp_path / "cache"),
    }


@pytest.fixture
def start(environment: Mapping[str, str]) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Start `emotion`; what still runs after the test is killed."""
    running: list[subprocess.Popen[str]] = []

    def call(*arguments: object) -> subprocess.Popen[str]:
        command = [str(BIN / "emotion"), *map(str, arguments)]
        pipe = subprocess.PIPE
        running.append(
            subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, stdout=pipe, stderr=pipe, text=True)
        )
        return running[-1]

    yield call
    for process in running:
        if process.poll() is None:
            process.send_signal(signal.SIGKILL)
        process.communicate()


@pytest.fixture
def emotion(start: Callable[..., subprocess.Popen[str]]) -> Emotion:
    """Run `emotion` to its end."""

    def run(*arguments: object) -> subprocess.CompletedProcess[str]:
        process = start(*arguments)
        out, err = process.communicate(timeout=300)
        return subprocess.CompletedProcess(list(map(str, arguments)), process.returncode, out, err)

    return run
