"""Leases: one process at a time, through kills, pauses, clocks that jump, garbage, full and read-only disks."""

import contextlib
import errno
import itertools
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from emotion.errors import CannotWriteError, Terminated, TryAgainError
from emotion.store import lease, lease_file
from emotion.store.lease import Lease, hold
from emotion.store.lease_file import Holder, Observation, current_holder, newest_holder, observe_newest
from tests.disks import MEANS, file_limit, mounted, remount
from tests.store.conftest import FIRST, SECOND, Start, edit, eventually, foreign, names, nobody, read_reply

pytestmark = pytest.mark.usefixtures("short_times")


def ask(process: subprocess.Popen[str]) -> str:
    """Let a holder check its lease. Return its reply, which is empty after a failure."""
    assert process.stdin is not None
    process.stdin.write("\n")
    process.stdin.flush()
    return read_reply(process)


def ended(folder: Path) -> str | None:
    holder = newest_holder(folder)
    assert holder is not None
    return holder.ended


def test_the_lease_says_who_holds_the_folder(tmp_path: Path) -> None:
    folder = tmp_path / "runs" / "ann" / "mine"
    assert (newest_holder(folder), current_holder(folder)) == (None, None)

    with hold(folder, 0, nobody) as held:
        held.check()
        held.set_facts(batch=32)
        held.set_facts(loss=float("nan"))
        holder = current_holder(folder)
        assert holder is not None
        assert (holder.generation, holder.pid, holder.ended) == (1, os.getpid(), None)
        assert holder.facts == {"batch": 32, "loss": "NaN"}
        assert holder.here
        assert not holder.dead
        assert held.previous is None
        assert names(folder) == [FIRST]

    assert current_holder(folder) is None
    assert ended(folder) == "complete"
    assert names(folder) == [FIRST]


RACER = """
import fcntl, os, random, sys, time
from pathlib import Path
from emotion.store import lease
folder, witness = Path(sys.argv[1]), open(sys.argv[2], "a")
for _ in range(6):
    with lease.hold(folder, 300, lambda line: None) as held:
        fcntl.flock(witness, fcntl.LOCK_EX | fcntl.LOCK_NB)
        witness.write(f"{held.holder.generation}\\n")
        witness.flush()
        time.sleep(random.uniform(0, 0.05))
        held.check()
        if random.random() < 0.1:
            os.kill(os.getpid(), 9)
        fcntl.flock(witness, fcntl.LOCK_UN)
        if random.random() < 0.2:
            held.remove()
"""


def test_of_eight_that_race_one_is_inside_at_a_time(tmp_path: Path) -> None:
    """The witness is a lock of the kernel's, which a second one inside would fail to get."""
    witness = tmp_path / "witness"
    command = [sys.executable, "-c", RACER, str(tmp_path / "run"), str(witness)]
    racers = [subprocess.Popen(command, stderr=subprocess.PIPE, text=True) for _ in range(8)]
    errors = [racer.communicate()[1] for racer in racers]

    assert errors == [""] * 8
    assert {racer.returncode for racer in racers} <= {0, -signal.SIGKILL}
    assert len(witness.read_text().splitlines()) >= 8


@pytest.mark.parametrize("reaped", [True, False])
def test_a_killed_holder_is_followed_at_once(tmp_path: Path, start: Start, reaped: bool) -> None:
    process = start(tmp_path)
    process.kill()
    if reaped:
        process.wait()
    else:
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)

    assert current_holder(tmp_path) is None
    with hold(tmp_path, 0, nobody) as held:
        assert held.previous is not None
        assert held.previous.pid == process.pid
        assert held.previous.ended is None
        assert held.previous.facts == {"batch": 64, "loss": 0.5, "stage": "fit"}
        assert held.previous.pressure > 0
        assert names(tmp_path) == [SECOND]


def test_a_living_holder_is_waited_for_and_named(tmp_path: Path, start: Start) -> None:
    process = start(tmp_path)
    lines: list[str] = []

    with pytest.raises(TryAgainError) as caught, hold(tmp_path, 2.5, lines.append):
        pass

    assert ask(process) == "checked"
    assert caught.value.exit_code == 75
    assert f"process {process.pid} on " in caught.value.message
    assert caught.value.hint
    assert len(lines) == 1
    assert f"process {process.pid} on " in lines[0]
    assert names(tmp_path) == [FIRST]


