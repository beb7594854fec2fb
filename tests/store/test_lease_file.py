"""Lease files: what they say, garbage, and disks without links."""

import errno
import os
from pathlib import Path
from typing import Any

import pytest

from emotion.errors import TryAgainError
from emotion.store.lease import hold
from emotion.store.lease_file import current_holder, newest_holder
from tests.store.conftest import FIRST, SECOND, Start, edit, eventually, foreign, names, nobody

pytestmark = pytest.mark.usefixtures("short_times")


def test_a_process_that_got_the_number_of_a_dead_one_is_not_the_holder(tmp_path: Path, start: Start) -> None:
    start(tmp_path).kill()
    edit(tmp_path / FIRST, pid=os.getpid())

    with hold(tmp_path, 0, nobody):
        pass


@pytest.mark.parametrize("modified", [0, 4_000_000_000])
def test_the_time_of_the_file_says_nothing(tmp_path: Path, modified: int) -> None:
    path = foreign(tmp_path)
    os.utime(path, (modified, modified))
    holder = current_holder(tmp_path)
    assert holder is not None
    assert holder.seconds_since_beat >= 0
    with pytest.raises(TryAgainError), hold(tmp_path, 0.5, lambda _: None):
        pass

    with hold(tmp_path, 30, lambda _: None) as held:
        os.utime(held.path, (modified, modified))
        eventually(lambda: held.path.stat().st_mtime != modified)
        held.check()


CONTENTS = [b"", b"{", b"\xff\x00\xfe", b"[]", b'{"generation": 1}', b"{" * 10**6, b'{"pid": 1e400}']


@pytest.mark.parametrize("content", CONTENTS)
def test_garbage_counts_like_a_holder_that_cannot_be_told(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "lease-00000007.json").write_bytes(content)
    (tmp_path / "lease-x.json").write_text("no lease")
    assert newest_holder(tmp_path) is None
    assert current_holder(tmp_path) is None
    with pytest.raises(TryAgainError, match="an unknown process"), hold(tmp_path, 0.5, lambda _: None):
        pass

    with hold(tmp_path, 30, lambda _: None) as held:
        assert held.holder.generation == 8
        assert held.previous is None
        held.check()
    assert names(tmp_path) == ["lease-00000008.json", "lease-x.json"]


def test_a_folder_in_the_place_of_a_lease(tmp_path: Path) -> None:
    (tmp_path / FIRST).mkdir()

    with hold(tmp_path, 30, lambda _: None) as held:
        assert held.holder.generation == 2


@pytest.mark.parametrize("change", [{"pid": 0}, {"pid": -1}, {"pid": 2**70}, {"ended": "later"}])
def test_impossible_holders_are_garbage(tmp_path: Path, change: dict[str, Any]) -> None:
    foreign(tmp_path, **change)

    assert newest_holder(tmp_path) is None


def test_a_later_version_s_lease_is_read(tmp_path: Path) -> None:
    foreign(tmp_path, colour="blue", ended="stopped")

    with hold(tmp_path, 0, nobody) as held:
        assert held.previous is not None
        assert held.previous.ended == "stopped"


def no_links(*_: object, **__: object) -> None:
    raise OSError(errno.EPERM, "no links here")


def test_a_disk_without_links(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "link", no_links)
    with hold(tmp_path, 0, nobody) as held:
        held.check()
        with pytest.raises(TryAgainError), hold(tmp_path, 0, nobody):
            pass
    with hold(tmp_path, 0, nobody) as held:
        assert held.holder.generation == 2
    assert names(tmp_path) == [SECOND]


def test_a_link_whose_answer_was_lost_is_the_own_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """NFS asks again where an answer is lost, and is then told that the file exists."""
    link = os.link

    def twice(source: Path, target: Path) -> None:
        link(source, target)
        link(source, target)

    monkeypatch.setattr(os, "link", twice)
    with hold(tmp_path, 0, nobody) as held:
        held.check()
