"""Uploads to the cluster's store and downloads: equal files stay, cut transfers are resumed, digests are verified."""

import hashlib
import io
import json
import random
import shutil
import tarfile
import time
from pathlib import Path

import pytest

from emotion.cluster.copy_files import SMALL_BYTES, STREAM_BYTES, _streams
from emotion.store.archive import FileEntry
from tests.cluster.api import ApiServer
from tests.cluster.conftest import Emotion, InPod, Start, wait_until

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
    assert "also has other files: old.csv" in done.stderr


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
    assert "is not a folder of the store" in done.stderr
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
        size = 9_000_000 if name == "model/model.onnx" else 100_000
        path.write_bytes(random.Random(name).randbytes(size))  # noqa: S311
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
    whole = (make_run(api) / "model" / "model.onnx").read_bytes()
    folder = tmp_path / "here" / "model"
    folder.mkdir(parents=True)
    part = folder / f".model.onnx.{hashlib.sha256(whole).hexdigest()[:12]}.part"
    part.write_bytes(whole[:70_000])
    before = part.stat().st_ino
    assert emotion("fetch", "ann/s1-0a1b2c3d", tmp_path / "here").returncode == 0
    assert (folder / "model.onnx").read_bytes() == whole
    assert (folder / "model.onnx").stat().st_ino == before


MANY = 200


@pytest.fixture
def many(tmp_path: Path) -> Path:
    """Give a folder of many small files, one of whose names has a line feed."""
    folder = tmp_path / "many"
    for number in range(MANY - 1):
        path = folder / str(number % 7) / f"{number}.csv"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(random.Random(number).randbytes(2_000))  # noqa: S311
    (folder / "0" / "with\nline feed.csv.gz").write_bytes(b"not packed")
    return folder


def commands(api: ApiServer) -> int:
    """Count the commands that ran in pods."""
    return sum(request.path.endswith("/exec") for request in api.requests)


def test_many_small_files_take_few_commands(api: ApiServer, emotion: Emotion, many: Path, tmp_path: Path) -> None:
    done = emotion("put", many, "inputs/many")
    assert done.returncode == 0, done.stderr
    assert f"{MANY} files written, 0 existed already" in done.stderr
    assert content(api.store / "inputs" / "many") == content(many)
    assert commands(api) == 3
    (api.store / "inputs").rename(api.store / "predictions")
    api.requests.clear()
    done = emotion("fetch", "predictions/many", tmp_path / "back")
    assert done.returncode == 0, done.stderr
    assert content(tmp_path / "back") == content(many)
    assert commands(api) == 3


def test_a_killed_put_leaves_complete_files_and_the_next_goes_on(
    api: ApiServer, emotion: Emotion, start: Start, many: Path, in_pod: InPod
) -> None:
    in_pod('{ head --bytes=150000; sleep 600; } | "$REAL" "$@"')
    process, target = start("put", many, "inputs/many", "--json"), api.store / "inputs" / "many"
    wait_until(lambda: len(content(target)) > 20)
    process.kill()
    time.sleep(0.5)
    there, wanted = content(target), content(many)
    assert 20 < len(there) < MANY
    assert all(wanted[name] == data for name, data in there.items())
    in_pod('exec "$REAL" "$@"')
    again = emotion("put", many, "inputs/many", "--json")
    assert sorted(json.loads(again.stdout)["kept"]) == sorted(there)
    assert content(target) == wanted


def test_a_killed_fetch_leaves_complete_files_and_the_next_goes_on(
    api: ApiServer, emotion: Emotion, start: Start, many: Path, in_pod: InPod, tmp_path: Path
) -> None:
    shutil.copytree(many, api.store / "predictions" / "many")
    in_pod('"$REAL" "$@" | { head --bytes=150000; sleep 600; }')
    process, target = start("fetch", "predictions/many", tmp_path / "back", "--json"), tmp_path / "back"
    wait_until(lambda: len(content(target)) > 20)
    process.kill()
    process.wait()
    there, wanted = content(target), content(many)
    assert 20 < len(there) < MANY
    assert all(wanted[name] == data for name, data in there.items())
    in_pod('exec "$REAL" "$@"')
    again = emotion("fetch", "predictions/many", target, "--json")
    assert sorted(json.loads(again.stdout)["kept"]) == sorted(there)
    assert content(target) == wanted


