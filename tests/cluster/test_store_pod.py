"""`emotion put`, `fetch`, `runs --cluster` and `pipeline`: files of the cluster's store."""

import hashlib
import json
import os
import random
from pathlib import Path

import pytest

from emotion.store.layout import Store
from tests.builders import make_metrics, write_run
from tests.cluster.api import ApiServer
from tests.cluster.conftest import BIN, Emotion
from tests.cluster.scenes import Scene, lend_store, play, succeed


@pytest.fixture(autouse=True)
def lent(api: ApiServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let pods with the store run at once; their image has `emotion`."""
    monkeypatch.setenv("PATH", f"{BIN}:{os.environ['PATH']}")
    monkeypatch.setenv("EMOTION_STORE", str(api.store))
    lend_store(api)


def content(folder: Path) -> dict[str, bytes]:
    """All files of a folder."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Give a folder with files of all kinds of names and sizes."""
    folder = tmp_path / "source"
    (folder / "deep" / "er").mkdir(parents=True)
    (folder / "train.txt").write_bytes(random.Random(0).randbytes(3_000_001))  # noqa: S311
    (folder / "empty.csv").write_bytes(b"")
    (folder / "deep" / "er" / "with space, 'quotes' and ünïcode $(x).csv").write_bytes(b"a,b\r\n\0\xff")
    (folder / ".hidden").write_text("not for others")
    return folder


def test_a_folder_arrives_as_it_is_and_only_once(api: ApiServer, emotion: Emotion, source: Path) -> None:
    done = emotion("put", source, "mine", "--json")
    assert done.returncode == 0, done.stderr
    wanted = content(source)
    del wanted[".hidden"]
    assert content(api.store / "data" / "mine") == wanted
    assert sorted(json.loads(done.stdout)["written"]) == sorted(wanted)
    again = emotion("put", source, "mine", "--json")
    assert json.loads(again.stdout)["written"] == []
    assert not api.all("Job")
    assert not api.all("Pod")


def test_a_changed_file_is_replaced_and_others_are_named(api: ApiServer, emotion: Emotion, source: Path) -> None:
    assert emotion("put", source, "inputs/in").returncode == 0
    (source / "empty.csv").write_text("text\nno longer\n")
    (api.store / "inputs" / "in" / "old.csv").write_text("text\n")
    done = emotion("put", source, "inputs/in", "--json")
    assert json.loads(done.stdout)["written"] == ["empty.csv"]
    assert (api.store / "inputs" / "in" / "empty.csv").read_text() == "text\nno longer\n"
    assert "other files too: old.csv" in done.stderr


def test_a_transfer_that_was_cut_off_goes_on_where_it_was(api: ApiServer, emotion: Emotion, source: Path) -> None:
    whole = (source / "train.txt").read_bytes()
    digest = hashlib.sha256(whole).hexdigest()
    folder = api.store / "data" / "mine"
    folder.mkdir(parents=True)
    part = folder / f".train.txt.{digest[:12]}.part"
    part.write_bytes(whole[:1_000_000])
    before = part.stat().st_ino
    assert emotion("put", source / "train.txt", "mine").returncode == 0
    assert (folder / "train.txt").read_bytes() == whole
    assert (folder / "train.txt").stat().st_ino == before
    assert not part.exists()


def test_a_spoilt_part_is_sent_again(api: ApiServer, emotion: Emotion, source: Path) -> None:
    whole = (source / "train.txt").read_bytes()
    folder = api.store / "data" / "mine"
    folder.mkdir(parents=True)
    part = folder / f".train.txt.{hashlib.sha256(whole).hexdigest()[:12]}.part"
    part.write_bytes(b"something else")
    assert emotion("put", source / "train.txt", "mine").returncode == 0
    assert (folder / "train.txt").read_bytes() == whole


def test_a_lost_connection_is_tried_again(api: ApiServer, emotion: Emotion, source: Path) -> None:
    # kubectl tries SPDY after a refused WebSocket: two answers an attempt.
    api.refuse(
        "GET", "Pod/exec", 503, "ServiceUnavailable", "the server is currently unable to handle the request", times=2
    )
    done = emotion("put", source / "train.txt", "mine")
    assert done.returncode == 0, done.stderr
    assert (api.store / "data" / "mine" / "train.txt").read_bytes() == (source / "train.txt").read_bytes()


@pytest.mark.parametrize("name", ["../x", "runs/ann", "data/a/b", "/etc", "data/", "inputs/../../x", "-x"])
def test_a_place_outside_of_what_is_put_is_refused(api: ApiServer, emotion: Emotion, source: Path, name: str) -> None:
    done = emotion("put", "--json", "--", source, name)
    assert done.returncode == 2
    assert "is no place for files" in done.stderr
    assert not api.requests


def test_nothing_to_put_is_told(emotion: Emotion, tmp_path: Path) -> None:
    assert emotion("put", tmp_path / "none", "mine").returncode == 66
    (tmp_path / "bare").mkdir()
    assert emotion("put", tmp_path / "bare", "mine").returncode == 66


def make_run(api: ApiServer) -> Path:
    """Put a run with files of all kinds into the cluster's store."""
    folder = api.store / "runs" / "ann" / "s1-0a1b2c3d"
    for name in (
        "params.json",
        "metrics.json",
        "model/model.onnx",
        "checkpoints/step-1",
        "weights/final.h5",
        "report.txt",
    ):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(random.Random(name).randbytes(100_000))  # noqa: S311
    return folder


def test_a_run_comes_back_without_what_only_training_needs(api: ApiServer, emotion: Emotion, tmp_path: Path) -> None:
    folder = make_run(api)
    wanted = {name: data for name, data in content(folder).items() if not name.startswith(("checkpoints", "weights"))}
    for number, name in enumerate(("ann/s1-0a1b2c3d", "s1-0a1b2c3d")):
        target = tmp_path / f"here{number}"
        done = emotion("fetch", name, target)
        assert done.returncode == 0, done.stderr
        assert content(target) == wanted
    assert emotion("fetch", "s1-0a1b2c3d", tmp_path / "here0", "--all").returncode == 0
    assert content(tmp_path / "here0") == content(folder)
    assert not api.all("Job")


def test_a_fetch_that_was_cut_off_goes_on(api: ApiServer, emotion: Emotion, tmp_path: Path) -> None:
    folder = make_run(api)
    whole = (folder / "report.txt").read_bytes()
    target = tmp_path / "here"
    target.mkdir()
    part = target / f".report.txt.{hashlib.sha256(whole).hexdigest()[:12]}.part"
    part.write_bytes(whole[:70_000])
    before = part.stat().st_ino
    assert emotion("fetch", "ann/s1-0a1b2c3d", target).returncode == 0
    assert (target / "report.txt").read_bytes() == whole
    assert (target / "report.txt").stat().st_ino == before


def test_what_is_not_there_is_told(emotion: Emotion, tmp_path: Path) -> None:
    for name in ("ann/none", "none", "comparison", "predictions/none"):
        done = emotion("fetch", name, tmp_path / "here")
        assert done.returncode == 66, done.stderr
        assert "emotion runs list --cluster" in done.stderr


def test_a_full_store_is_told_with_73(api: ApiServer, emotion: Emotion, source: Path, small_disk: Path) -> None:
    api.store = small_disk
    done = emotion("put", source, "mine")
    assert done.returncode == 73, done.stderr
    assert "the store cannot be written" in done.stderr
    assert not api.all("Job")


def test_the_clusters_runs_are_listed_and_removed(api: ApiServer, emotion: Emotion) -> None:
    write_run(Store(api.store), make_metrics())
    listed = emotion("runs", "list", "--cluster", "--json")
    assert listed.returncode == 0, listed.stderr
    (run,) = json.loads(listed.stdout)
    refused = emotion("runs", "rm", run["run"], "--cluster")
    assert refused.returncode == 2
    assert "add --yes" in refused.stderr
    assert emotion("runs", "rm", run["run"], "--cluster", "--yes").returncode == 0
    assert not list(api.store.glob("runs/*/*/metrics.json"))
    missing = emotion("runs", "rm", "none", "--cluster", "--yes")
    assert missing.returncode == 66
    assert "no run 'none'" in missing.stderr
    assert "command terminated" not in missing.stderr


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
