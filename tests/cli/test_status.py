"""`emotion status`, `logs` and `cancel`."""

import contextlib
import fcntl
import json
import os
import pty
import re
import signal
import struct
import subprocess
import termios
import time
from collections.abc import Mapping
from typing import Any

from tests.cluster.api import ApiServer
from tests.cluster.conftest import BIN, Emotion, Start, submitted
from tests.cluster.scenes import EPOCH, Scene, succeed

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
    assert "submit it again with the same options to resume from its checkpoint" in done.stderr
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
        assert f"has no pods or logs any more: {verdict}" in done.stderr
        assert "started yet" not in done.stderr


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


def test_to_watch_a_namespace_that_does_not_exist_is_an_error(emotion: Emotion) -> None:
    done = emotion("status", "--watch", "-n", "nosuch")
    assert done.returncode == 66
    assert "there is no namespace nosuch" in done.stderr


def test_who_may_not_read_namespaces_sees_an_empty_one(api: ApiServer, emotion: Emotion) -> None:
    reason = 'namespaces "team" is forbidden: User "ann" cannot get resource "namespaces" in API group ""'
    api.refuse("GET", "Namespace", 403, "Forbidden", reason)
    done = emotion("status", "-n", "team")
    assert done.returncode == 0
    assert done.stderr == "there are no jobs: emotion submit ann -n team\n"


def many_jobs(api: ApiServer, emotion: Emotion) -> None:
    """Add sixty jobs: one runs and one waits among the oldest, three failed, all others are complete."""
    template = submitted(api, emotion, "ann").name
    made = api.get("Job", template)
    assert made is not None
    api.remove("Job", template)
    for number in range(60):
        name = f"ann-r{number:02}"
        labels = {**made["metadata"]["labels"], "app.kubernetes.io/instance": f"r{number:02}"}
        pods = {**made["spec"]["template"], "metadata": {"labels": labels}}
        created = {"labels": labels, "creationTimestamp": f"2026-01-01T00:{number:02}:00Z"}
        api.add("Job", name, metadata=created, spec={**made["spec"], "template": pods})
        job = api.get("Job", name)
        assert job is not None
        scene = Scene(api, job)
        if number == 3:
            scene.run(scene.pod(), EPOCH)
        elif number == 5:
            scene.unscheduled("0/2 nodes are available: 2 Insufficient nvidia.com/gpu.")
        elif number in {20, 21, 22}:
            scene.fail("BackoffLimitExceeded", "Job has reached the specified backoff limit")
        else:
            scene.complete()


def watched(environment: Mapping[str, str], lines: int, text: str) -> list[str]:
    """Watch the status on a terminal until `text` is there, then end it by Ctrl-C; give the lines of the screen."""
    terminal, other_end = pty.openpty()
    fcntl.ioctl(other_end, termios.TIOCSWINSZ, struct.pack("HHHH", lines, 100, 0, 0))
    command = [str(BIN / "emotion"), "status", "--watch"]
    process = subprocess.Popen(
        command, env={**environment, "TERM": "xterm"}, stdin=other_end, stdout=other_end, stderr=other_end
    )
    os.close(other_end)
    shown, end = "", time.monotonic() + 60
    # The read ends with an error once the process has closed the terminal.
    with contextlib.suppress(OSError):
        while part := os.read(terminal, 65536).decode(errors="replace"):
            before, shown = shown, shown + part
            if (text in shown and text not in before) or time.monotonic() > end:
                process.send_signal(signal.SIGINT)
    os.close(terminal)
    assert process.wait(20) == 130
    # At its end rich draws the screen again over the first one.
    last = shown.rpartition("\x1b[1A")[2] if "\x1b[1A" in shown else shown
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", last).replace("\r", "").strip("\n").split("\n")


def test_a_short_terminal_shows_the_jobs_at_work_and_the_newest(
    api: ApiServer, emotion: Emotion, environment: Mapping[str, str]
) -> None:
    many_jobs(api, emotion)
    screen = watched(environment, 24, "not shown")
    assert len(screen) <= 24
    runs = re.findall(r"\br\d\d\b(?= )", "\n".join(line for line in screen if line.startswith("│")))
    assert runs[:2] == ["r03", "r05"]
    assert runs[2:] == [f"r{number:02}" for number in range(62 - len(runs), 60)]
    assert len(runs) > 12
    hidden = 60 - len(runs)
    assert f"not shown: {hidden} more jobs ({hidden - 3} complete, 3 failed): emotion status" in screen
    assert "ann-r05: Unschedulable: 0/2 nodes are available" in "\n".join(screen)
    complete = emotion("status")
    assert "not shown" not in complete.stdout
    assert all(f"r{number:02}" in complete.stdout for number in range(60))
    assert len(status_list(emotion)) == 60


def test_a_terminal_with_enough_lines_shows_all_jobs(
    api: ApiServer, emotion: Emotion, environment: Mapping[str, str]
) -> None:
    many_jobs(api, emotion)
    screen = "\n".join(watched(environment, 90, "ann-r22"))
    assert "not shown" not in screen
    assert all(f"r{number:02}" in screen for number in range(60))


def status_list(emotion: Emotion) -> list[dict[str, Any]]:
    records: list[dict[str, Any]] = json.loads(emotion("status", "--json").stdout)
    return records
