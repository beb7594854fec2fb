"""Sweeps on a cluster: one Indexed Job, a pod per point, the table from the store, and what ends such a Job."""

import json
import re
import time
from typing import Any

import pytest

from emotion.store.layout import Store
from tests.builders import make_metrics, write_run
from tests.cluster.api import ApiServer
from tests.cluster.conftest import Emotion
from tests.cluster.job_fields import container, variables
from tests.cluster.renderings import ROOT
from tests.cluster.scenes import Scene, lend_store, play

RATES = ("--set", "training.learning_rate=1e-3,2e-3")
SWEEP = ("sweep", "ann", "--cluster", *RATES, "--seeds", "1-2")


def points(api: ApiServer) -> list[dict[str, Any]]:
    # The ConfigMap comes after its Job.
    until = time.monotonic() + 60
    while not (configs := api.all("ConfigMap")):
        assert time.monotonic() < until, "no ConfigMap"
        time.sleep(0.05)
    (config,) = configs
    content: list[dict[str, Any]] = json.loads(config["data"]["points.json"])
    return content


def train(api: ApiServer, scene: Scene, index: int, code: int = 0) -> None:
    """Play a pod that trains a point, with the result in the store unless it fails."""
    point = points(api)[index]
    pod = scene.pod(index=index)
    scene.run(pod, f"training {point['run']}")
    if code == 0:
        # The second rate is the better one; the seed adds a hundredth.
        accuracy = (0.9 if point["settings"] == ["training.learning_rate=2e-3"] else 0.8) + point["seed"] / 100
        metrics = make_metrics("ann", point["run"], validation__accuracy=accuracy, seed=point["seed"])
        write_run(Store(api.store), metrics)
    scene.end(pod, code)


def test_it_is_one_indexed_job_with_a_pod_a_point(api: ApiServer, emotion: Emotion) -> None:
    done = emotion(*SWEEP, "--max-parallel", 3, "--queue", "research", "--spot", "--no-follow")
    assert done.returncode == 0, done.stderr
    (job,) = api.all("Job")
    spec = job["spec"]
    assert re.fullmatch("ann-sweep-[0-9a-f]{8}", job["metadata"]["name"])
    assert (spec["completionMode"], spec["completions"], spec["parallelism"]) == ("Indexed", 4, 3)
    assert spec["backoffLimitPerIndex"] == 4
    assert "backoffLimit" not in spec
    assert job["metadata"]["labels"]["kueue.x-k8s.io/queue-name"] == "research"
    assert "affinity" in spec["template"]["spec"]
    assert container(job)["args"] == ["train", "--point", "$(JOB_COMPLETION_INDEX)"]
    assert variables(job)["EMOTION_POINTS"] == "/params/points.json"
    assert "EMOTION_RUN" not in variables(job)
    assert "4, 3 at once" in done.stderr
    for index, point in enumerate(points(api)):
        settings = ", ".join([*point["settings"], f"training.seed={point['seed']}"])
        assert f"  {index}: {settings}, run ann/{point['run']}\n" in done.stderr


def test_a_points_run_is_the_run_that_submit_makes(api: ApiServer, emotion: Emotion) -> None:
    emotion(*SWEEP, "--no-follow")
    swept = {point["run"] for point in points(api)}
    emotion("submit", "ann", "--set", "training.learning_rate=2e-3", "--set", "training.seed=2", "--no-follow")
    single = next(job for job in api.all("Job") if "sweep" not in job["metadata"]["name"])
    assert variables(single)["EMOTION_RUN"] in swept


@pytest.mark.usefixtures("lent_store")
def test_it_ends_with_a_table_of_means_over_seeds_and_the_best_settings(api: ApiServer, emotion: Emotion) -> None:
    def scene(scene: Scene) -> None:
        for index in range(4):
            train(api, scene, index)
        scene.complete(4)

    play(api, scene, job="ann")
    lend_store(api)
    done = emotion(*SWEEP)
    assert done.returncode == 0, done.stderr
    rows = [[cell.strip() for cell in line.split("│")[1:-1]] for line in done.stdout.splitlines() if "e-3" in line]
    assert [row[:3] for row in rows] == [["2e-3", "2 of 2", "0.9150"], ["1e-3", "2 of 2", "0.8150"]]
    assert done.stdout.endswith("[training]\nlearning_rate = 0.002\n")
    assert "next: emotion submit aggregate\n" in done.stderr
    again = emotion(*SWEEP, "--json")
    (record,) = json.loads(again.stdout)
    assert record["exit_code"] == 0
    assert record["sweep"]["best"] == {"training": {"learning_rate": 2e-3}}
    runs = {run["run"] for candidate in record["sweep"]["candidates"] for run in candidate["runs"]}
    assert runs == {f"ann/{point['run']}" for point in points(api)}


