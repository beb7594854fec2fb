"""Pods with the store that killed commands left behind: `emotion status` names them, the next command removes them."""

import signal
import subprocess
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.cluster.api import ApiServer
from tests.cluster.conftest import Emotion, InPod, Start, wait_until


@pytest.fixture
def at_work(start: Start, source: Path, in_pod: InPod, tmp_path: Path) -> subprocess.Popen[str]:
    """Give a `put` that stands still in the middle of its work, as in reading a large file: no command of it runs."""
    began, ended = tmp_path / "began", tmp_path / "ended"
    in_pod(f"touch '{began}'; sleep 3; touch '{ended}'")
    process = start("put", source, "theirs")
    wait_until(began.exists)
    process.send_signal(signal.SIGSTOP)
    wait_until(ended.exists)
    in_pod('exec "$REAL" "$@"')
    return process


def ready(api: ApiServer) -> list[str]:
    """Give the readiness of all pods."""
    conditions = [pod["status"].get("conditions", [{}])[0] for pod in api.all("Pod")]
    return [str(condition.get("status")) for condition in conditions]


def age(api: ApiServer) -> None:
    """Let two minutes pass for the readiness of all pods."""
    before = (datetime.now(UTC) - timedelta(minutes=2)).strftime("%Y-%m-%dT%H:%M:%SZ")
    for pod in api.all("Pod"):
        condition = {**pod["status"]["conditions"][0], "lastTransitionTime": before}
        api.update("Pod", pod["metadata"]["name"], {"status": {"conditions": [condition]}})


def kill(api: ApiServer, process: subprocess.Popen[str]) -> str:
    """Kill a command as nothing can defer; give the name of the Job that it leaves behind."""
    process.kill()
    process.wait()
    wait_until(lambda: ready(api) == ["False"])
    return str(api.all("Job")[0]["metadata"]["name"])


def test_what_a_killed_command_left_is_named_and_removed_by_the_next(
    api: ApiServer, emotion: Emotion, at_work: subprocess.Popen[str], source: Path
) -> None:
    name = kill(api, at_work)
    assert name not in emotion("status").stderr
    age(api)
    (line,) = [line for line in emotion("status").stderr.splitlines() if name in line]
    assert "the next `emotion put` or `fetch` removes them" in line
    assert f"`emotion cancel {name}`" in line
    done = emotion("put", source, "mine")
    assert done.returncode == 0, done.stderr
    assert f"removed {name}, which a killed command left behind" in done.stderr
    assert not api.all("Job")


def test_what_was_left_a_moment_ago_stays(
    api: ApiServer, emotion: Emotion, at_work: subprocess.Popen[str], source: Path
) -> None:
    name = kill(api, at_work)
    assert emotion("put", source, "mine").returncode == 0
    assert [job["metadata"]["name"] for job in api.all("Job")] == [name]


def test_cancel_removes_what_was_left(api: ApiServer, emotion: Emotion, at_work: subprocess.Popen[str]) -> None:
    name = kill(api, at_work)
    age(api)
    done = emotion("cancel", name)
    assert done.returncode == 0, done.stderr
    assert f"removed {name}" in done.stderr
    assert "checkpoint" not in done.stderr
    assert not api.all("Job")


@pytest.mark.usefixtures("at_work")
def test_the_pod_of_a_command_at_work_is_never_removed(api: ApiServer, emotion: Emotion, source: Path) -> None:
    time.sleep(1)
    assert ready(api) == ["True"]
    age(api)
    (name,) = [job["metadata"]["name"] for job in api.all("Job")]
    assert name not in emotion("status").stderr
    assert emotion("put", source, "mine").returncode == 0
    refused = emotion("cancel", name)
    assert refused.returncode == 75
    assert f"a command uses the pod {name}" in refused.stderr
    assert f"delete job {name}" in refused.stderr
    assert [job["metadata"]["name"] for job in api.all("Job")] == [name]


def test_a_pod_that_never_started_can_be_cancelled(
    api: ApiServer, emotion: Emotion, source: Path, start: Start
) -> None:
    process = start("put", source, "mine")
    wait_until(lambda: bool(api.all("Job")))
    (name,) = [job["metadata"]["name"] for job in api.all("Job")]
    process.kill()
    assert emotion("cancel", name).returncode == 0
    assert not api.all("Job")