def test_a_holder_that_ends_is_followed(tmp_path: Path, start: Start) -> None:
    process = start(tmp_path)
    assert process.stdin is not None
    process.stdin.close()

    with hold(tmp_path, 20, lambda _: None) as held:
        assert held.previous is not None
        assert held.previous.ended == "complete"


def test_the_same_process_cannot_hold_a_folder_twice(tmp_path: Path) -> None:
    with hold(tmp_path, 0, nobody) as held:
        with pytest.raises(TryAgainError), hold(tmp_path, 0, nobody):
            pass
        held.check()


@pytest.mark.parametrize("change", [{"host": "elsewhere"}, {"boot": "another"}, {"boot": ""}])
def test_a_dead_holder_on_another_machine_is_followed_after_the_expiry(
    tmp_path: Path, start: Start, change: dict[str, str]
) -> None:
    start(tmp_path).kill()
    edit(tmp_path / FIRST, **change)
    assert current_holder(tmp_path) is not None
    with pytest.raises(TryAgainError), hold(tmp_path, 0.5, lambda _: None):
        pass

    lines: list[str] = []
    began = time.monotonic()
    with hold(tmp_path, 30, lines.append) as held:
        assert time.monotonic() - began >= 1
        assert len(lines) == 1
        assert held.previous is not None


