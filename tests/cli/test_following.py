"""Following from a terminal: Ctrl-C detaches, and several jobs have one exit code."""

import json
import signal
import subprocess
from collections.abc import Mapping

from tests.cluster.api import ApiServer
from tests.cluster.conftest import BIN, Emotion, Start, read_until
from tests.cluster.scenes import Scene, play, succeed


def test_a_pod_that_no_node_can_take_is_reported_with_what_helps_and_ctrl_c_detaches(
    api: ApiServer, start: Start
) -> None:
    play(api, lambda scene: scene.unscheduled("0/3 nodes are available: 3 Insufficient nvidia.com/gpu."))
    process = start("submit", "bert")
    output = read_until(process, "--gpus 0")
    assert "Unschedulable: 0/3 nodes are available: 3 Insufficient nvidia.com/gpu." in output
    process.send_signal(signal.SIGINT)
    _, rest = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "detached: job bert-s1-" in rest
    assert "emotion logs bert-s1-" in rest
    assert "emotion cancel bert-s1-" in rest
    assert "Traceback" not in rest
    assert [job["metadata"]["name"] for job in api.all("Job")]


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
    codes = {record["job"].partition("-")[0]: record["exit_code"] for record in json.loads(done.stdout)}
    assert codes == {"ann": 0, "lstm": 65}


def test_the_next_commands_have_the_options_that_reach_the_same_store(api: ApiServer, emotion: Emotion) -> None:
    api.add("Namespace", "team")
    api.add("ServiceAccount", "emotion", namespace="team")
    api.add("PersistentVolumeClaim", "shared", namespace="team", spec={"accessModes": ["ReadWriteMany"]})
    play(api, succeed)
    place = ["-n", "team", "--context", "test", "--store-claim", "shared", "--overlay", "local"]
    done = emotion("submit", "ann", *place)
    assert done.returncode == 0, done.stderr
    assert f"next: emotion submit aggregate {' '.join(place)}" in done.stderr


def test_the_hint_in_the_pods_log_gets_the_context_of_the_command(api: ApiServer, emotion: Emotion) -> None:
    def fail(scene: Scene) -> None:
        pod = scene.pod()
        scene.run(pod)
        scene.end(pod, 66, message="error: no data\n  try: put a data set there: emotion put DIR reviews -n emotion")
        scene.fail("PodFailurePolicy", "")

    play(api, fail)
    done = emotion("submit", "ann", "--context", "test")
    assert done.returncode == 66
    assert "try: put a data set there: emotion put DIR reviews -n emotion (with --context test)" in done.stderr


def test_a_shell_with_another_namespace_gets_the_default_one_by_name(
    api: ApiServer, environment: Mapping[str, str]
) -> None:
    play(api, succeed)
    command = [str(BIN / "emotion"), "submit", "ann", "--no-follow", "-n", "emotion"]
    done = subprocess.run(
        command, env={**environment, "EMOTION_NAMESPACE": "team"}, capture_output=True, text=True, check=False
    )
    assert "to see the jobs: emotion status -n emotion;" in done.stderr
