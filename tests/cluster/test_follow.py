"""Following a Job: why it waits, what it logs, how pods are lost and replaced, and how it ends."""

import json
import signal
import subprocess
import time
from collections.abc import Callable, Mapping

import pytest

from emotion.cluster.follow import Follower
from emotion.cluster.kubectl import Kubectl
from tests.cluster.api import ApiServer
from tests.cluster.conftest import Emotion
from tests.cluster.scenes import Scene, play, succeed

Start = Callable[..., subprocess.Popen[str]]
LABELS = {"app.kubernetes.io/part-of": "emotion"}
SPEC = {"template": {"metadata": {"labels": LABELS}, "spec": {"containers": [{"name": "main", "image": "test"}]}}}


def test_a_training_that_goes_well_is_told_line_by_line_and_exits_0(api: ApiServer, emotion: Emotion) -> None:
    play(api, succeed)
    done = emotion("submit", "ann")
    assert done.returncode == 0, done.stderr
    assert "training begins" in done.stderr
    assert "epoch 3/12 * loss 0.5000  accuracy 0.7500" in done.stderr
    assert "the last line" in done.stderr
    assert "next: emotion fetch ann/s1-" in done.stderr
    assert '{"event"' not in done.stderr


def test_a_failed_attempt_is_told_and_the_next_one_is_followed(api: ApiServer, emotion: Emotion) -> None:
    def scene(scene: Scene) -> None:
        first = scene.pod(node="node-1")
        scene.run(first, "first attempt")
        scene.end(first, 69, message="error: the hub is out of reach")
        scene.pause(3)
        second = scene.pod(node="node-2")
        scene.run(second, "second attempt")
        scene.end(second)
        scene.complete()

    play(api, scene)
    done = emotion("submit", "ann")
    assert done.returncode == 0, done.stderr
    lines = done.stderr
    assert lines.index("first attempt") < lines.index("on node-1 is lost: exit code 69") < lines.index("second attempt")


