"""Follows Jobs: lines of logs, lost pods and their replacements, lost connections, and images that never come."""

from collections.abc import Mapping

import pytest

from emotion.cluster.follow import Follower
from emotion.cluster.kubectl import Kubectl
from tests.cluster.api import ApiServer
from tests.cluster.conftest import Emotion, Start, read_until
from tests.cluster.scenes import Scene, play, succeed

LABELS = {"app.kubernetes.io/part-of": "emotion"}
SPEC = {"template": {"metadata": {"labels": LABELS}, "spec": {"containers": [{"name": "main", "image": "test"}]}}}


def test_a_training_that_goes_well_is_reported_line_by_line_and_exits_0(api: ApiServer, emotion: Emotion) -> None:
    play(api, succeed)
    done = emotion("submit", "ann")
    assert done.returncode == 0, done.stderr
    assert "training begins" in done.stderr
    assert "epoch 3/12 * loss 0.5000  accuracy 0.7500" in done.stderr
    assert "the last line" in done.stderr
    assert "next: emotion fetch ann/s1-" in done.stderr
    assert '{"event"' not in done.stderr


def test_a_failed_attempt_is_reported_and_the_next_one_is_followed(api: ApiServer, emotion: Emotion) -> None:
    def scene(scene: Scene) -> None:
        first = scene.pod(node="node-1")
        scene.run(first, "first attempt")
        scene.end(first, 69, message="error: the hub is out of reach")
        scene.seen()
        second = scene.pod(node="node-2")
        scene.run(second, "second attempt")
        scene.end(second)
        scene.complete()

    play(api, scene)
    done = emotion("submit", "ann")
    assert done.returncode == 0, done.stderr
    lines = done.stderr
    assert (
        lines.index("first attempt")
        < lines.index("on node-1 failed with exit code 69 (something needed is unavailable); another pod replaces it")
        < lines.index("second attempt")
    )


def test_an_eviction_is_reported_and_the_pod_that_replaces_it_is_followed(api: ApiServer, emotion: Emotion) -> None:
    def scene(scene: Scene) -> None:
        first = scene.pod(node="node-1")
        scene.run(first, "training on the first")
        scene.end(first, 143, lost="EvictionByEvictionAPI")
        scene.seen()
        second = scene.pod(node="node-2")
        scene.run(second, "resumed on the second")
        scene.end(second)
        scene.complete()

    play(api, scene)
    done = emotion("submit", "ann")
    assert done.returncode == 0
    assert (
        "on node-1 was evicted: requested, for example by a drain of its node; another pod replaces it" in done.stderr
    )
    assert "resumed on the second" in done.stderr


def test_a_pod_that_is_gone_without_a_trace_is_reported(api: ApiServer, emotion: Emotion) -> None:
    def scene(scene: Scene) -> None:
        first = scene.pod()
        scene.run(first, "on the first")
        scene.seen(2)
        scene.api.remove("Pod", first)
        scene.seen()
        second = scene.pod()
        scene.run(second, "on the second")
        scene.end(second)
        scene.complete()

    play(api, scene)
    done = emotion("submit", "ann")
    assert done.returncode == 0, done.stderr
    output = done.stderr
    assert (
        output.index("on the first")
        < output.index("-00001 on node-1 is gone; another pod replaces it")
        < output.index("on the second")
    )


def test_shards_are_counted_and_their_lines_marked(api: ApiServer, emotion: Emotion) -> None:
    def scene(scene: Scene) -> None:
        pods = [scene.pod(index=index) for index in range(3)]
        for index, pod in enumerate(pods):
            scene.run(pod, f"share {index}")
        scene.seen()
        for pod in pods:
            scene.end(pod)
        scene.complete(3)

    play(api, scene)
    done = emotion("submit", "classify", "--input", "inbox", "--shards", 3)
    assert done.returncode == 0, done.stderr
    assert all(f"{index}: share {index}" in done.stderr for index in range(3))
    assert "0 of 3 pods done" in done.stderr
    assert "emotion fetch predictions/inbox DIR" in done.stderr


def test_a_lost_connection_is_survived(api: ApiServer, emotion: Emotion) -> None:
    def scene(scene: Scene) -> None:
        pod = scene.pod()
        scene.run(pod, "before")
        scene.seen(2)
        # kubectl itself retries ten times, once a second.
        scene.api.lose(1000)
        scene.pause(13)
        scene.api.lose(0)
        scene.api.log(pod, "after")
        scene.end(pod)
        scene.complete()

    play(api, scene)
    done = emotion("submit", "ann")
    assert done.returncode == 0, done.stderr
    assert "lost the connection" in done.stderr
    assert "the connection is back" in done.stderr
    assert done.stderr.index("before") < done.stderr.index("lost the connection") < done.stderr.index("after")


