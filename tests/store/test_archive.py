"""Streams of files: what arrives is what was listed, and nothing is written outside of the folder."""

import hashlib
import io
import os
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from emotion.errors import BadDataError, CheckFailedError, InputMissingError
from emotion.store.archive import FileEntry, pack, read_list, unpack, write_list

DATA = b"text\nhappy\n"


def entry(path: str, data: bytes = DATA) -> FileEntry:
    return FileEntry(path, len(data), hashlib.sha256(data).hexdigest())


def member(name: str, data: bytes = DATA, **fields: object) -> tuple[tarfile.TarInfo, bytes]:
    made = tarfile.TarInfo(name)
    made.size = len(data)
    for field, value in fields.items():
        setattr(made, field, value)
    return made, data


def stream(*members: tuple[tarfile.TarInfo, bytes]) -> io.BytesIO:
    sent = io.BytesIO()
    with tarfile.open(fileobj=sent, mode="w") as archive:
        for info, data in members:
            archive.addfile(info, io.BytesIO(data))
    sent.seek(0)
    return sent


def files(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture(params=["filters", "3.11.2"])
def target(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder, under a Python with tarfile's filters and under Debian 12's, which has none."""
    if request.param == "3.11.2":
        monkeypatch.delattr(tarfile, "data_filter", raising=False)
    folder = tmp_path / "target"
    folder.mkdir()
    return folder


def test_files_arrive_with_any_name(target: Path, tmp_path: Path) -> None:
    source = tmp_path / "source"
    (source / "deep").mkdir(parents=True)
    (source / "line\nfeed").write_bytes(DATA)
    Path(os.fsdecode(bytes(source) + b"/deep/\xff")).write_bytes(b"")
    (source / ("deep/" + "n" * 200)).write_bytes(DATA * 10_000)
    (source / "packed.gz").write_bytes(b"not packed")
    listed = [entry(name, data) for name, data in files(source).items()]
    sent = io.BytesIO()
    write_list(sent, listed)
    assert list(pack(source, listed, sent)) == listed
    sent.seek(0)
    assert list(unpack(sent, target, read_list(sent))) == listed
    assert files(target) == files(source)


HOSTILE = [
    member("../outside"),
    member("/outside"),
    member("a.csv/../../outside"),
    member("unasked.csv"),
    member("line\nfeed"),
    member("empty", b"", type=tarfile.SYMTYPE, linkname="../outside"),
    member("empty", b"", type=tarfile.LNKTYPE, linkname="../outside"),
    member("empty", b"", type=tarfile.DIRTYPE),
    member("empty", b"", type=tarfile.CHRTYPE),
    member("empty", b"", type=tarfile.FIFOTYPE),
    member("a.csv", DATA + b"more"),
    member("a.csv", pax_headers={"GNU.sparse.major": "0", "GNU.sparse.size": "11", "GNU.sparse.map": "0,11"}),
]


@pytest.mark.parametrize("hostile", HOSTILE, ids=lambda made: f"{made[0].name!r}-{made[0].type!r}")
def test_what_was_not_asked_for_is_refused(
    target: Path, tmp_path: Path, hostile: tuple[tarfile.TarInfo, bytes]
) -> None:
    (tmp_path / "outside").write_bytes(b"mine")
    sent = stream(member("first.csv"), hostile)
    with pytest.raises(BadDataError):
        list(unpack(sent, target, [entry("first.csv"), entry("a.csv"), entry("empty", b"")]))
    assert files(tmp_path) == {"outside": b"mine", "target/first.csv": DATA}
    assert len(list(tmp_path.rglob("*"))) == 3


def test_a_doubled_name_is_refused(target: Path) -> None:
    with pytest.raises(BadDataError, match="unrequested file"):
        list(unpack(stream(member("a.csv"), member("a.csv", b"other")), target, [entry("a.csv")]))
    assert files(target) == {"a.csv": DATA}


@pytest.mark.parametrize("link", ["deep", "deep/a.csv"])
def test_a_link_out_of_the_folder_is_not_followed(target: Path, tmp_path: Path, link: str) -> None:
    (tmp_path / "outside").mkdir()
    (target / link).parent.mkdir(exist_ok=True)
    (target / link).symlink_to(tmp_path / "outside")
    with pytest.raises(BadDataError):
        list(unpack(stream(member("deep/a.csv")), target, [entry("deep/a.csv")]))
    assert not list((tmp_path / "outside").iterdir())


@pytest.mark.parametrize(
    "damage",
    [lambda sent: sent[:1500], lambda sent: sent[:512], lambda _: b"", lambda sent: sent.replace(b"happy", b"angry")],
    ids=["between", "within", "empty", "changed"],
)
def test_a_damaged_stream_leaves_no_part_of_a_file(target: Path, damage: Callable[[bytes], bytes]) -> None:
    sent = stream(member("a.csv", b"first"), member("b.csv"))
    with pytest.raises(CheckFailedError):
        list(unpack(io.BytesIO(damage(sent.getvalue())), target, [entry("a.csv", b"first"), entry("b.csv")]))
    assert files(target).items() <= {"a.csv": b"first"}.items()


def test_a_missing_file_is_noticed(target: Path) -> None:
    with pytest.raises(CheckFailedError, match="1 files are missing"):
        list(unpack(stream(member("a.csv")), target, [entry("a.csv"), entry("b.csv")]))


@pytest.mark.parametrize(
    "line", [b"", b"{}", b"[1]", b'[["../a", 1, ""]]', b'[["/a", 1, ""]]', b'[["a\\u0000", 1, ""]]']
)
def test_a_list_that_leads_out_of_the_folder_is_refused(line: bytes) -> None:
    if line == b"{}":
        assert read_list(io.BytesIO(line)) == []
        return
    with pytest.raises(BadDataError):
        read_list(io.BytesIO(line))


def test_a_file_that_changes_or_goes_is_not_sent(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(DATA + b"more")
    with pytest.raises(BadDataError, match="changes while it is read"):
        list(pack(tmp_path, [entry("a.csv")], io.BytesIO()))
    with pytest.raises(InputMissingError, match="No such file"):
        list(pack(tmp_path, [entry("gone.csv")], io.BytesIO()))


def test_the_pod_sends_nothing_through_a_link(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "secret").write_bytes(DATA)
    (tmp_path / "folder" / "a.csv").symlink_to(tmp_path / "secret")
    with pytest.raises(BadDataError, match="is a link"):
        list(pack(tmp_path / "folder", [entry("a.csv")], io.BytesIO()))
