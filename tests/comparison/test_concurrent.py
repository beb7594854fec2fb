"""Several aggregates at once, beside runs that come and go: files are whole and tell of the same runs."""

import contextlib
import csv
import errno
import fcntl
import os
import random
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from emotion.comparison import aggregate
from emotion.comparison.aggregate import write_comparisons
from emotion.comparison.compare import collect
from emotion.errors import InputMissingError
from emotion.store.layout import Store, read_json
from tests.builders import make_metrics, write_run
from tests.comparison.scenes import stand_in

EMOTION = str(Path(sys.executable).with_name("emotion"))
# Writes and removes runs of three data sets as fast as it can, as training and `emotion runs rm` do.
COMING_AND_GOING = """
import itertools, random, shutil, sys, time
from pathlib import Path
from emotion.store.atomic import write_json
from emotion.store.layout import Store
from tests.builders import digest, make_metrics, write_run

draw = random.Random(sys.argv[2])
store = Store(Path(sys.argv[1]))
for number in itertools.count():
    time.sleep(0.05)
    run = store.run(draw.choice(["ann", "lstm"]), f"r{sys.argv[2]}-{draw.randrange(20)}")
    if draw.random() < 0.4 and run.folder.exists():
        hidden = run.folder.with_name(f".removed-{sys.argv[2]}-{number}")
        run.folder.rename(hidden)
        shutil.rmtree(hidden)
        continue
    write_json(run.progress, {"epoch": 1})
    data = draw.choice("ab")
    finished_at = f"2026-01-01T{draw.randrange(24):02d}:00:00+00:00"
    accuracy = draw.random()
    write_run(store, make_metrics(
        run.model, run.name, data__name=data, data__digests__test=digest(data), finished_at=finished_at,
        validation__accuracy=accuracy,
    ))
"""
OVER_AND_OVER = """
import sys
from pathlib import Path
from emotion.comparison.aggregate import write_comparisons
from emotion.comparison.compare import collect
from emotion.store.layout import Store
from tests.comparison.scenes import stand_in

store = Store(Path(sys.argv[1]))
for number in range(30):
    write_comparisons(store, collect(store), stand_in, every=(number + int(sys.argv[2])) % 2 == 0)
"""


@pytest.fixture
def store(tmp_path: Path) -> Store:
    store = Store(tmp_path / "store")
    write_run(store, make_metrics("ann", "first"))
    return store


@pytest.fixture
def busy(store: Store) -> Iterator[Store]:
    """Give a store in which two processes write and remove runs."""
    command = [sys.executable, "-c", COMING_AND_GOING, str(store.folder)]
    writers = [subprocess.Popen([*command, str(seed)], stderr=subprocess.PIPE, text=True) for seed in range(2)]
    try:
        while len(list(store.runs())) < 10 and writers[0].poll() is None:
            time.sleep(0.01)
        yield store
    finally:
        ended = [writer.poll() for writer in writers]
        for writer in writers:
            writer.kill()
        errors = [writer.communicate()[1] for writer in writers]
    assert (ended, errors) == ([None, None], ["", ""])


def start(store: Store, *options: str) -> subprocess.Popen[str]:
    command = [EMOTION, "aggregate", "--store", str(store.folder), *options]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def end(process: subprocess.Popen[str]) -> int:
    """Wait for a process that tells of no error in it; its exit code."""
    _, output = process.communicate(timeout=300)
    assert "Traceback" not in output
    return process.returncode


def check_whole(folder: Path) -> None:
    """The files of one comparison tell of the same runs, and the winner is one of them."""
    runs = read_json(folder / "comparison.json")["runs"]
    table = list(csv.DictReader((folder / "comparison.csv").read_text().splitlines()))
    named = [(run["model"], run["run"]) for run in runs]
    assert [(row["model"], row["run"]) for row in table] == named
    markdown = (folder / "comparison.md").read_text()
    assert [f"| {run} |" in markdown for _, run in named] == [True] * len(named)
    report = (folder / "comparison.html").read_text()
    assert [name in report for _, name in named] == [True] * len(named)
    best = read_json(folder / "best.json")
    assert best == read_json(folder / "comparison.json")["best"]
    assert tuple(best["run"].split("/")) in named
    composites = read_json(folder / "composites.json")
    assert composites == read_json(folder / "comparison.json")["composites"]
    assert composites["choices"]["best_single"]["name"] == best["run"]