def test_a_holder_on_another_machine_that_beats_is_not_followed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its clock stands still but for nanoseconds, and is years behind."""
    path = foreign(tmp_path)
    beats = iter(range(10**9, 2 * 10**9))

    def touch(seconds: float) -> None:
        os.utime(path, ns=(0, next(beats)))
        real(seconds)

    real = time.sleep
    monkeypatch.setattr(time, "sleep", touch)
    with pytest.raises(TryAgainError, match="process 12 on elsewhere since 2026"), hold(tmp_path, 3, lambda _: None):
        pass


def test_a_waiter_that_slept_gives_the_holder_time_to_wake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    foreign(tmp_path)
    slept = iter([0.0, 3600.0])
    offset = 0.0
    real, clock = time.sleep, time.clock_gettime

    def sleep(seconds: float) -> None:
        nonlocal offset
        offset += next(slept, 0.0)
        real(seconds)

    monkeypatch.setattr(time, "sleep", sleep)
    monkeypatch.setattr(time, "clock_gettime", lambda number: clock(number) + offset)
    began = time.monotonic()
    with hold(tmp_path, 7200, lambda _: None):
        assert time.monotonic() - began > 1


def test_a_paused_holder_that_was_followed_finds_out_and_leaves_the_lease_alone(tmp_path: Path, start: Start) -> None:
    process = start(tmp_path)
    assert ask(process) == "checked"
    process.send_signal(signal.SIGSTOP)
    with hold(tmp_path, 30, lambda _: None) as held:
        assert names(tmp_path) == [SECOND]
        content = held.path.read_bytes()
        process.send_signal(signal.SIGCONT)

        assert ask(process) == ""
        assert process.wait(timeout=30) == 1
        assert process.stderr is not None
        error = process.stderr.read()
        assert "TryAgainError" in error
        assert f"process {os.getpid()} on " in error
        held.check()
        assert held.path.read_bytes() == content
        assert names(tmp_path) == [SECOND]


def test_a_paused_holder_that_was_not_followed_goes_on(tmp_path: Path, start: Start) -> None:
    process = start(tmp_path)
    process.send_signal(signal.SIGSTOP)
    time.sleep(1.5)
    process.send_signal(signal.SIGCONT)

    assert ask(process) == "checked"


@pytest.mark.parametrize("loss", ["replaced", "gone", "folder", "higher"])
def test_a_lease_that_is_lost(tmp_path: Path, loss: str) -> None:
    folder = tmp_path / "run"

    def work() -> None:
        with hold(folder, 0, nobody) as held:
            if loss == "replaced":
                foreign(folder)
            elif loss == "gone":
                held.path.unlink()
            elif loss == "folder":
                folder.rename(tmp_path / "moved")
            else:
                foreign(folder, 2)
            eventually(lambda: check_fails(held, TryAgainError))
            held.check()

    with pytest.raises(TryAgainError) as caught:
        work()
    assert str(folder) in caught.value.message
    assert caught.value.hint
    assert folder.exists() is (loss != "folder")
    if loss == "gone":
        assert names(folder) == []
    if loss in {"replaced", "higher"}:
        holder = newest_holder(folder)
        assert holder is not None
        assert (holder.token, holder.ended) == ("0123", None)


def check_fails(held: Lease, error: type[Exception]) -> bool:
    try:
        held.check()
    except error:
        return True
    return False


@pytest.mark.parametrize(
    ("error", "word"),
    [
        (None, "complete"),
        (KeyboardInterrupt(), "stopped"),
        (Terminated(), "stopped"),
        (ValueError(), "failed"),
        (SystemExit(1), "failed"),
        (CannotWriteError("full"), "failed"),
    ],
)
def test_the_lease_says_how_it_ended(tmp_path: Path, error: BaseException | None, word: str) -> None:
    def work() -> None:
        with hold(tmp_path, 0, nobody):
            if error is not None:
                raise error

    if error is None:
        work()
    else:
        with pytest.raises(type(error)) as caught:
            work()
        assert caught.value is error
    assert ended(tmp_path) == word
    with hold(tmp_path, 0, nobody) as held:
        assert held.previous is not None
        assert held.previous.ended == word


def test_pressure_is_written_as_it_rises(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lease, "SAMPLE", 0.01)
    now = 0.5
    monkeypatch.setattr(lease, "memory_pressure", lambda: now)

    def written() -> float:
        holder = newest_holder(tmp_path)
        assert holder is not None
        return holder.pressure

    with hold(tmp_path, 0, nobody):
        assert written() == 0.5
        now = 0.54
        time.sleep(0.3)
        assert written() == 0.5
        now = 0.9
        eventually(lambda: written() == 0.9)
        now = 0.1
        time.sleep(0.3)
        assert written() == 0.9
        now = 0.93
        time.sleep(0.3)
    assert written() == 0.93


def test_a_removed_lease_is_not_written_again(tmp_path: Path) -> None:
    foreign(tmp_path, 3, ended="failed")
    with hold(tmp_path, 0, nobody) as held:
        (tmp_path / "metrics.json").write_text("{}")
        (tmp_path / ".0123abcd.lease.json").write_text("of a killed writer")
        held.set_facts(epoch=1)
        held.remove()
        assert names(tmp_path) == ["metrics.json"]

    assert names(tmp_path) == ["metrics.json"]


def test_a_lost_lease_removes_nothing(tmp_path: Path) -> None:
    with hold(tmp_path, 0, nobody) as held:
        foreign(tmp_path, 2)
        held.remove()

    assert names(tmp_path) == [FIRST, SECOND]


@pytest.mark.parametrize("change", ["completed", "taken", "beaten"])
def test_who_decided_long_ago_looks_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: str) -> None:
    """A process is paused between its decision to take an expired lease and the taking."""
    base = foreign(tmp_path, 3)
    create = lease_file.create_lease

    def late(folder: Path, holder: Holder) -> bool:
        if change != "beaten":
            base.unlink()
            foreign(tmp_path, 5 if change == "taken" else 1)
        os.utime(tmp_path / names(tmp_path)[0])
        monkeypatch.setattr(lease, "create_lease", create)
        return create(folder, holder)

    monkeypatch.setattr(lease, "create_lease", late)
    with pytest.raises(TryAgainError), hold(tmp_path, 1.3, lambda _: None):
        pass

    assert names(tmp_path) == {"completed": [FIRST], "taken": ["lease-00000005.json"], "beaten": [base.name]}[change]


def test_who_was_paused_before_it_could_begin_finds_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its lease was written, then followed, all before it came to look at the clock."""
    is_still_newest = lease_file.is_still_newest
    monkeypatch.setattr(Lease, "start", lambda _: None)

    def paused(folder: Path, holder: Holder, base: Any) -> bool:
        result = is_still_newest(folder, holder, base)
        time.sleep(1)
        foreign(folder, 2)
        return result

    monkeypatch.setattr(lease, "is_still_newest", paused)
    with hold(tmp_path, 0, nobody) as held, pytest.raises(TryAgainError, match="process 12 on elsewhere"):
        held.check()


