"""Event files on the disk: what readers find, what a resumed training cuts, damaged files, and full disks."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from emotion.errors import CannotWriteError
from tests.disks import file_limit
from tests.events import read_events, read_scalars
from tests.training.small import ready

if TYPE_CHECKING:
    from emotion.training.event_files import EventFiles


def refuse(line: str) -> None:
    raise AssertionError(line)


def open_files(folder: Path, warn: Callable[[str], object] = refuse) -> "EventFiles":
    ready()
    from emotion.training.event_files import EventFiles

    return EventFiles(folder, warn)


def write(folder: Path, *steps: int) -> Path:
    """Write an attempt with these steps; give its file."""
    files = open_files(folder)
    for step in steps:
        files.add(step, {"loss": step / 4, "accuracy": 0.5})
    files.close()
    return files.path


def cut(folder: Path, last: int, warn: Callable[[str], object] = refuse) -> None:
    open_files(folder, warn).cut(lambda tag, step: tag == "loss" and step <= last)


def steps(folder: Path) -> list[int]:
    return [event.step for event in read_events(folder)]


def test_readers_find_every_scalar_with_its_time(tmp_path: Path) -> None:
    before = time.time()
    write(tmp_path / "new" / "folder", 1, 2)
    assert read_scalars(tmp_path / "new" / "folder") == [
        ("loss", 1, 0.25),
        ("accuracy", 1, 0.5),
        ("loss", 2, 0.5),
        ("accuracy", 2, 0.5),
    ]
    times = [event.wall_time for event in read_events(tmp_path / "new" / "folder")]
    assert before <= times[0] <= times[1] <= time.time()


def test_without_an_event_there_is_no_file(tmp_path: Path) -> None:
    files = open_files(tmp_path / "folder")
    files.sync()
    files.cut(lambda _tag, _step: False)
    files.close()
    assert not (tmp_path / "folder").exists()


def test_what_is_synced_can_be_read_while_the_file_is_open(tmp_path: Path) -> None:
    files = open_files(tmp_path)
    files.add(1, {"loss": 1.0})
    files.add(2, {"loss": 1.0})
    files.sync()
    assert steps(tmp_path) == [1, 2]
    files.close()


@pytest.mark.parametrize(
    ("last", "kept", "files"), [(9, [1, 2, 3, 4], 2), (3, [1, 2, 3], 2), (2, [1, 2], 1), (1, [1], 1), (0, [], 0)]
)
def test_a_cut_keeps_what_is_covered_and_no_empty_file(tmp_path: Path, last: int, kept: list[int], files: int) -> None:
    write(tmp_path, 1, 2)
    write(tmp_path, 3, 4)
    cut(tmp_path, last)
    assert steps(tmp_path) == kept
    assert len(list(tmp_path.iterdir())) == files
    write(tmp_path, last + 1)
    assert steps(tmp_path) == [*kept, last + 1]


def test_a_later_attempt_is_read_later_even_if_its_clock_is_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, 1)
    monkeypatch.setattr(time, "time_ns", lambda: 10**18)
    write(tmp_path, 2)
    assert steps(tmp_path) == [1, 2]


def test_a_process_that_lost_the_run_adds_nothing_to_what_was_kept(tmp_path: Path) -> None:
    late = open_files(tmp_path)
    late.add(1, {"loss": 1.0})
    late.sync()
    late.add(2, {"loss": 1.0})
    cut(tmp_path, 1)
    late.close()
    assert steps(tmp_path) == [1]


@pytest.mark.parametrize("torn", [1, 5, 16, 40])
def test_half_a_record_at_the_end_is_cut_in_silence(tmp_path: Path, torn: int) -> None:
    path = write(tmp_path, 1, 2, 3)
    path.write_bytes(path.read_bytes()[:-torn])
    cut(tmp_path, 9)
    assert steps(tmp_path) == [1, 2]


def test_a_damaged_file_is_reported_and_cut(tmp_path: Path) -> None:
    whole = write(tmp_path, 1, 2, 3)
    write(tmp_path, 4)
    content, warnings = bytearray(whole.read_bytes()), list[str]()
    content[len(content) // 2] ^= 1
    whole.write_bytes(content)
    cut(tmp_path, 9, warnings.append)
    assert steps(tmp_path) == [1, 4]
    (warning,) = warnings
    assert warning.startswith(f"{whole} is damaged after byte ")


def test_a_record_that_is_no_event_is_damage(tmp_path: Path) -> None:
    path, warnings = write(tmp_path, 1), list[str]()
    # A whole record, with its checksums, out of a file of another kind.
    files = open_files(tmp_path / "other")
    files.add(1, {"loss": 1.0})
    files.writer.write(b"\xff no event")
    files.close()
    path.write_bytes(files.path.read_bytes())
    cut(tmp_path, 9, warnings.append)
    assert steps(tmp_path) == [1]
    (warning,) = warnings
    assert warning.startswith(f"{path} is damaged after byte ")


@pytest.mark.parametrize("kind", ["folder", "link", "loop"])
def test_what_is_no_file_stays_and_ends_no_training(tmp_path: Path, kind: str) -> None:
    other = tmp_path / "events.out.tfevents.17"
    if kind == "folder":
        other.mkdir()
    else:
        other.symlink_to(other if kind == "loop" else tmp_path / "absent")
    cut(tmp_path, 9)
    path = write(tmp_path, 1)
    assert set(tmp_path.iterdir()) == {other, path}


def test_files_of_others_stay(tmp_path: Path) -> None:
    other = tmp_path / "events.out.tfevents.1700000000.host"
    other.write_bytes(b"other")
    write(tmp_path, 1)
    cut(tmp_path, 0)
    assert list(tmp_path.iterdir()) == [other]


def test_a_full_disk_is_reported_when_events_have_to_be_on_it(tmp_path: Path) -> None:
    files = open_files(tmp_path)
    files.add(1, {"loss": 1.0})
    files.sync()
    with file_limit(100):
        files.add(2, {"loss": 1.0})
        files.add(3, {"loss": 1.0})
        with pytest.raises(CannotWriteError, match=r"cannot write .*tfevents.*: File too large"):
            files.sync()


def test_a_folder_that_cannot_be_made_is_reported(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(CannotWriteError, match="Not a directory"):
        open_files(tmp_path / "file" / "folder").add(1, {"loss": 1.0})
