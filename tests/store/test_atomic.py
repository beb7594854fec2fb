"""Files are whole or not there: through kills, errors, full and read-only disks."""

import errno
import gzip
import os
import random
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from emotion.errors import CannotWriteError, Terminated
from emotion.store import atomic as files
from emotion.store.atomic import (
    open_replacing,
    remove_leftovers,
    replacing,
    sha256,
    write_bytes,
    write_json,
    write_text,
)
from tests.disks import LIMIT, file_limit

NOISE = random.Random(0).randbytes(4 * LIMIT)  # noqa: S311  bytes that do not compress


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def write_parts(path: Path, *parts: bytes | BaseException) -> None:
    """Write bytes one after the other; an exception among them is raised there."""
    with open_replacing(path) as file:
        for part in parts:
            if isinstance(part, BaseException):
                raise part
            file.write(part)


@pytest.mark.parametrize("name", ["out.csv", "out.csv.gz"])
def test_a_killed_writer_leaves_the_old_content(in_memory: Path, name: str) -> None:
    path = in_memory / name
    write_bytes(path, b"old")
    before = path.read_bytes()
    script = (
        "import pathlib, sys, time\n"
        "from emotion.store.atomic import open_replacing\n"
        "with open_replacing(pathlib.Path(sys.argv[1])) as file:\n"
        "    file.write(b'new' * 100_000)\n"
        "    file.flush()\n"
        "    print('writing', flush=True)\n"
        "    time.sleep(60)\n"
    )
    with subprocess.Popen([sys.executable, "-c", script, path], stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None
        assert writer.stdout.readline() == "writing\n"
        writer.kill()
    assert writer.returncode == -signal.SIGKILL
    assert path.read_bytes() == before
    assert names(in_memory) == [name]
    write_bytes(path, b"newer")
    assert path.read_bytes() != before


def _no_nameless_files(patch: pytest.MonkeyPatch) -> None:
    """NFS, as os.open sees it."""
    opened = os.open

    def refuse(path: Path, flags: int, mode: int = 0o777) -> int:
        if flags & os.O_TMPFILE == os.O_TMPFILE:
            raise OSError(errno.EOPNOTSUPP, "Operation not supported")
        return opened(path, flags, mode)

    patch.setattr(os, "open", refuse)


def _no_links(patch: pytest.MonkeyPatch) -> None:
    def refuse(*_arguments: object, **_options: object) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    patch.setattr(os, "link", refuse)


LACKS: dict[str, Callable[[pytest.MonkeyPatch], None]] = {
    "files without a name": _no_nameless_files,
    "links": _no_links,
    "proc": lambda patch: patch.setattr(files, "OPENED", Path("/nowhere")),
}


@pytest.mark.parametrize("lack", LACKS)
@pytest.mark.parametrize("name", ["out.csv", "out.csv.gz"])
def test_file_systems_that_lack_something(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lack: str, name: str
) -> None:
    path = tmp_path / name
    write_bytes(path, b"old")
    before = path.read_bytes()
    LACKS[lack](monkeypatch)
    with pytest.raises(ValueError, match="no"):
        write_parts(path, b"half", ValueError("no"))
    assert path.read_bytes() == before
    write_bytes(path, NOISE)
    content = path.read_bytes()
    assert (gzip.decompress(content) if path.suffix == ".gz" else content) == NOISE
    assert path.stat().st_mode & 0o777 == 0o666 & ~_umask()
    assert names(tmp_path) == [name]


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def test_a_file_without_a_name_is_linked_to_and_not_copied(in_memory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "copyfile", None)
    with open_replacing(in_memory / "out.csv") as file:
        file.write(b"new")
        assert names(in_memory) == []
    assert (in_memory / "out.csv").read_bytes() == b"new"


def test_what_killed_writers_left_is_swept_up(tmp_path: Path) -> None:
    kept = [".0123abcd", ".0123abcd.d", ".0123abcg.a.csv", ".0123abcde.a.csv", "0123abcd.a.csv", ".a.csv", "a.csv"]
    for folder in (tmp_path, tmp_path / "model"):
        (folder / ".0123abcd.d").mkdir(parents=True)
        for name in (".0123abcd.a.csv", ".ffffffff.metrics.json", *kept):
            if not (folder / name).exists():
                (folder / name).touch()
    remove_leftovers(tmp_path)
    assert names(tmp_path) == sorted([*kept, "model"])
    assert names(tmp_path / "model") == sorted(kept)
    remove_leftovers(tmp_path / "nowhere")


def test_sweeping_beside_another_who_sweeps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".0123abcd.a.csv").touch()
    unlink = Path.unlink

    def vanish(path: Path) -> None:
        unlink(path)
        unlink(path)

    monkeypatch.setattr(Path, "unlink", vanish)
    remove_leftovers(tmp_path)
    assert names(tmp_path) == []


