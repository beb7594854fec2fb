"""Describes whether models beat the linear baseline on test by more than chance."""

from collections.abc import Sequence

from emotion.comparison.run_details import RunDetails
from emotion.comparison.significance import holm, test_runs
from emotion.comparison.significance_text import show_p
from emotion.comparison.winner import choose_winner
from emotion.formatting import first_items

BASELINE = "linear"
# Most models in a sentence.
MOST_MODELS = 8


def baseline_observations(runs: Sequence[RunDetails]) -> list[str]:
    """Test every model's best run on validation against the best linear run; p is corrected with Holm's method.

    Returns a sentence per verdict; none without a linear run, or without another model.
    """
    best = _best_runs(runs)
    baseline = best.pop(BASELINE, None)
    if baseline is None or not best:
        return []
    tests = {model: test for model, run in best.items() if (test := test_runs(run, baseline)) is not None}
    untested = [model for model in best if model not in tests]
    corrected = dict(zip(tests, holm(list(tests.values())), strict=True))
    points = {model: (best[model].metrics.test.accuracy - baseline.metrics.test.accuracy) * 100 for model in corrected}
    better = [model for model, test in corrected.items() if test.differs and test.only_best > test.only_other]
    worse = [model for model, test in corrected.items() if test.differs and test.only_best < test.only_other]
    level = [model for model, test in corrected.items() if not test.differs]

    def listed(models: Sequence[str]) -> str:
        words = [f"{model} by {points[model]:+.1f} points (p {_p(corrected[model].corrected)})" for model in models]
        return ", ".join(first_items(words, MOST_MODELS))

    sentences = []
    if better:
        sentences.append(f"Significantly more accurate on test than {BASELINE}: {listed(better)}.")
    if level:
        sentences.append(f"No significant difference on test from {BASELINE}: {listed(level)}.")
    if worse:
        sentences.append(f"Significantly less accurate on test than {BASELINE}: {listed(worse)}.")
    if untested:
        names = ", ".join(first_items(untested, MOST_MODELS))
        sentences.append(
            f"Not tested against {BASELINE}, because predictions on the same test rows are missing: {names}."
        )
    return sentences


def _best_runs(runs: Sequence[RunDetails]) -> dict[str, RunDetails]:
    """Return every model's best run on validation; students count as separate models."""
    groups: dict[str, list[RunDetails]] = {}
    for run in runs:
        groups.setdefault(run.metrics.title, []).append(run)
    winners = {model: choose_winner(run.metrics for run in group) for model, group in groups.items()}
    return {model: next(run for run in group if run.metrics is winners[model]) for model, group in groups.items()}


def _p(p: float) -> str:
    shown = show_p(p)
    return shown if shown.startswith("<") else f"= {shown}"
