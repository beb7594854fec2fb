"""The status of Jobs: reasons for waiting from the status of their pods."""

import pytest

from emotion.cluster.job_status import reason_hint
from emotion.cluster.kubectl import Kubectl
from tests.cluster.api import ApiServer
from tests.cluster.conftest import Start, read_until
from tests.cluster.scenes import Scene, play


def test_an_image_that_cannot_be_pulled_is_reported_while_it_waits(api: ApiServer, start: Start) -> None:
    def scene(scene: Scene) -> None:
        pod = scene.pod()
        scene.waiting(pod, "ImagePullBackOff", 'Back-off pulling image "emotion-train:9"')

    play(api, scene)
    process = start("submit", "ann")
    output = read_until(process, "make push")
    assert "waiting: ImagePullBackOff: Back-off pulling image" in output


def test_a_worker_that_waits_is_reported_while_others_run(api: ApiServer, start: Start) -> None:
    def scene(scene: Scene) -> None:
        scene.run(scene.pod(index=0), "waiting for the others")
        scene.unscheduled("0/2 nodes are available: 2 Insufficient nvidia.com/gpu.")

    play(api, scene)
    output = read_until(start("submit", "bert", "--workers", 2), "--gpus 0")
    assert "running: 0 of 2 pods done; one waits: Unschedulable: 0/2 nodes are available" in output


@pytest.mark.parametrize("resource", ["nvidia.com/gpu", "nvidia.com/mig-1g.10gb", "amd.com/gpu"])
def test_the_hint_for_a_missing_gpu_has_any_resource(resource: str) -> None:
    assert "--gpus 0" in reason_hint(
        Kubectl("emotion"), f"Unschedulable: 0/2 nodes are available: 2 Insufficient {resource}."
    )


def test_cores_are_no_gpu() -> None:
    assert "--gpus 0" not in reason_hint(
        Kubectl("emotion"), "Unschedulable: 0/2 nodes are available: 2 Insufficient cpu."
    )