def test_readers_see_the_old_content_until_the_new_one_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "out.txt"
    write_text(path, "old")
    with open_replacing(path) as file:
        file.write(b"new")
        file.flush()
        assert path.read_text() == "old"
    assert path.read_text() == "new"


@pytest.mark.parametrize("error", [ValueError("no"), KeyboardInterrupt(), Terminated()])
def test_an_error_leaves_the_old_content_and_no_temporary(tmp_path: Path, error: BaseException) -> None:
    path = tmp_path / "out.txt"
    write_text(path, "old")
    with pytest.raises(type(error)):
        write_parts(path, b"half", error)
    assert path.read_text() == "old"
    assert names(tmp_path) == ["out.txt"]


def test_folders_on_the_way_are_made(tmp_path: Path) -> None:
    write_json(tmp_path / "runs" / "ann" / "progress.json", {"epoch": 1, "label": "café"})
    content = (tmp_path / "runs" / "ann" / "progress.json").read_text(encoding="utf-8")
    assert "café" in content
    assert content.endswith("}\n")


def test_json_that_no_other_reader_takes_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="JSON"):
        write_json(tmp_path / "out.json", {"loss": float("nan")})
    assert names(tmp_path) == []


def test_the_temporary_name_keeps_the_suffix_and_the_folder(tmp_path: Path) -> None:
    """Writers of other libraries choose their format by it, and a rename works within one file system."""
    with replacing(tmp_path / "test.npz") as temporary:
        assert temporary.suffix == ".npz"
        assert temporary.parent == tmp_path
        assert temporary.name.startswith(".")
        temporary.write_bytes(b"x")
    assert names(tmp_path) == ["test.npz"]


def test_a_new_file_has_the_permissions_that_the_umask_gives(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        write_text(tmp_path / "out.txt", "x")
    finally:
        os.umask(before)
    assert (tmp_path / "out.txt").stat().st_mode & 0o777 == 0o640


@pytest.mark.parametrize("name", ["big.bin", "big.bin.gz"])
def test_a_full_disk(small_disk: Path, name: str) -> None:
    path = small_disk / name
    write_bytes(path, b"old")
    before = path.read_bytes()
    with pytest.raises(CannotWriteError) as caught:
        write_bytes(path, NOISE)
    assert caught.value.exit_code == 73
    assert str(path) in caught.value.message
    assert caught.value.hint
    assert path.read_bytes() == before
    assert names(small_disk) == [name]


def test_a_full_disk_that_shows_only_on_closing(small_disk: Path) -> None:
    """The last block stands in a buffer until the file is closed."""
    path = small_disk / "big.bin"
    with pytest.raises(CannotWriteError):
        write_parts(path, NOISE[: LIMIT - 100], b"x" * 4096)
    assert names(small_disk) == []


def test_a_limit_on_the_size_of_files(tmp_path: Path) -> None:
    with file_limit(LIMIT), pytest.raises(CannotWriteError):
        write_bytes(tmp_path / "big.bin", NOISE)
    assert names(tmp_path) == []


def test_a_read_only_folder(read_only: Path) -> None:
    with pytest.raises(CannotWriteError) as caught:
        write_text(read_only / "result.json", "new")
    assert caught.value.exit_code == 73
    assert str(read_only) in caught.value.message


@pytest.mark.parametrize("name", ["file/out.txt", "file/deeper/out.txt", "folder", "a" * 300])
def test_a_path_where_no_file_can_be(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").write_text("in the way")
    (tmp_path / "folder").mkdir()
    with pytest.raises(CannotWriteError, match="cannot write"):
        write_text(tmp_path / name, "x")
    assert names(tmp_path) == ["file", "folder"]


def test_packed_files_of_equal_content_are_equal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    contents = []
    for number, path in enumerate([tmp_path / "a.csv.gz", tmp_path / "other.csv.gz"]):
        monkeypatch.setattr("time.time", lambda number=number: 1e9 * (number + 1))
        write_text(path, "text,label\n" * 100)
        contents.append(path.read_bytes())
    assert contents[0] == contents[1]
    assert gzip.decompress(contents[0]) == b"text,label\n" * 100


def test_the_digest_is_that_of_the_bytes(tmp_path: Path) -> None:
    write_text(tmp_path / "a", "abc")
    assert sha256(tmp_path / "a") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


@pytest.mark.parametrize("mask", [0o022, 0o077, 0o002])
def test_what_a_library_wrote_may_be_read_by_whom_the_umask_lets(tmp_path: Path, mask: int) -> None:
    before = os.umask(mask)
    try:
        with replacing(tmp_path / "model.safetensors") as temporary:
            temporary.touch(mode=0o600)
            temporary.write_bytes(b"weights")
    finally:
        assert os.umask(before) == mask
    assert (tmp_path / "model.safetensors").stat().st_mode & 0o777 == 0o666 & ~mask
