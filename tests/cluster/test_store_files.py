"""Uploads to the cluster's store and downloads: equal files stay, cut transfers are resumed, digests are verified."""

import hashlib
import json
import random
from pathlib import Path

import pytest

from tests.cluster.api import ApiServer
from tests.cluster.conftest import Emotion

pytestmark = pytest.mark.usefixtures("lent_store")


def content(folder: Path) -> dict[str, bytes]:
    """All files of a folder."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


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


def test_a_damaged_part_is_sent_again(api: ApiServer, emotion: Emotion, source: Path) -> None:
    whole = (source / "train.txt").read_bytes()
    folder = api.store / "data" / "mine"
    folder.mkdir(parents=True)
    part = folder / f".train.txt.{hashlib.sha256(whole).hexdigest()[:12]}.part"
    part.write_bytes(b"something else")
    assert emotion("put", source / "train.txt", "mine").returncode == 0
    assert (folder / "train.txt").read_bytes() == whole


@pytest.mark.parametrize("name", ["../x", "runs/ann", "data/a/b", "/etc", "data/", "inputs/../../x", "-x"])
def test_a_place_outside_of_what_is_put_is_refused(api: ApiServer, emotion: Emotion, source: Path, name: str) -> None:
    done = emotion("put", "--json", "--", source, name)
    assert done.returncode == 2
    assert "is no place for files" in done.stderr
    assert not api.requests


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
