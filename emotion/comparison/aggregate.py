"""Writes `comparison/`: a table of complete runs a data set, their report, and the winner that classify uses."""

import contextlib
import fcntl
import os
import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from emotion.comparison.analysis import Analysis, analyse
from emotion.comparison.compare import Collected, Comparison, collect, compare
from emotion.comparison.table import as_csv, as_markdown, records
from emotion.errors import InputMissingError
from emotion.store.atomic import write_bytes, write_json, write_text
from emotion.store.layout import Store

POLL_SECONDS = 5.0
# Drawing and writing take far less: a process that holds the lock for longer hangs, and the others go on without it.
LOCK_SECONDS = 120.0
LOCK_POLL_SECONDS = 0.02
FIGURES = "figures"


Draw = Callable[[Analysis], Mapping[str, bytes]]


@dataclass(frozen=True)
class Written:
    """What a comparison found, and the folder that its files are in."""

    findings: Analysis
    folder: Path

    @property
    def comparison(self) -> Comparison:
        """The runs and the winner."""
        return self.findings.comparison


def wait_for(store: Store, expected: Sequence[str], seconds: float, tell: Callable[[list[str]], None]) -> Collected:
    """Wait until every model of `expected` has a complete run; `tell` gets the missing ones at each look.

    Raises:
        InputMissingError: some are still missing after `seconds`.
    """
    deadline = time.monotonic() + seconds
    while True:
        found = collect(store)
        missing = [model for model in expected if all(run.model != model for run in found.complete)]
        if not missing:
            return found
        left = deadline - time.monotonic()
        if left <= 0:
            raise InputMissingError(
                f"no complete run of {', '.join(missing)} in {store.folder}",
                "wait longer with --wait, or train them: emotion train " + missing[0],
            )
        tell(missing)
        time.sleep(min(POLL_SECONDS, left))


def write_comparisons(store: Store, found: Collected, draw: Draw, *, every: bool) -> list[Written]:
    """Write the newest group of comparable runs to `comparison/`, any other to a folder of its own in it.

    `draw` makes the report and its figures: the content of files by their names.

    Where `found` has a complete run, the store is read again once no other process writes its comparison: whoever
    writes last has seen the newest runs, and all files are of the same ones.

    Raises:
        InputMissingError: there is no complete run.
        CannotWriteError: the store cannot be written.
    """
    _check_any(store, found)
    with _alone(store.comparison):
        found = collect(store)
        _check_any(store, found)
        return _write_all(store, compare(found.complete, every=every), draw)


def _check_any(store: Store, found: Collected) -> None:
    if not found.complete:
        raise InputMissingError(f"no complete run in {store.folder}", "train one first: emotion train ann --data DIR")


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Wait until no other process is in such a block; where files cannot be locked (some NFS), do not."""
    with contextlib.ExitStack() as stack:
        with contextlib.suppress(OSError):
            folder.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(folder / ".lock", os.O_RDWR | os.O_CREAT, 0o666)
            stack.callback(os.close, descriptor)
            _lock(descriptor)
        yield


def _lock(descriptor: int) -> None:
    """Lock an open file, or give up after LOCK_SECONDS."""
    deadline = time.monotonic() + LOCK_SECONDS
    while time.monotonic() < deadline:
        with contextlib.suppress(BlockingIOError):
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        time.sleep(LOCK_POLL_SECONDS)


def _write_all(store: Store, comparisons: Sequence[Comparison], draw: Draw) -> list[Written]:
    written = [
        _write(
            analyse(store, comparison),
            draw,
            store.comparison if index == 0 else store.comparison / f"data-{comparison.key}",
        )
        for index, comparison in enumerate(comparisons)
    ]
    current = {one.folder for one in written}
    for folder in store.comparison.glob("data-*"):
        if folder not in current and folder.is_dir() and not folder.is_symlink():
            shutil.rmtree(folder, ignore_errors=True)
    return written


def _write(findings: Analysis, draw: Draw, folder: Path) -> Written:
    """Draw first, which takes seconds, so that the files change one right after the other."""
    comparison, observations = findings.comparison, findings.observations
    drawn = draw(findings)
    write_text(folder / "comparison.csv", as_csv(comparison.runs))
    write_text(folder / "comparison.md", as_markdown(comparison.runs, comparison.name, observations))
    write_json(folder / "comparison.json", as_json(findings))
    for name, content in drawn.items():
        write_bytes(folder / name, content)
    for path in (folder / FIGURES).glob("*"):
        if f"{FIGURES}/{path.name}" not in drawn:
            path.unlink(missing_ok=True)
    # Last: whoever reads the winner finds the table that it comes from.
    write_json(folder / "best.json", _winner(comparison))
    return Written(findings, folder)


def as_json(findings: Analysis) -> dict[str, Any]:
    """The comparison for programs: the table's records, the tests against the best, the sentences, the winner."""
    comparison = findings.comparison
    return {
        "data": comparison.name,
        "sample": comparison.sample,
        "best": _winner(comparison),
        "runs": records(comparison.runs),
        "mcnemar": [asdict(test) for test in findings.tests.values()],
        "observations": findings.observations,
    }


def _winner(comparison: Comparison) -> dict[str, Any]:
    best = comparison.best
    return {
        "run": f"{best.model}/{best.run}",
        "model": best.model,
        "validation_accuracy": best.validation.accuracy,
        "data": best.data.name,
        "sample": best.data.sample,
    }
