"""A pod's log across cut connections."""

import time

from tests.cluster.api import ApiServer
from tests.cluster.conftest import Emotion
from tests.cluster.scenes import Scene, play


def test_no_line_is_lost_or_repeated_when_the_logs_connection_is_cut(api: ApiServer, emotion: Emotion) -> None:
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
    printed = [line for line in done.stderr.splitlines() if line.startswith("line ")]
    assert printed == [f"line {number:03d}." for number in range(60)]
