"""`emotion pipeline`: its steps, its table, and models that fail."""

import pytest

from tests.cluster.api import ApiServer
from tests.cluster.conftest import Emotion
from tests.cluster.scenes import Scene, play, succeed

pytestmark = pytest.mark.usefixtures("lent_store")


def compare(scene: Scene) -> None:
    """What the aggregate job does."""
    folder = scene.api.store / "comparison"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "comparison.md").write_text(
        "# Comparison on emotion\n\n| model | val. accuracy |\n| --- | ---: |\n| lstm | 0.9220 |\n| ann | 0.8950 |\n"
        "\n* a remark\n"
    )
    succeed(scene)


def test_the_pipeline_ends_with_the_table_of_the_clusters_store(api: ApiServer, emotion: Emotion) -> None:
    for job in ("prefetch", "ann", "lstm"):
        play(api, succeed, job=job)
    play(api, compare, job="aggregate")
    done = emotion("pipeline", "ann", "lstm")
    assert done.returncode == 0, done.stderr
    created = [
        r.body["metadata"]["name"].partition("-")[0]
        for r in api.requests
        if r.method == "POST" and not r.dry and r.body and r.body["kind"] == "Job"
    ]
    assert created == ["prefetch", "ann", "lstm", "aggregate", "transfer"]
    assert "0.9220" in done.stdout
    assert "a remark" in done.stdout


def test_own_data_and_models_without_weights_need_no_prefetch(api: ApiServer, emotion: Emotion) -> None:
    play(api, succeed, job="ann")
    play(api, compare, job="aggregate")
    done = emotion("pipeline", "ann", "--data", "mine")
    assert done.returncode == 0, done.stderr
    assert not [job for job in api.all("Job") if job["metadata"]["name"].startswith("prefetch")]


def test_a_model_that_fails_is_left_out_and_its_code_is_the_pipelines(api: ApiServer, emotion: Emotion) -> None:
    def fail(scene: Scene) -> None:
        pod = scene.pod()
        scene.run(pod)
        scene.end(pod, 65, message="error: bad rows")
        scene.fail("PodFailurePolicy", "")

    play(api, succeed, job="ann")
    play(api, fail, job="lstm")
    play(api, compare, job="aggregate")
    done = emotion("pipeline", "ann", "lstm", "--no-prefetch")
    assert done.returncode == 65
    assert "0.8950" in done.stdout


def test_a_prefetch_that_fails_ends_the_pipeline(api: ApiServer, emotion: Emotion) -> None:
    def fail(scene: Scene) -> None:
        pod = scene.pod()
        scene.run(pod)
        scene.end(pod, 69, message="error: the hub is out of reach")
        scene.fail("BackoffLimitExceeded", "")

    play(api, fail, job="prefetch")
    done = emotion("pipeline", "minilm")
    assert done.returncode == 69
    assert "the hub is out of reach" in done.stderr
    assert {job["metadata"]["name"] for job in api.all("Job")} == {"prefetch"}