def test_a_cut_stream_is_sent_again(
    api: ApiServer, emotion: Emotion, many: Path, in_pod: InPod, tmp_path: Path
) -> None:
    once = '[ -e "$0.cut" ] || { touch "$0.cut"; '
    in_pod(once + 'head --bytes=150000 | "$REAL" "$@"; exit; }; exec "$REAL" "$@"')
    done = emotion("put", many, "inputs/many")
    assert done.returncode == 0, done.stderr
    assert content(api.store / "inputs" / "many") == content(many)
    (api.store / "inputs").rename(api.store / "predictions")
    in_pod(once.replace(".cut", ".cut2") + '"$REAL" "$@" | head --bytes=150000; exit; }; exec "$REAL" "$@"')
    done = emotion("fetch", "predictions/many", tmp_path / "back")
    assert done.returncode == 0, done.stderr
    assert content(tmp_path / "back") == content(many)


def test_what_the_store_sends_unasked_is_an_error(
    api: ApiServer, emotion: Emotion, in_pod: InPod, tmp_path: Path
) -> None:
    (api.store / "predictions" / "one").mkdir(parents=True)
    (api.store / "predictions" / "one" / "asked.csv").write_bytes(b"text\n")
    with tarfile.open(tmp_path / "sent.tar", "w") as archive:
        for name in ("asked.csv", "../outside.csv"):
            member = tarfile.TarInfo(name)
            member.size = 5
            archive.addfile(member, io.BytesIO(b"text\n"))
    in_pod(f"cat '{tmp_path / 'sent.tar'}'")
    done = emotion("fetch", "predictions/one", tmp_path / "back")
    assert done.returncode == 65, done.stderr
    assert "unrequested file: '../outside.csv'" in done.stderr
    assert content(tmp_path / "back") == {"asked.csv": b"text\n"}
    assert not (tmp_path / "outside.csv").exists()


@pytest.mark.parametrize("name", ["deep/small.csv", "deep/large.bin"])
def test_a_link_out_of_the_target_is_not_followed(api: ApiServer, emotion: Emotion, tmp_path: Path, name: str) -> None:
    source, elsewhere = tmp_path / "source", tmp_path / "elsewhere"
    for folder in (source / "deep", elsewhere, tmp_path / "back", api.store / "inputs" / "mine"):
        folder.mkdir(parents=True)
    (source / name).write_bytes(b"x" * (9_000_000 if "large" in name else 5))
    (api.store / "inputs" / "mine" / "deep").symlink_to(elsewhere)
    done = emotion("put", source, "inputs/mine")
    assert done.returncode == 65, done.stderr
    assert "a part of its path is a link" in done.stderr
    shutil.copytree(source, api.store / "predictions" / "mine")
    (tmp_path / "back" / "deep").symlink_to(elsewhere)
    done = emotion("fetch", "predictions/mine", tmp_path / "back")
    assert done.returncode == 65, done.stderr
    assert "a part of its path is a link" in done.stderr
    assert not list(elsewhere.iterdir())


def test_a_store_that_cannot_take_small_files_is_reported_with_73(emotion: Emotion, many: Path, in_pod: InPod) -> None:
    in_pod('ulimit -f 1; exec "$REAL" "$@"')
    done = emotion("put", many, "inputs/many")
    assert done.returncode == 73, done.stderr
    assert "the store cannot be written: File too large" in done.stderr


def test_an_image_without_the_pod_s_end_is_named(emotion: Emotion, many: Path, in_pod: InPod) -> None:
    in_pod("exit 2")
    done = emotion("put", many, "inputs/many")
    assert done.returncode == 69, done.stderr
    assert "the pod's image is older than this command" in done.stderr
    assert "--image" in done.stderr


def test_streams_are_bounded_and_have_every_small_file_once() -> None:
    sizes = [1] * 50_000 + [SMALL_BYTES, SMALL_BYTES + 1] * 20
    files = [FileEntry(str(number), size, "") for number, size in enumerate(sizes)]
    streams = list(_streams(files))
    assert max(sum(entry.size for entry in stream) for stream in streams) <= STREAM_BYTES
    assert [entry for stream in streams for entry in stream] == [file for file in files if file.size <= SMALL_BYTES]
    assert len(streams) == 3
