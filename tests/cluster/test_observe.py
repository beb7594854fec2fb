"""Requests for the status of jobs: reasons from events and from Kueue, and jobs found by name."""

from tests.cluster.api import ApiServer
from tests.cluster.conftest import Emotion, Start, read_until, submitted
from tests.cluster.scenes import EPOCH, Scene, play, succeed


def test_what_forbids_the_pods_is_reported_from_the_jobs_events(api: ApiServer, start: Start) -> None:
    play(api, lambda scene: scene.warn(scene.name, "FailedCreate", "exceeded quota: compute, requested: cpu=4"))
    output = read_until(start("submit", "ann"), "kubectl --namespace=emotion describe resourcequota")
    assert "waiting: FailedCreate: exceeded quota: compute" in output


def test_a_volume_that_cannot_be_mounted_is_reported_from_the_pods_events(api: ApiServer, start: Start) -> None:
    def scene(scene: Scene) -> None:
        scene.warn(scene.pod(), "FailedMount", "MountVolume.SetUp failed for volume store: timed out")

    play(api, scene)
    assert "FailedMount: MountVolume.SetUp failed" in read_until(start("submit", "ann"), "timed out")


def test_a_long_pull_is_reported_and_a_secret_that_is_not_there_is_not(api: ApiServer, start: Start) -> None:
    def scene(scene: Scene) -> None:
        pod = scene.pod()
        scene.warn(pod, "FailedScheduling", "0/1 nodes are available", at=1)
        scene.warn(pod, "Pulling", 'Pulling image "emotion-train:0.1.0-cuda"', kind="Normal", at=2)
        scene.warn(
            pod, "FailedToRetrieveImagePullSecret", "Unable to retrieve some image pull secrets (registry)", at=3
        )

    play(api, scene)
    output = read_until(start("submit", "ann"), "waiting: ")
    assert 'waiting: Pulling: Pulling image "emotion-train:0.1.0-cuda"' in output


def test_kueues_reason_is_reported_while_a_job_is_queued(api: ApiServer, start: Start) -> None:
    api.kueue = True

    def scene(scene: Scene) -> None:
        # As Kueue's webhook and controller do.
        scene.api.update("Job", scene.name, {"spec": {"suspend": True}})
        condition = {
            "type": "QuotaReserved",
            "status": "False",
            "reason": "Pending",
            "message": "insufficient unused quota for nvidia.com/gpu in flavor l4",
        }
        labels = {"kueue.x-k8s.io/job-uid": scene.uid}
        scene.api.add("Workload", "job-bert", metadata={"labels": labels}, status={"conditions": [condition]})
        scene.seen()
        scene.api.update("Job", scene.name, {"spec": {"suspend": False}})
        succeed(scene)

    play(api, scene)
    process = start("submit", "bert", "--queue", "research")
    _, output = process.communicate(timeout=60)
    assert process.returncode == 0, output
    assert "queued: Kueue: insufficient unused quota for nvidia.com/gpu in flavor l4" in output
    job = api.all("Job")[0]
    assert job["metadata"]["labels"]["kueue.x-k8s.io/queue-name"] == "research"


def test_logs_are_found_by_any_name_of_the_run(api: ApiServer, emotion: Emotion) -> None:
    scene = submitted(api, emotion, "ann", "--run", "mine")
    scene.run(scene.pod(), EPOCH, "a plain line")
    for name in ("ann/mine", "mine", "ann-mine", "ann"):
        done = emotion("logs", name)
        assert done.returncode == 0, done.stderr
        assert "epoch 3/12 * loss 0.5000" in done.stdout
        assert "a plain line" in done.stdout


def test_a_name_that_means_several_jobs_or_none_is_reported(api: ApiServer, emotion: Emotion) -> None:
    submitted(api, emotion, "ann", "--run", "mine")
    submitted(api, emotion, "lstm", "--run", "mine")
    for command in ("logs", "cancel"):
        both = emotion(command, "mine")
        assert both.returncode == 2
        assert "ann-mine, lstm-mine" in both.stderr
        none = emotion(command, "other")
        assert none.returncode == 66
        assert "emotion status" in none.stderr
    assert len(api.all("Job")) == 2


def test_events_of_a_deleted_job_of_the_same_name_are_not_reported(api: ApiServer, emotion: Emotion) -> None:
    old = submitted(api, emotion, "ann", "--run", "mine")
    old.fail("DeadlineExceeded", "Job was active longer than specified deadline")
    old.warn(old.name, "DeadlineExceeded", "Job was active longer than specified deadline")

    def scene(scene: Scene) -> None:
        scene.seen()
        pod = scene.pod()
        scene.run(pod, "training")
        scene.end(pod)
        scene.seen()
        scene.complete()

    play(api, scene)
    done = emotion("submit", "ann", "--run", "mine")
    assert done.returncode == 0, done.stderr
    assert "DeadlineExceeded" not in done.stderr
    assert done.stderr.splitlines().count("waiting for its pod") == 1
    assert done.stderr.index("\nfinishing\n") < done.stderr.index("is complete")


def test_a_quota_refusal_is_reported_again_only_when_it_changes(api: ApiServer, emotion: Emotion) -> None:
    def scene(scene: Scene) -> None:
        for second, (pod, used) in enumerate((("a1b2c", 3), ("d3e4f", 3), ("g5h6i", 3), ("j7k8l", 2))):
            refusal = (
                f'Error creating: pods "{scene.name}-{pod}" is forbidden: exceeded quota: compute, used: cpu={used}'
            )
            scene.warn(scene.name, "FailedCreate", refusal, at=second)
            scene.seen()
        succeed(scene)

    play(api, scene)
    done = emotion("submit", "ann")
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("used: cpu=3") == 1
    assert done.stderr.count("used: cpu=2") == 1
