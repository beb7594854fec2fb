"""Fixtures: a cluster for scenes, and `emotion` as a user of that cluster runs it."""

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from tests.cluster.api import ApiServer
from tests.cluster.scenes import Scene, lend_store

BIN = Path(sys.executable).parent
Emotion = Callable[..., subprocess.CompletedProcess[str]]
Start = Callable[..., subprocess.Popen[str]]
InPod = Callable[[str], None]


@pytest.fixture
def api(tmp_path: Path) -> Iterator[ApiServer]:
    """Give a cluster with the setup applied."""
    with ApiServer(store=tmp_path / "store") as server:
        server.add("ServiceAccount", "emotion")
        server.add("PersistentVolumeClaim", "emotion", spec={"accessModes": ["ReadWriteMany"]})
        yield server


@pytest.fixture
def environment(api: ApiServer, tmp_path: Path) -> Mapping[str, str]:
    """Give the environment variables of a user of that cluster."""
    own = {name: value for name, value in os.environ.items() if not name.startswith(("EMOTION_", "KUBE"))}
    return {
        **own,
        "PATH": f"{BIN}:{os.environ['PATH']}",
        "KUBECONFIG": str(api.kubeconfig(tmp_path / "kubeconfig")),
        "KUBECACHEDIR": str(tmp_path / "cache"),
    }


@pytest.fixture
def start(environment: Mapping[str, str]) -> Iterator[Start]:
    """Start `emotion`; processes that outlive the test are killed."""
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
def emotion(start: Start) -> Emotion:
    """Run `emotion` to its end."""

    def run(*arguments: object) -> subprocess.CompletedProcess[str]:
        process = start(*arguments)
        out, err = process.communicate(timeout=300)
        return subprocess.CompletedProcess(list(map(str, arguments)), process.returncode, out, err)

    return run


@pytest.fixture
def lent_store(api: ApiServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let pods with the store run as soon as they are created; their image has `emotion`."""
    monkeypatch.setenv("PATH", f"{BIN}:{os.environ['PATH']}")
    monkeypatch.setenv("EMOTION_STORE", str(api.store))
    lend_store(api)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Give a folder of files with unusual names and sizes."""
    folder = tmp_path / "source"
    (folder / "deep" / "er").mkdir(parents=True)
    (folder / "train.txt").write_bytes(random.Random(0).randbytes(9_000_001))  # noqa: S311
    (folder / "empty.csv").write_bytes(b"")
    (folder / "deep" / "er" / "with space, 'quotes' and ünïcode $(x).csv").write_bytes(b"a,b\r\n\0\xff")
    (folder / ".hidden").write_text("not for others")
    return folder


@pytest.fixture
def in_pod(tmp_path: Path, lent_store: None, monkeypatch: pytest.MonkeyPatch) -> InPod:  # noqa: ARG001
    """Replace `emotion` in pods by a line of shell; $REAL is the real one."""
    program = tmp_path / "image" / "emotion"
    program.parent.mkdir()
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")

    def replace(line: str) -> None:
        program.write_text(f"#!/bin/bash\nREAL='{BIN / 'emotion'}'\n{line}\n")
        program.chmod(0o755)

    return replace


def wait_until(condition: Callable[[], bool], seconds: float = 30) -> None:
    """Wait until a condition holds."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def read_until(process: subprocess.Popen[str], text: str, seconds: float = 30) -> str:
    """Read a process's stderr until a text appears."""
    deadline = time.monotonic() + seconds
    output = ""
    while text not in output:
        assert time.monotonic() < deadline, output
        line = process.stderr.readline() if process.stderr else ""
        assert line, output
        output += line
    return output


def submitted(api: ApiServer, emotion: Emotion, *arguments: str) -> Scene:
    """Submit a job, and give its scene."""
    before = {job["metadata"]["uid"] for job in api.all("Job")}
    done = emotion("submit", *arguments, "--no-follow")
    assert done.returncode == 0, done.stderr
    (job,) = [job for job in api.all("Job") if job["metadata"]["uid"] not in before]
    return Scene(api, job)
