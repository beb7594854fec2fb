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


FAILED = "Container main for pod emotion/{}-x failed with exit code 66 matching FailJob rule at index 0"


def test_the_condition_has_the_exit_code_of_a_job_whose_pods_are_gone(api: ApiServer, emotion: Emotion) -> None:
    failed = submitted(api, emotion, "ann")
    failed.fail("PodFailurePolicy", FAILED.format(failed.name))
    complete = submitted(api, emotion, "lstm")
    complete.complete()
    complete.api.update("Job", complete.name, {"status": {"failed": 2}})

    records = status(emotion)
    assert records["ann"]["reason"] == "exit code 66, input missing (PodFailurePolicy)"
    assert records["ann"]["retries"] == 0
    assert records["lstm"]["retries"] == 2

    followed = emotion("logs", "ann", "-f")
    assert followed.returncode == 66
    assert "emotion put DIR NAME" in followed.stderr
    assert "more: emotion logs" not in followed.stderr
    for job, verdict in (("ann", "failed: exit code 66, input missing"), ("lstm", "complete")):
        done = emotion("logs", job)
        assert done.returncode == 0
        assert f"has no pods any more, and the logs went with the pods: {verdict}" in done.stderr
        assert "begun" not in done.stderr


def test_the_condition_decides_where_only_pods_that_the_job_stopped_are_left(api: ApiServer, emotion: Emotion) -> None:
    scene = submitted(api, emotion, "classify", "--shards", "2")
    stopped = scene.pod(index=1)
    scene.run(stopped)
    scene.end(stopped, 143)
    scene.fail("PodFailurePolicy", FAILED.format(scene.name))
    assert emotion("logs", "classify", "-f").returncode == 66


def test_attempts_and_not_failed_shards_are_retries(api: ApiServer, emotion: Emotion) -> None:
    scene = submitted(api, emotion, "classify", "--shards", "3")
    bad, again, good = scene.pod(index=0), scene.pod(index=1), scene.pod(index=2)
    for pod, code in ((bad, 65), (again, 69), (good, 0)):
        scene.run(pod)
        scene.end(pod, code)
    scene.pause(1.1)
    scene.run(scene.pod(index=1))
    api.update("Job", scene.name, {"status": {"failed": 2, "succeeded": 1, "failedIndexes": "0"}})
    assert status(emotion)["classify"]["retries"] == 1
    for pod in (bad, again, good):
        api.remove("Pod", pod)
    assert status(emotion)["classify"]["retries"] == 1


def test_the_reason_why_a_pod_terminates_is_shown(api: ApiServer, emotion: Emotion) -> None:
    scene = submitted(api, emotion, "ann")
    pod = scene.pod()
    scene.run(pod)
    scene.terminate(pod, evicted="PreemptionByScheduler")
    reason = status(emotion)["ann"]["reason"]
    assert reason == f"pod {pod} is being evicted: a pod of higher priority takes its place"


def test_cancel_promises_a_checkpoint_only_where_a_training_runs(api: ApiServer, emotion: Emotion) -> None:
    complete = submitted(api, emotion, "ann")
    succeed(complete)
    done = emotion("cancel", "ann")
    assert done.stderr == f"removed {complete.name}: it was complete\n"
    waiting = submitted(api, emotion, "lstm")
    waiting.waiting(waiting.pod(), "ImagePullBackOff", "Back-off")
    done = emotion("cancel", "lstm")
    assert done.stderr == f"stopping {waiting.name}\nstopped {waiting.name}\n"
    classify = submitted(api, emotion, "classify")
    classify.run(classify.pod(index=0))
    assert "two minutes to end" in emotion("cancel", "classify").stderr
    running = submitted(api, emotion, "bert")
    running.run(running.pod())
    assert "two minutes to write a checkpoint" in emotion("cancel", "bert").stderr
    assert not api.all("Job")