def test_a_pull_that_fails_by_turns_is_reported_once(api: ApiServer, start: Start) -> None:
    def scene(scene: Scene) -> None:
        pod = scene.pod()
        for _ in range(3):
            scene.waiting(pod, "ErrImagePull", f"failed to pull: {'x' * 900}: no such host")
            scene.seen()
            scene.waiting(pod, "ImagePullBackOff", "Back-off pulling image")
            scene.seen()
        scene.waiting(pod, "CreateContainerConfigError", "the end of the scene")

    play(api, scene)
    output = read_until(start("submit", "ann"), "the end of the scene")
    assert output.count("ErrImagePull") + output.count("ImagePullBackOff") == 1
    assert "no such host" in output
    assert len(output) < 3000


def test_an_image_that_stays_away_ends_the_following_with_69(
    api: ApiServer, environment: Mapping[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("emotion.cluster.follow.IMAGE_SECONDS", 1.0)
    created = api.add("Job", "ann", metadata={"labels": LABELS}, spec=SPEC)
    scene = Scene(api, created)
    scene.waiting(scene.pod(), "ErrImagePull", "manifest unknown")
    (outcome,) = Follower(Kubectl("emotion"), ["ann"], lambda _job, _line: None).run()
    assert outcome.exit_code == 69
    assert "ErrImagePull: manifest unknown" in outcome.reason


def test_an_eviction_is_reported_though_the_failed_pod_is_never_seen(api: ApiServer, emotion: Emotion) -> None:
    def scene(scene: Scene) -> None:
        first, other = scene.pod(index=0), scene.pod(index=1)
        scene.run(first, "on the first")
        scene.run(other, "on the other")
        scene.seen()
        scene.terminate(first, evicted="EvictionByEvictionAPI")
        scene.terminate(other)
        scene.seen()
        scene.api.log(first, "its last words")
        # As seen on Kubernetes 1.36: the pod is Failed for a second, then it is deleted.
        scene.end(first, 143, lost="EvictionByEvictionAPI")
        scene.api.remove("Pod", first)
        scene.api.remove("Pod", other)
        scene.seen()
        for index in range(2):
            second = scene.pod(index=index)
            scene.run(second, "on the second")
            scene.end(second)
        scene.complete(2)

    play(api, scene)
    done = emotion("submit", "classify", "--shards", 2)
    assert done.returncode == 0, done.stderr
    text = done.stderr
    first = "0-00001 on node-1"
    assert text.count(f"{first} is being evicted: requested, for example by a drain of its node") == 1
    assert (
        text.count(f"{first} was evicted: requested, for example by a drain of its node; another pod replaces it") == 1
    )
    assert text.index("is being evicted") < text.index("its last words") < text.index("was evicted")
    assert text.count("1-00002 on node-1 is being deleted\n") == 1
    assert text.count("1-00002 on node-1 was deleted; another pod replaces it") == 1


def test_a_pod_that_the_jobs_deadline_ends_is_reported_while_it_terminates(api: ApiServer, emotion: Emotion) -> None:
    def scene(scene: Scene) -> None:
        pod = scene.pod()
        scene.run(pod, "training")
        scene.seen()
        reason = ("DeadlineExceeded", "Job was active longer than specified deadline")
        # Kubernetes 1.31 and newer set Failed once all pods have ended, and FailureTarget before.
        scene.condition("FailureTarget", *reason)
        scene.terminate(pod)
        scene.seen()
        scene.end(pod, 143)
        scene.fail(*reason)

    play(api, scene)
    done = emotion("submit", "ann")
    assert done.returncode == 75
    assert "on node-1 is being stopped: DeadlineExceeded: Job was active longer" in done.stderr
    assert "\nfinishing\n" in done.stderr
    assert "another" not in done.stderr
    assert done.stderr.count("resume from its checkpoint") == 1


@pytest.mark.parametrize(("failures", "code"), [(5, 69), (1, 73)])
def test_nobody_promises_another_pod_after_the_last_attempt(
    api: ApiServer, emotion: Emotion, failures: int, code: int
) -> None:
    def scene(scene: Scene) -> None:
        for _ in range(failures):
            pod = scene.pod()
            scene.run(pod, "error: what was wrong")
            scene.end(pod, code, message="error: what was wrong")
            scene.seen()
        scene.fail("BackoffLimitExceeded", "Job has reached the specified backoff limit")

    play(api, scene)
    done = emotion("submit", "ann")
    assert done.returncode == code
    assert done.stderr.count("; another pod replaces it") == failures - 1
    assert done.stderr.count("error: what was wrong") == failures
    assert "finishing" in done.stderr.rpartition("another")[2]


def test_a_shard_with_a_bad_file_is_reported_without_another_pod(api: ApiServer, emotion: Emotion) -> None:
    def scene(scene: Scene) -> None:
        bad, good = scene.pod(index=0), scene.pod(index=1)
        scene.run(bad, "reading")
        scene.run(good, "reading")
        scene.end(bad, 65)
        scene.seen()
        scene.end(good)
        scene.fail("FailedIndexes", "Job has failed indexes")

    play(api, scene)
    done = emotion("submit", "classify", "--shards", 2)
    assert done.returncode == 65
    assert "0-00001 on node-1 failed with exit code 65 (bad data)\n" in done.stderr