@pytest.mark.parametrize(
    ("code", "meaning", "helps"),
    [
        (65, "bad data", ""),
        (66, "input missing", "emotion put"),
        (78, "bad parameters", "--run"),
        (73, "cannot write", "runs rm"),
    ],
)
def test_an_exit_code_that_fails_the_job_is_the_commands_own(
    api: ApiServer, emotion: Emotion, code: int, meaning: str, helps: str
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
    assert helps in done.stderr
    assert "more: emotion logs ann-s1-" in done.stderr


def test_a_kill_for_memory_is_told_as_one(api: ApiServer, emotion: Emotion) -> None:
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


def test_a_deadline_is_told_and_worth_another_try(api: ApiServer, emotion: Emotion) -> None:
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


def test_an_eviction_is_told_and_the_pod_that_replaces_it_is_followed(api: ApiServer, emotion: Emotion) -> None:
    def scene(scene: Scene) -> None:
        first = scene.pod(node="node-1")
        scene.run(first, "training on the first")
        scene.end(first, 143, lost="EvictionByEvictionAPI")
        scene.pause(3)
        second = scene.pod(node="node-2")
        scene.run(second, "resumed on the second")
        scene.end(second)
        scene.complete()

    play(api, scene)
    done = emotion("submit", "ann")
    assert done.returncode == 0
    assert "on node-1 is lost: evicted, as by a drained node; the job goes on with another one" in done.stderr
    assert "resumed on the second" in done.stderr


def test_an_image_that_cannot_be_pulled_is_told_while_it_waits(api: ApiServer, start: Start) -> None:
    def scene(scene: Scene) -> None:
        pod = scene.pod()
        scene.waiting(pod, "ImagePullBackOff", 'Back-off pulling image "emotion-train:9"')

    play(api, scene)
    process = start("submit", "ann")
    said = read_until(process, "make push")
    assert "waiting: ImagePullBackOff: Back-off pulling image" in said


def test_an_image_that_stays_away_ends_the_following_with_69(
    api: ApiServer, environment: Mapping[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("emotion.cluster.follow.IMAGE", 1.0)
    created = api.add("Job", "ann", metadata={"labels": LABELS}, spec=SPEC)
    scene = Scene(api, created)
    scene.waiting(scene.pod(), "ErrImagePull", "manifest unknown")
    (outcome,) = Follower(Kubectl("emotion"), ["ann"], lambda _job, _line: None).run()
    assert outcome.exit_code == 69
    assert "ErrImagePull: manifest unknown" in outcome.reason


def test_a_pod_that_no_node_can_take_is_told_with_what_helps_and_ctrl_c_detaches(api: ApiServer, start: Start) -> None:
    play(api, lambda scene: scene.unscheduled("0/3 nodes are available: 3 Insufficient nvidia.com/gpu."))
    process = start("submit", "bert")
    said = read_until(process, "--gpus 0")
    assert "Unschedulable: 0/3 nodes are available: 3 Insufficient nvidia.com/gpu." in said
    process.send_signal(signal.SIGINT)
    _, rest = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "detached: the job bert-s1-" in rest
    assert "emotion logs bert-s1-" in rest
    assert "emotion cancel bert-s1-" in rest
    assert "Traceback" not in rest
    assert [job["metadata"]["name"] for job in api.all("Job")]


def test_what_forbids_the_pods_is_told_from_the_jobs_events(api: ApiServer, start: Start) -> None:
    play(api, lambda scene: scene.warn(scene.name, "FailedCreate", "exceeded quota: compute, requested: cpu=4"))
    said = read_until(start("submit", "ann"), "kubectl describe resourcequota")
    assert "waiting: FailedCreate: exceeded quota: compute" in said


def test_a_volume_that_cannot_be_mounted_is_told_from_the_pods_events(api: ApiServer, start: Start) -> None:
    def scene(scene: Scene) -> None:
        scene.warn(scene.pod(), "FailedMount", "MountVolume.SetUp failed for volume store: timed out")

    play(api, scene)
    assert "FailedMount: MountVolume.SetUp failed" in read_until(start("submit", "ann"), "timed out")


def test_a_long_pull_is_told_and_a_secret_that_is_not_there_is_not(api: ApiServer, start: Start) -> None:
    def scene(scene: Scene) -> None:
        pod = scene.pod()
        scene.warn(pod, "FailedScheduling", "0/1 nodes are available", at=1)
        scene.warn(pod, "Pulling", 'Pulling image "emotion-train:0.1.0-cuda"', kind="Normal", at=2)
        scene.warn(
            pod, "FailedToRetrieveImagePullSecret", "Unable to retrieve some image pull secrets (registry)", at=3
        )

    play(api, scene)
    said = read_until(start("submit", "ann"), "waiting: ")
    assert 'waiting: Pulling: Pulling image "emotion-train:0.1.0-cuda"' in said


def test_kueues_reason_is_told_while_a_job_is_queued(api: ApiServer, start: Start) -> None:
    api.kueue = True

    def scene(scene: Scene) -> None:
        # What Kueue's webhook and controller do.
        scene.api.update("Job", scene.name, {"spec": {"suspend": True}})
        condition = {
            "type": "QuotaReserved",
            "status": "False",
            "reason": "Pending",
            "message": "insufficient unused quota for nvidia.com/gpu in flavor l4",
        }
        labels = {"kueue.x-k8s.io/job-uid": scene.uid}
        scene.api.add("Workload", "job-bert", metadata={"labels": labels}, status={"conditions": [condition]})
        scene.pause(4)
        scene.api.update("Job", scene.name, {"spec": {"suspend": False}})
        succeed(scene)

    play(api, scene)
    process = start("submit", "bert", "--queue", "research")
    _, said = process.communicate(timeout=60)
    assert process.returncode == 0, said
    assert "queued: Kueue: insufficient unused quota for nvidia.com/gpu in flavor l4" in said
    job = api.all("Job")[0]
    assert job["metadata"]["labels"]["kueue.x-k8s.io/queue-name"] == "research"


def test_no_line_is_lost_or_told_twice_when_the_logs_connection_is_cut(api: ApiServer, emotion: Emotion) -> None:
    def scene(scene: Scene) -> None:
        pod = scene.pod()
        scene.run(pod)
        for number in range(60):
            scene.api.log(pod, f"line {number:03d}.")
            time.sleep(0.05)
            if number % 20 == 10:
                scene.api.cut_logs()
        scene.end(pod)
        scene.complete()

    play(api, scene)
    done = emotion("submit", "ann")
    assert done.returncode == 0
    told = [line for line in done.stderr.splitlines() if line.startswith("line ")]
    assert told == [f"line {number:03d}." for number in range(60)]


def test_a_lost_connection_is_survived(api: ApiServer, emotion: Emotion) -> None:
    def scene(scene: Scene) -> None:
        pod = scene.pod()
        scene.run(pod, "before")
        scene.pause(2.5)
        # kubectl itself tries ten times, a second apart.
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


def test_a_pod_that_is_gone_without_a_trace_is_told(api: ApiServer, emotion: Emotion) -> None:
    def scene(scene: Scene) -> None:
        first = scene.pod()
        scene.run(first, "on the first")
        scene.pause(3)
        scene.api.remove("Pod", first)
        scene.pause(3)
        second = scene.pod()
        scene.run(second, "on the second")
        scene.end(second)
        scene.complete()

    play(api, scene)
    done = emotion("submit", "ann")
    assert done.returncode == 0, done.stderr
    said = done.stderr
    assert said.index("on the first") < said.index("-00001 is gone") < said.index("on the second")


def test_a_pull_that_fails_by_turns_is_told_once(api: ApiServer, start: Start) -> None:
    def scene(scene: Scene) -> None:
        pod = scene.pod()
        for _ in range(3):
            scene.waiting(pod, "ErrImagePull", f"failed to pull: {'x' * 900}: no such host")
            scene.pause(2.5)
            scene.waiting(pod, "ImagePullBackOff", "Back-off pulling image")
            scene.pause(2.5)
        scene.waiting(pod, "CreateContainerConfigError", "the end of the scene")

    play(api, scene)
    said = read_until(start("submit", "ann"), "the end of the scene")
    assert said.count("ErrImagePull") + said.count("ImagePullBackOff") == 1
    assert "no such host" in said
    assert len(said) < 3000


def test_a_job_that_somebody_deletes_ends_the_following_with_75(api: ApiServer, emotion: Emotion) -> None:
    def scene(scene: Scene) -> None:
        scene.run(scene.pod(), "training")
        scene.pause(3)
        scene.api.remove("Job", scene.name)

    play(api, scene)
    done = emotion("submit", "ann")
    assert done.returncode == 75
    assert "it was deleted before it was over" in done.stderr


def test_several_jobs_are_followed_at_once_and_the_first_failure_is_the_exit_code(
    api: ApiServer, emotion: Emotion
) -> None:
    def fail(scene: Scene) -> None:
        pod = scene.pod()
        scene.run(pod, "reading")
        scene.end(pod, 65, message="error: bad rows")
        scene.fail("PodFailurePolicy", "")

    play(api, succeed, job="ann")
    play(api, fail, job="lstm")
    done = emotion("submit", "ann", "lstm", "--json")
    assert done.returncode == 65
    assert "[ann] the last line" in done.stderr
    assert "[lstm] failed: exit code 65, bad data" in done.stderr
    codes = {each["job"].partition("-")[0]: each["exit_code"] for each in json.loads(done.stdout)}
    assert codes == {"ann": 0, "lstm": 65}


def test_shards_are_counted_and_their_lines_marked(api: ApiServer, emotion: Emotion) -> None:
    def scene(scene: Scene) -> None:
        pods = [scene.pod(index=index) for index in range(3)]
        for index, pod in enumerate(pods):
            scene.run(pod, f"share {index}")
        scene.pause(2.5)
        for pod in pods:
            scene.end(pod)
        scene.complete(3)

    play(api, scene)
    done = emotion("submit", "classify", "--input", "inbox", "--shards", 3)
    assert done.returncode == 0, done.stderr
    assert all(f"{index}: share {index}" in done.stderr for index in range(3))
    assert "0 of 3 pods done" in done.stderr
    assert "emotion fetch predictions/inbox DIR" in done.stderr


def test_the_shard_that_decided_the_end_is_told_and_not_those_that_were_stopped(
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


def test_a_worker_that_waits_is_told_while_others_run(api: ApiServer, start: Start) -> None:
    def scene(scene: Scene) -> None:
        scene.run(scene.pod(index=0), "waiting for the others")
        scene.unscheduled("0/2 nodes are available: 2 Insufficient nvidia.com/gpu.")

    play(api, scene)
    said = read_until(start("submit", "bert", "--workers", 2), "--gpus 0")
    assert "running: 0 of 2 pods done; one waits: Unschedulable: 0/2 nodes are available" in said


def read_until(process: subprocess.Popen[str], text: str, seconds: float = 30) -> str:
    """Read what a process says until a text comes."""
    deadline = time.monotonic() + seconds
    said = ""
    while text not in said:
        assert time.monotonic() < deadline, said
        line = process.stderr.readline() if process.stderr else ""
        assert line, said
        said += line
    return said
