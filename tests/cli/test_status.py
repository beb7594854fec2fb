"""`emotion status`, `logs` and `cancel`."""

import json
import signal
from typing import Any

from tests.cluster.api import ApiServer
from tests.cluster.conftest import Emotion, Start, submitted
from tests.cluster.scenes import EPOCH, succeed

STEP = (
    '{"event": "epoch 4/12", "unit": "rows", "done": 9, "total": 99, "per_second": 3,'
    ' "epoch": 4, "epochs": 12, "step": 210, "steps": 750}'
)


def status(emotion: Emotion) -> dict[str, dict[str, Any]]:
    """Read `emotion status --json`; records by job."""
    done = emotion("status", "--json")
    assert done.returncode == 0, done.stderr
    return {record["job"]: record for record in json.loads(done.stdout)}


def test_every_phase_is_reported(api: ApiServer, emotion: Emotion) -> None:
    running = submitted(api, emotion, "ann")
    lost = running.pod(node="node-1")
    running.run(lost)
    running.end(lost, 143, lost="TerminationByKubelet")
    running.run(running.pod(node="node-2"), EPOCH, STEP, "a plain line")
    submitted(api, emotion, "bert").unscheduled("0/2 nodes are available: 2 Insufficient nvidia.com/gpu.")
    succeed(submitted(api, emotion, "lstm"))
    failed = submitted(api, emotion, "minilm")
    pod = failed.pod()
    failed.run(pod)
    failed.end(pod, 65)
    failed.fail("PodFailurePolicy", "matching FailJob rule")
    submitted(api, emotion, "albert")

    records = status(emotion)
    assert {job: record["phase"] for job, record in records.items()} == {
        "ann": "running",
        "bert": "waiting",
        "lstm": "complete",
        "minilm": "failed",
        "albert": "waiting",
    }
    ann = records["ann"]
    assert [ann[name] for name in ("epoch", "epochs", "step", "steps", "retries", "node")] == [
        4,
        12,
        210,
        750,
        1,
        "node-2",
    ]
    assert "Insufficient nvidia.com/gpu" in records["bert"]["reason"]
    assert "exit code 65, bad data" in records["minilm"]["reason"]
    table = emotion("status").stdout
    assert "epoch 4 of 12, step 210 of 750" in table
    assert "node-2" in table


def test_it_is_shown_again_when_it_changes_and_ends_with_ctrl_c(api: ApiServer, emotion: Emotion, start: Start) -> None:
    scene = submitted(api, emotion, "ann")
    watching = start("status", "--watch", "--json")
    assert watching.stdout is not None
    assert any('"phase": "waiting"' in line for line in watching.stdout)
    succeed(scene)
    assert any('"phase": "complete"' in line for line in watching.stdout)
    watching.send_signal(signal.SIGINT)
    _, err = watching.communicate(timeout=20)
    assert watching.returncode == 130
    assert "Traceback" not in err


def test_no_jobs_is_no_error(emotion: Emotion) -> None:
    done = emotion("status")
    assert done.returncode == 0
    assert "there are no jobs" in done.stderr
    assert json.loads(emotion("status", "--json").stdout) == []


def test_followed_logs_end_as_the_job_does(api: ApiServer, emotion: Emotion, start: Start) -> None:
    scene = submitted(api, emotion, "ann")
    pod = scene.pod()
    scene.run(pod, "one")
    following = start("logs", "ann", "-f")
    scene.pause(3)
    api.log(pod, "two")
    scene.end(pod, 65, message="error: bad rows")
    scene.fail("PodFailurePolicy", "")
    out, err = following.communicate(timeout=30)
    assert following.returncode == 65
    assert [line for line in out.splitlines() if line in {"one", "two"}] == ["one", "two"]
    assert "bad rows" in err


def test_cancel_deletes_the_job_with_its_pods_and_never_the_claim(api: ApiServer, emotion: Emotion) -> None:
    scene = submitted(api, emotion, "ann")
    scene.run(scene.pod(), "training")
    done = emotion("cancel", scene.name)
    assert done.returncode == 0, done.stderr
    assert "goes on: emotion submit ann" in done.stderr
    assert not api.all("Job")
    assert not api.all("Pod")
    assert api.all("PersistentVolumeClaim")
