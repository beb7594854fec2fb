"""Outcomes of ended Jobs: the exit code, the reason, and the hint."""

import re

import pytest

from tests.cluster.api import ApiServer
from tests.cluster.conftest import Emotion
from tests.cluster.scenes import Scene, play


@pytest.mark.parametrize(
    ("code", "meaning", "hint"),
    [
        (65, "bad data", ""),
        (66, "input missing", "emotion put"),
        (78, "bad parameters", "--run"),
        (73, "cannot write", "runs rm"),
    ],
)
def test_an_exit_code_that_fails_the_job_is_the_commands_own(
    api: ApiServer, emotion: Emotion, code: int, meaning: str, hint: str
) -> None:
    def scene(scene: Scene) -> None:
        pod = scene.pod()
        scene.run(pod, "reading")
        scene.end(pod, code, message="error: what was wrong\n  try: what helps")
        scene.fail("PodFailurePolicy", f"Container main failed with exit code {code} matching FailJob rule at index 2")

    play(api, scene)
    done = emotion("submit", "ann")
    assert done.returncode == code
    assert f"failed: exit code {code}, {meaning}" in done.stderr
    assert "| error: what was wrong" in done.stderr
    assert hint in done.stderr
    assert "more: emotion logs ann-s1-" in done.stderr


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
    assert "goes on from its checkpoint" in done.stderr


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
