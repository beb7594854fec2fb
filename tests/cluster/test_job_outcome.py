"""Outcomes of ended Jobs: the exit code, the reason, and the hint."""

import re

import pytest

from tests.cluster.api import ApiServer
from tests.cluster.conftest import Emotion
from tests.cluster.scenes import Scene, play


def failed(api: ApiServer, emotion: Emotion, code: int, message: str, *arguments: str) -> str:
    """Submit a job whose pod ends with this exit code and message; give what the command prints."""

    def scene(scene: Scene) -> None:
        pod = scene.pod()
        scene.run(pod, "reading")
        scene.end(pod, code, message=message)
        scene.fail("PodFailurePolicy", f"Container main failed with exit code {code} matching FailJob rule at index 2")

    play(api, scene)
    done = emotion("submit", *arguments)
    assert done.returncode == code
    return done.stderr


@pytest.mark.parametrize(
    ("code", "meaning"), [(65, "bad data"), (66, "input missing"), (78, "bad parameters"), (73, "cannot write")]
)
def test_the_exit_code_and_the_hint_of_the_pod_are_the_commands_own(
    api: ApiServer, emotion: Emotion, code: int, meaning: str
) -> None:
    errors = failed(api, emotion, code, "error: what was wrong\n  try: what helps", "ann")
    assert f"failed: exit code {code}, {meaning}" in errors
    assert "| error: what was wrong" in errors
    assert errors.partition("error: job ann")[2].count("try: what helps") == 1
    assert "more: emotion logs ann-s1-" in errors


TEAM = ["-n", "team", "--context", "test"]


@pytest.mark.parametrize(
    ("code", "job", "hint"),
    [
        (66, "ann", "emotion put DIR NAME -n team --context test"),
        (66, "classify", "emotion put DIR inputs/NAME -n team --context test"),
        (66, "aggregate", "emotion submit ann -n team --context test"),
        (69, "bert", "emotion submit prefetch -n team --context test"),
        (69, "bert", "--gpus 0"),
        (69, "prefetch", "emotion put FOLDER weights/ORG/NAME -n team --context test"),
        (73, "ann", "emotion runs rm RUN --cluster -n team --context test"),
        (78, "ann", "--run"),
    ],
)
def test_a_pod_without_a_hint_gets_one_by_its_exit_code_and_job(
    api: ApiServer, emotion: Emotion, code: int, job: str, hint: str
) -> None:
    api.add("Namespace", "team")
    api.add("ServiceAccount", "emotion", namespace="team")
    api.add("PersistentVolumeClaim", "emotion", namespace="team", spec={"accessModes": ["ReadWriteMany"]})
    errors = failed(api, emotion, code, "killed in the middle of a word", job, *TEAM)
    hints = errors.partition("  try: ")[2]
    assert hint in hints
    assert ("emotion submit prefetch" in hints) == (job == "bert")


def test_a_kill_for_memory_is_reported_as_one(api: ApiServer, emotion: Emotion) -> None:
    def scene(scene: Scene) -> None:
        pod = scene.pod()
        scene.run(pod, "training")
        scene.end(pod, 137, reason="OOMKilled")
        scene.fail("BackoffLimitExceeded", "Job has reached the specified backoff limit")

    play(api, scene)
    done = emotion("submit", "ann")
    assert done.returncode == 137
    assert "OOMKilled: the container's memory limit was reached" in done.stderr
    assert "raise the limit" in done.stderr


def test_a_deadline_is_reported_and_worth_another_try(api: ApiServer, emotion: Emotion) -> None:
    def scene(scene: Scene) -> None:
        pod = scene.pod()
        scene.run(pod, "training")
        scene.end(pod, 143)
        scene.fail("DeadlineExceeded", "Job was active longer than specified deadline")

    play(api, scene)
    done = emotion("submit", "ann")
    assert done.returncode == 75
    assert "DeadlineExceeded" in done.stderr
    assert "resume from its checkpoint" in done.stderr


def test_a_job_that_somebody_deletes_ends_the_following_with_75(api: ApiServer, emotion: Emotion) -> None:
    def scene(scene: Scene) -> None:
        scene.run(scene.pod(), "training")
        scene.seen()
        scene.api.remove("Job", scene.name)

    play(api, scene)
    done = emotion("submit", "ann")
    assert done.returncode == 75
    assert re.search(r"error: job ann-\S+ was cancelled: somebody deleted it", done.stderr)
    assert "failed" not in done.stderr
    assert "emotion logs" not in done.stderr


def test_the_shard_that_decided_the_end_is_reported_and_not_the_shards_stopped_by_it(
    api: ApiServer, emotion: Emotion
) -> None:
    def scene(scene: Scene) -> None:
        pods = [scene.pod(index=index) for index in range(3)]
        for pod in pods:
            scene.run(pod, "classifying")
        scene.end(pods[0], 78, message="error: there is no column text")
        scene.end(pods[1], 143)
        scene.end(pods[2], 143)
        scene.fail("PodFailurePolicy", "Container main failed with exit code 78 matching FailJob rule at index 3")

    play(api, scene)
    done = emotion("submit", "classify", "--shards", 3)
    assert done.returncode == 78, done.stderr
    assert "there is no column text" in done.stderr


def test_a_job_whose_foreground_deletion_takes_long_is_cancelling_and_then_cancelled(
    api: ApiServer, emotion: Emotion
) -> None:
    def scene(scene: Scene) -> None:
        pod = scene.pod()
        scene.run(pod, "training")
        scene.seen()
        scene.api.update("Job", scene.name, {"metadata": {"deletionTimestamp": "2026-01-01T00:00:00Z"}})
        scene.terminate(pod)
        scene.seen()
        scene.end(pod, 143)
        scene.seen()
        scene.api.remove("Job", scene.name)

    play(api, scene)
    done = emotion("submit", "ann")
    assert done.returncode == 75
    assert "is being stopped: the job is cancelled" in done.stderr
    assert "\ncancelling\n" in done.stderr
    assert "another" not in done.stderr
    assert "was cancelled: somebody deleted it" in done.stderr