@pytest.mark.usefixtures("lent_store")
def test_a_point_that_diverges_fails_alone_and_has_no_scores(api: ApiServer, emotion: Emotion) -> None:
    def scene(scene: Scene) -> None:
        train(api, scene, 0, code=70)
        for index in (1, 2, 3):
            train(api, scene, index)
        scene.fail("FailedIndexes", "Job has failed indexes")

    play(api, scene, job="ann")
    lend_store(api)
    done = emotion(*SWEEP)
    assert done.returncode == 70, done.stderr
    assert re.search(r"│ 1e-3 +│ 1 of 2 │", done.stdout)
    run = points(api)[0]["run"]
    assert f"training.learning_rate=1e-3, training.seed=1 has no scores: its run ann/{run} is absent" in done.stderr
    assert done.stdout.endswith("learning_rate = 0.002\n")


@pytest.mark.usefixtures("lent_store")
def test_a_complete_run_that_its_pod_refuses_has_no_scores(api: ApiServer, emotion: Emotion) -> None:
    """The data of the same name has changed since: other validation rows."""

    def scene(scene: Scene) -> None:
        train(api, scene, 0)
        train(api, scene, 0, code=78)
        for index in (1, 2, 3):
            train(api, scene, index)
        api.update("Job", scene.name, {"status": {"failedIndexes": "0"}})
        scene.fail("FailedIndexes", "Job has failed indexes")

    play(api, scene, job="ann")
    lend_store(api)
    done = emotion(*SWEEP)
    assert done.returncode == 78, done.stderr
    assert re.search(r"│ 1e-3 +│ 1 of 2 │ +0.8200 │", done.stdout)
    run = points(api)[0]["run"]
    assert f"training.seed=1 has no scores: its pod failed, and its run ann/{run} is complete" in done.stderr


def test_a_mistake_that_all_points_share_ends_the_job_without_a_table(api: ApiServer, emotion: Emotion) -> None:
    def scene(scene: Scene) -> None:
        train(api, scene, 0, code=66)
        scene.fail("PodFailurePolicy", "Container main for pod failed with exit code 66 matching FailJob rule")

    play(api, scene, job="ann")
    done = emotion(*SWEEP)
    assert done.returncode == 66, done.stderr
    assert done.stdout == ""


def test_the_same_sweep_in_another_order_follows_the_job_at_work(api: ApiServer, emotion: Emotion) -> None:
    emotion(*SWEEP, "--no-follow")
    done = emotion(
        "sweep", "ann", "--cluster", "--set", "training.learning_rate=2e-3,1e-3", "--seeds", "2,1", "--no-follow"
    )
    assert done.returncode == 0, done.stderr
    assert "running already" in done.stderr
    assert len(api.all("Job")) == 1


def test_seeds_of_submit_are_a_sweep_without_values(api: ApiServer, emotion: Emotion) -> None:
    done = emotion("submit", "ann", "lstm", "--seeds", "1-3", "--set", "training.epochs=5", "--no-follow")
    assert done.returncode == 0, done.stderr
    assert [job["spec"]["completions"] for job in api.all("Job")] == [3, 3]
    for config in api.all("ConfigMap"):
        found = json.loads(config["data"]["points.json"])
        assert [(point["seed"], point["settings"]) for point in found] == [
            (n, ["training.epochs=5"]) for n in (1, 2, 3)
        ]
        assert [point["run"][:3] for point in found] == ["s1-", "s2-", "s3-"]


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["submit", "ann", "--seeds", "1-2", "--run", "mine"], 2, "leave out --run"),
        (["submit", "ann", "--seeds", "1-2", "--workers", "2"], 2, "without --workers"),
        (["submit", "ann", "--seeds", "1-2", "--set", "training.seed=3"], 2, "contradicts --seeds"),
        (["submit", "ann", "--max-parallel", "2"], 2, "add --seeds"),
        (["submit", "classify", "--seeds", "1-2"], 2, "leave out --set, --seeds"),
        (["sweep", "ann", "--cluster", "--set", "resources.device=cpu,gpu"], 2, "leave out resources.device"),
        (["sweep", "ann", "--cluster", "--set", "training.learning_rate=1,2"], 78, "learning_rate"),
    ],
)
def test_a_sweep_that_cannot_be_is_refused_before_any_creation(
    api: ApiServer, emotion: Emotion, arguments: list[str], code: int, message: str
) -> None:
    done = emotion(*arguments)
    assert done.returncode == code, done.stderr
    assert message in done.stderr
    assert api.all("Job") == []


@pytest.mark.parametrize("line", re.findall(r"^emotion sweep .*$", (ROOT / "jobs/README.md").read_text(), flags=re.M))
def test_the_commands_that_the_jobs_readme_proposes_are_accepted(api: ApiServer, emotion: Emotion, line: str) -> None:
    done = emotion(*line.split()[1:], "--dry-run")
    assert done.returncode == 0, done.stderr
    assert api.all("Job") == []
