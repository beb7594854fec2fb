"""Writes `comparison/`: a table of complete runs a data set, and the winner that classify uses."""

import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from emotion.errors import InputMissingError
from emotion.evaluation.comparison import Collected, Comparison, collect, compare
from emotion.evaluation.observations import observe
from emotion.evaluation.table import as_csv, as_markdown, records
from emotion.files import write_json, write_text
from emotion.store import Store

POLL_SECONDS = 5.0


@dataclass(frozen=True)
class Written:
    """A comparison with its sentences and the folder that its files are in."""

    comparison: Comparison
    observations: list[str]
    folder: Path


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


def write_comparisons(store: Store, found: Collected, *, every: bool) -> list[Written]:
    """Write the newest group of comparable runs to `comparison/`, any other to a folder of its own in it.

    Raises:
        InputMissingError: there is no complete run.
        CannotWriteError: the store cannot be written.
    """
    comparisons = compare(found.complete, every=every)
    if not comparisons:
        raise InputMissingError(f"no complete run in {store.folder}", "train one first: emotion train ann --data DIR")
    written = [
        _write(comparison, store.comparison if index == 0 else store.comparison / f"data-{comparison.key}")
        for index, comparison in enumerate(comparisons)
    ]
    current = {one.folder for one in written}
    for folder in store.comparison.glob("data-*"):
        if folder not in current and folder.is_dir() and not folder.is_symlink():
            shutil.rmtree(folder, ignore_errors=True)
    return written


def _write(comparison: Comparison, folder: Path) -> Written:
    observations = observe(comparison)
    write_text(folder / "comparison.csv", as_csv(comparison.runs))
    write_text(folder / "comparison.md", as_markdown(comparison.runs, comparison.name, observations))
    write_json(folder / "comparison.json", as_json(comparison, observations))
    # Last: whoever reads the winner finds the table that it comes from.
    write_json(folder / "best.json", _winner(comparison))
    return Written(comparison, observations, folder)


def as_json(comparison: Comparison, observations: list[str]) -> dict[str, Any]:
    """The comparison for programs: the table's records, the sentences, the winner."""
    return {
        "data": comparison.name,
        "sample": comparison.sample,
        "best": _winner(comparison),
        "runs": records(comparison.runs),
        "observations": observations,
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
