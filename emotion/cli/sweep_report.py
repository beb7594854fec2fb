"""Prints a sweep's result: a table of validation scores and the best settings as TOML, or JSON."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from emotion.cli import console
from emotion.cli.params import as_toml
from emotion.formatting import duration

if TYPE_CHECKING:
    from emotion.comparison.sweep import Candidate, Result


def show_sweep(model: str, results: "Sequence[Result]") -> None:
    """Print the table and the best settings on stdout; print remarks and points without scores on stderr."""
    from emotion.comparison.sweep import choose, rank, remarks
    from emotion.params.toml import parse_overrides

    ranked = rank(results)
    swept = [key for key in _values(ranked[0]) if len({_values(candidate)[key] for candidate in ranked}) > 1]
    # One column for all settings: on a narrow terminal, the first column of a table names its rows.
    columns = [swept[0] if len(swept) == 1 else "settings", "seeds", "val. accuracy", "spread", "val. loss"]
    rows = [[_shown(_values(candidate), swept), *_cells(candidate)] for candidate in ranked]
    title = f"{model} on validation: mean and standard deviation over seeds"
    console.table(title, [*columns, "training time"], rows, numbers=5)
    for result in results:
        if result.scores is None:
            console.warn(f"{result.point} has no scores: {result.problem}")
    for remark in remarks(ranked):
        console.say(remark)
    if (best := choose(ranked)) is not None:
        console.say(f"the best settings for jobs/{model}/params.toml:")
        console.data(as_toml(parse_overrides(best.settings)))


def _values(candidate: "Candidate") -> dict[str, str]:
    """Map every setting's key to its value."""
    pairs = (setting.partition("=") for setting in candidate.settings)
    return {key: value for key, _, value in pairs}


def _shown(values: dict[str, str], swept: list[str]) -> str:
    """Show the settings that distinguish a candidate: a single value, or keys with values."""
    return values[swept[0]] if len(swept) == 1 else ", ".join(f"{key}={values[key]}" for key in swept) or "unchanged"


def _cells(candidate: "Candidate") -> list[str]:
    figures = [(candidate.accuracy, "{:.4f}"), (candidate.spread, "{:.4f}"), (candidate.loss, "{:.4f}")]
    return [
        f"{len(candidate.scores)} of {len(candidate.results)}",
        *("" if value is None else form.format(value) for value, form in figures),
        "" if candidate.seconds is None else duration(candidate.seconds),
    ]


def sweep_record(model: str, results: "Sequence[Result]") -> dict[str, Any]:
    """Give a sweep's result as JSON: candidates from best to worst, with their runs."""
    from emotion.comparison.sweep import choose, rank, remarks
    from emotion.params.toml import parse_overrides

    ranked = rank(results)
    best = choose(ranked)
    return {
        "model": model,
        "candidates": [_record(candidate) for candidate in ranked],
        "best": None if best is None else parse_overrides(best.settings),
        "remarks": remarks(ranked),
    }


def _record(candidate: "Candidate") -> dict[str, Any]:
    return {
        "settings": list(candidate.settings),
        "validation_accuracy": candidate.accuracy,
        "validation_accuracy_spread": candidate.spread,
        "validation_loss": candidate.loss,
        "training_seconds": candidate.seconds,
        "runs": [
            {
                "run": result.run or None,
                "seed": result.point.seed,
                "validation_accuracy": result.scores.accuracy if result.scores else None,
                "validation_loss": result.scores.loss if result.scores else None,
                "training_seconds": result.scores.seconds if result.scores else None,
                "problem": result.problem or None,
            }
            for result in candidate.results
        ],
    }