def comparisons(store: Store) -> list[Path]:
    return [store.comparison, *sorted(store.comparison.glob("data-*"))]


def files(folder: Path, suffix: str = "") -> list[Path]:
    """All files in `folder` and below, some of which may go meanwhile."""
    return [Path(parent, name) for parent, _, names in os.walk(folder) for name in names if name.endswith(suffix)]


@pytest.mark.parametrize("options", [("",), ("", "--all", "--json")], ids=["same", "different"])
def test_aggregates_at_once_beside_runs_that_come_and_go(busy: Store, options: tuple[str, ...]) -> None:
    started = [start(busy, *filter(None, [option])) for option in options * (3 // len(options))]
    while any(process.poll() is None for process in started):
        for path in files(busy.comparison, ".json"):
            with contextlib.suppress(InputMissingError):
                read_json(path)
        # Or this would take the processor from those that write.
        time.sleep(0.02)
    for process in started:
        assert end(process) == 0
    for folder in comparisons(busy):
        check_whole(folder)
    assert [path.name for path in files(busy.comparison) if path.name.startswith(".")] == [".lock"]


def test_killed_aggregates_leave_whole_files(busy: Store) -> None:
    draw = random.Random(0)  # noqa: S311  no secret
    assert end(start(busy)) == 0
    for _ in range(4):
        process = start(busy)
        time.sleep(draw.uniform(0.2, 1))
        process.kill()
        process.communicate()
        for path in files(busy.comparison, ".json"):
            read_json(path)
    assert end(start(busy)) == 0
    for folder in comparisons(busy):
        check_whole(folder)


def test_many_comparisons_at_once(busy: Store) -> None:
    """More of them than whole commands could be started: they write over each other all the time."""
    command = [sys.executable, "-c", OVER_AND_OVER, str(busy.folder)]
    writers = [subprocess.Popen([*command, str(seed)], stderr=subprocess.PIPE, text=True) for seed in range(3)]
    assert [writer.communicate(timeout=300)[1] for writer in writers] == [""] * 3
    for folder in comparisons(busy):
        check_whole(folder)


def test_who_writes_last_has_seen_the_newest_runs(store: Store) -> None:
    early = collect(store)
    write_run(store, make_metrics("lstm", "later", validation__accuracy=0.99))
    write_comparisons(store, early, stand_in, every=False)
    assert read_json(store.best)["run"] == "lstm/later"
    early = collect(store)
    shutil.rmtree(store.run("lstm", "later").folder)
    write_comparisons(store, early, stand_in, every=False)
    assert read_json(store.best)["run"] == "ann/first"
    shutil.rmtree(store.run("ann", "first").folder)
    with pytest.raises(InputMissingError, match="no complete run"):
        write_comparisons(store, early, stand_in, every=False)


@pytest.fixture
def lock(store: Store) -> Iterator[int]:
    """Give the lock of the store's comparison, which another process holds."""
    store.comparison.mkdir()
    descriptor = os.open(store.comparison / ".lock", os.O_RDWR | os.O_CREAT)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    yield descriptor
    os.close(descriptor)


def wait_for_lock(process: subprocess.Popen[str], store: Store) -> None:
    """Wait until a process has the lock's file open, which it then wants."""
    opened = Path(f"/proc/{process.pid}/fd")
    while str(store.comparison / ".lock") not in map(os.path.realpath, opened.iterdir()):
        assert process.poll() is None
        time.sleep(0.05)


def test_another_writer_is_waited_for(store: Store, lock: int) -> None:
    process = start(store)
    wait_for_lock(process, store)
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(1)
    assert not store.best.exists()
    fcntl.flock(lock, fcntl.LOCK_UN)
    assert end(process) == 0
    assert store.best.exists()


@pytest.mark.usefixtures("lock")
def test_a_writer_that_hangs_is_not_waited_for_without_end(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(aggregate, "LOCK_SECONDS", 0.1)
    write_comparisons(store, collect(store), stand_in, every=False)
    check_whole(store.comparison)


@pytest.mark.usefixtures("lock")
def test_waiting_for_another_writer_ends_on_sigterm(store: Store) -> None:
    process = start(store)
    wait_for_lock(process, store)
    process.terminate()
    assert end(process) == 143


def test_a_store_whose_files_cannot_be_locked(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_descriptor: int, _operation: int) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", refuse)
    write_comparisons(store, collect(store), stand_in, every=False)
    check_whole(store.comparison)
