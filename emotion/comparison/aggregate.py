"""Writes `comparison/`: per data set, the table of complete runs, the report, and the winner for classify."""

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
from emotion.comparison.choices import search_notes, word_choices
from emotion.comparison.compare import Collected, Comparison, collect, compare
from emotion.comparison.composites_json import composites_json
from emotion.comparison.table import as_csv, as_markdown, records
from emotion.errors import InputMissingError
from emotion.evaluation.metrics_file import Metrics
from emotion.reader import for_reader
from emotion.store.atomic import write_bytes, write_json, write_text
from emotion.store.layout import Store

POLL_SECONDS = 5.0
# Drawing and writing take far less. A process that holds the lock for longer hangs, and others continue without it.
LOCK_SECONDS = 120.0
LOCK_POLL_SECONDS = 0.02
FIGURES = "figures"

Draw = Callable[[Analysis], Mapping[str, bytes]]


@dataclass(frozen=True)
class WrittenComparison:
    """An analyzed comparison, and the folder of its files."""

    analysis: Analysis
    folder: Path

    @property
    def comparison(self) -> Comparison:
        """The runs and the winner."""
        return self.analysis.comparison


def wait_for(
    store: Store, expected: Sequence[str], seconds: float, report_missing: Callable[[list[str]], None]
) -> Collected:
    """Wait until every model in `expected` has a complete run; `report_missing` receives missing models at every poll.

    Raises:
        InputMissingError: a model still has no complete run after `seconds`.
    """
    deadline = time.monotonic() + seconds
    while True:
        collected = collect(store)
        missing = [model for model in expected if all(run.model != model for run in collected.complete)]
        if not missing:
            return collected
        left = deadline - time.monotonic()
        if left <= 0:
            raise InputMissingError(
                f"no complete run of {', '.join(missing)} in {store.folder}",
                for_reader(
                    "wait longer with --wait, or train them:"
                    f" emotion train {missing[0]} --data DIR --store {store.folder}",
                    f"train them: emotion submit {missing[0]}{{flags}}",
                ),
            )
        report_missing(missing)
        time.sleep(min(POLL_SECONDS, left))


def write_comparisons(
    store: Store,
    collected: Collected,
    draw: Draw,
    *,
    every: bool,
    advance: Callable[[int], Any] = lambda _: None,
) -> list[WrittenComparison]:
    """Write the newest comparison to `comparison/`, and every other comparison to its own folder in it.

    `draw` makes the report and its figures: contents by file name. `advance` receives 1 after every step of the search
    of composites.

    The store is read again after the lock is taken. So the last writer has seen the newest runs, and all files belong
    to the same runs.

    Raises:
        InputMissingError: there is no complete run.
        CannotWriteError: the store cannot be written.
    """
    _check_any(store, collected)
    with _locked(store.comparison):
        collected = collect(store)
        _check_any(store, collected)
        return _write_all(store, compare(collected.complete, every=every), draw, advance)


def _check_any(store: Store, collected: Collected) -> None:
    if not collected.complete:
        hint = for_reader(
            f"train one first: emotion train ann --data DIR --store {store.folder}",
            "train one first: emotion submit ann{flags}",
        )
        raise InputMissingError(f"no complete run in {store.folder}", hint)


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Hold the folder's lock in a `with` block; continue without the lock if files cannot be locked (some NFS)."""
    with contextlib.ExitStack() as stack:
        with contextlib.suppress(OSError):
            folder.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(folder / ".lock", os.O_RDWR | os.O_CREAT, 0o666)
            stack.callback(os.close, descriptor)
            _lock(descriptor)
        yield


def _lock(descriptor: int) -> None:
    """Lock an open file; give up after LOCK_SECONDS."""
    deadline = time.monotonic() + LOCK_SECONDS
    while time.monotonic() < deadline:
        with contextlib.suppress(BlockingIOError):
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        time.sleep(LOCK_POLL_SECONDS)


def _write_all(
    store: Store, comparisons: Sequence[Comparison], draw: Draw, advance: Callable[[int], Any]
) -> list[WrittenComparison]:
    written = [
        _write(
            analyse(store, comparison, advance),
            draw,
            store.comparison if index == 0 else store.comparison / f"data-{comparison.key}",
        )
        for index, comparison in enumerate(comparisons)
    ]
    current = {comparison.folder for comparison in written}
    for folder in store.comparison.glob("data-*"):
        if folder not in current and folder.is_dir() and not folder.is_symlink():
            shutil.rmtree(folder, ignore_errors=True)
    return written


def _write(analysis: Analysis, draw: Draw, folder: Path) -> WrittenComparison:
    """Draw first, which takes seconds. Then all files change within a short time."""
    comparison = analysis.comparison
    drawn = draw(analysis)
    write_text(folder / "comparison.csv", as_csv(comparison.runs))
    write_text(folder / "comparison.md", as_markdown(comparison.runs, comparison.name, sentences(analysis)))
    write_json(folder / "comparison.json", comparison_json(analysis))
    for name, content in drawn.items():
        write_bytes(folder / name, content)
    for path in (folder / FIGURES).glob("*"):
        if f"{FIGURES}/{path.name}" not in drawn:
            path.unlink(missing_ok=True)
    write_json(folder / "composites.json", _composites_json(analysis))
    # Written last: a reader of the winner then finds its table.
    write_json(folder / "best.json", _winner_json(comparison.winner))
    return WrittenComparison(analysis, folder)


def sentences(analysis: Analysis) -> list[str]:
    """Return the sentences below the table: observations, choices, and the method of choosing."""
    composites = analysis.composites
    return [
        *analysis.observations,
        *(choice.line for choice in word_choices(composites)),
        *search_notes(composites),
    ]


def comparison_json(analysis: Analysis) -> dict[str, Any]:
    """Return the comparison for programs: winner, records, tests of the winner, observations, composites."""
    comparison = analysis.comparison
    return {
        "data": comparison.name,
        "sample": comparison.sample,
        "best": _winner_json(comparison.winner),
        "runs": records(comparison.runs),
        "mcnemar": [asdict(test) for test in analysis.tests.values()],
        "observations": analysis.observations,
        "composites": _composites_json(analysis),
    }


def _winner_json(winner: Metrics) -> dict[str, Any]:
    return {
        "run": f"{winner.model}/{winner.run}",
        "model": winner.model,
        "validation_accuracy": winner.validation.accuracy,
        "data": winner.data.name,
        "sample": winner.data.sample,
    }


def _composites_json(analysis: Analysis) -> dict[str, Any]:
    comparison = analysis.comparison
    return {"data": comparison.name, "sample": comparison.sample, **composites_json(analysis.composites)}
