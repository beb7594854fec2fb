"""`emotion aggregate`: prints the comparison table, the winner, and missing runs."""

import re
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from emotion.cli import console
from emotion.cli.options import DEFAULT_STORE, JsonOption, StoreOption
from emotion.errors import UsageError

if TYPE_CHECKING:
    from emotion.comparison.aggregate import WrittenComparison
    from emotion.comparison.compare import Collected

# Seconds by unit of --wait.
UNITS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}


def aggregate(
    store: StoreOption = DEFAULT_STORE,
    every: Annotated[
        bool, typer.Option("--all", help="Compare every complete run, not only the newest run of each model.")
    ] = False,
    expect: Annotated[str, typer.Option("--expect", metavar="MODEL,...", help="Models that must have a run.")] = "",
    wait: Annotated[
        str, typer.Option("--wait", metavar="TIME", help="Wait up to this long for --expect: 90s, 30m, 2h.")
    ] = "0s",
    as_json: JsonOption = False,
) -> None:
    """Compare all complete runs in one table and choose the winner for [bold]classify[/].

    Writes into STORE/comparison: comparison.html (open it in a browser), .csv, .md and .json, best.json, and figures.
    Runs with different validation or test rows get separate comparisons.
    composites.json lists cascades and ensembles that are faster or more accurate than single runs.

    [bold]Examples[/]

      emotion aggregate --store store

      emotion aggregate --expect ann,lstm --wait 2h
    """
    from emotion.comparison.aggregate import comparison_json, wait_for, write_comparisons
    from emotion.comparison.report import draw_report
    from emotion.models.registry import find_model
    from emotion.store.layout import Store

    opened_store = Store(Path(store))
    expected = [find_model(name.strip()).name for name in expect.split(",") if name.strip()]
    collected = wait_for(opened_store, expected, _seconds(wait), _WaitingMessage())
    _warn_left_out(collected)
    with console.meter("comparing runs and drawing the report", "steps") as meter:
        draw = partial(draw_report, advance=meter.advance, warn=console.warn)
        written = write_comparisons(opened_store, collected, draw, every=every, advance=meter.advance)
    if as_json:
        console.data_json([comparison_json(comparison.analysis) for comparison in written])
        return
    if len(written) > 1:
        console.warn(f"the runs were evaluated on {len(written)} different data sets: one table per data set")
    for comparison in written:
        _print(comparison)


def _seconds(text: str) -> float:
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([smhd]?)", text.strip())
    if not match:
        raise UsageError(f"--wait {text!r} is not a time", "write 90s, 30m or 2h")
    return float(match[1]) * UNITS[match[2]]


class _WaitingMessage:
    """Prints the missing models whenever they change."""

    def __init__(self) -> None:
        self.printed: list[str] = []

    def __call__(self, missing: list[str]) -> None:
        if missing != self.printed:
            console.say(f"waiting for {', '.join(missing)}")
            self.printed = missing


def _warn_left_out(collected: "Collected") -> None:
    for run in collected.incomplete:
        console.warn(f"{run} is incomplete and is left out")
    for name, reason in collected.unreadable.items():
        console.warn(f"{name} is unreadable and is left out: {reason}")


def _print(written: "WrittenComparison") -> None:
    from emotion.comparison.aggregate import sentences
    from emotion.comparison.table import COLUMNS, SAMPLE_NOTE, shown

    comparison, winner = written.comparison, written.comparison.winner
    console.table(f"Comparison on {comparison.name}", [column.title for column in COLUMNS], shown(comparison.runs))
    if comparison.sample:
        console.data(SAMPLE_NOTE)
    for sentence in sentences(written.analysis):
        console.data(f"* {sentence}")
    console.say(f"wrote {written.folder}; the winner is {winner.model}/{winner.run}")
    console.say(f"report: {written.folder / 'comparison.html'}")