def test_a_folder_that_cannot_be_made_or_written(tmp_path: Path, read_only: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    for folder in (tmp_path / "file", tmp_path / "file" / "run", read_only, read_only / "run"):
        with pytest.raises(CannotWriteError, match="cannot write"), hold(folder, 0, nobody):
            pass


@dataclass
class Disk:
    """A folder, how it is filled and emptied again, and what is then said of a new file there."""

    folder: Path
    fill: Callable[[], None]
    clear: Callable[[], object]
    reason: str


@pytest.fixture(params=MEANS)
def disk(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Disk]:
    folder = tmp_path / "disk"
    if request.param == "mounted":

        def fill() -> None:
            with contextlib.suppress(OSError), (folder / "fill").open("wb", buffering=0) as file:
                while file.write(b"x" * 512):
                    pass

        with mounted(folder, "size=64k"):
            yield Disk(folder, fill, (folder / "fill").unlink, "No space left")
    else:
        folder.mkdir()
        with contextlib.ExitStack() as limit:
            yield Disk(folder, lambda: limit.enter_context(file_limit(1)), limit.close, "File too large")


def test_a_full_disk_does_not_end_a_lease(disk: Disk) -> None:
    def work() -> None:
        with hold(disk.folder, 0, nobody) as held:
            disk.fill()
            before = held.path.stat().st_mtime_ns
            held.set_facts(epoch=1)
            eventually(lambda: held.path.stat().st_mtime_ns > before)
            held.check()
            raise ValueError

    with pytest.raises(ValueError):  # noqa: PT011  any message
        work()
    assert ended(disk.folder) is None
    with pytest.raises(CannotWriteError, match=disk.reason), hold(disk.folder, 3, lambda _: None):
        pass
    assert [name for name in names(disk.folder) if name != "fill"] == [FIRST]


def test_facts_that_a_full_disk_did_not_take_are_written_later(disk: Disk) -> None:
    with hold(disk.folder, 0, nobody) as held:
        disk.fill()
        before = held.path.stat().st_mtime_ns
        held.set_facts(epoch=1)
        eventually(lambda: held.path.stat().st_mtime_ns > before)
        holder = newest_holder(disk.folder)
        assert holder is not None
        assert holder.facts == {}
        disk.clear()

        def written() -> bool:
            holder = newest_holder(disk.folder)
            return holder is not None and holder.facts == {"epoch": 1}

        eventually(written)


@pytest.mark.machine
def test_a_disk_that_turns_read_only_is_told_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lease, "EXPIRY", 3600)
    disk = tmp_path / "disk"
    with mounted(disk, "size=64k"), hold(disk, 0, nobody) as held:
        remount(disk, "ro")
        eventually(lambda: check_fails(held, CannotWriteError))
        with pytest.raises(CannotWriteError, match=FIRST):
            held.check()


def test_a_touch_that_a_read_only_disk_refuses_is_told_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object) -> None:
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(lease, "EXPIRY", 3600)
    with hold(tmp_path, 0, nobody) as held, pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "utime", refused)
        eventually(lambda: check_fails(held, CannotWriteError))


def test_a_disk_that_takes_no_touch_is_told_before_the_expiry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(lease, "EXPIRY", 2.0)
    with hold(tmp_path, 0, nobody) as held:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(os, "utime", broken)
            began = time.monotonic()
            time.sleep(0.5)
            held.check()
            eventually(lambda: check_fails(held, CannotWriteError))
            assert 1 < time.monotonic() - began < 2
        eventually(lambda: not check_fails(held, CannotWriteError))


def test_a_folder_that_goes_while_it_is_waited_for(tmp_path: Path) -> None:
    """Its runs are removed: who waits begins it anew."""
    folder = tmp_path / "run"
    foreign(folder)

    def remove(_: str) -> None:
        folder.rename(tmp_path / "removed")

    with hold(folder, 20, remove) as held:
        assert held.holder.generation == 1
    assert names(folder) == [FIRST]


def test_a_folder_that_goes_now_and_then_is_not_one_that_cannot_be_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = itertools.count()

    def gone_every_second_time(folder: Path) -> Observation | None:
        if next(looks) % 2:
            raise FileNotFoundError(folder)
        return observe_newest(folder)

    monkeypatch.setattr(lease, "observe_newest", gone_every_second_time)
    monkeypatch.setattr(lease, "POLL", 0.01)
    foreign(tmp_path)
    with pytest.raises(TryAgainError), hold(tmp_path, 0.5, lambda _: None):
        pass
    assert next(looks) > 10
