"""The study's key observations, as sentences computed from the figures."""

from collections.abc import Mapping, Sequence

from emotion.comparison.compare import Comparison
from emotion.comparison.significance import PairedTest
from emotion.evaluation.metrics_file import Metrics
from emotion.formatting import duration

# A model within this much of the best validation accuracy counts as nearly as good.
NEAR = 0.02
# Of more runs those that cannot be told from the best are listed, and no more.
MOST_DIFFERENCES = 8


def key_observations(comparison: Comparison, tests: Mapping[str, PairedTest]) -> list[str]:
    """Say who is fastest, most accurate, the best trade-off, and which differences on test are more than chance.

    `tests` are those against the best, by run; a run without one is told by its interval.
    """
    runs = comparison.runs
    if len(runs) < 2:  # noqa: PLR2004
        only = runs[0]
        return [f"Only {only.model} is here: {_accuracy(only)}; train another model to compare it with."]
    # Chosen on validation; the test figures are only told.
    best = comparison.best
    fastest = min(runs, key=lambda run: run.training_seconds)
    return [
        _fastest(fastest, runs),
        f"Most accurate on validation: {_label(best, runs)} with {_accuracy(best)}.",
        *_trade_off(best, runs),
        *_differences(best, runs, tests),
        *_overfitting(runs),
    ]


def _label(run: Metrics, runs: Sequence[Metrics]) -> str:
    """The model's name; with its run where the table has several of that model."""
    several = sum(other.model == run.model for other in runs) > 1
    return f"{run.model}/{run.run}" if several else run.model


def _accuracy(run: Metrics) -> str:
    low, high = run.test.accuracy_ci95
    return f"{run.validation.accuracy:.4f} on validation, {run.test.accuracy:.4f} on test ({low:.3f} to {high:.3f})"


def _fastest(fastest: Metrics, runs: Sequence[Metrics]) -> str:
    slowest = max((run for run in runs if run is not fastest), key=lambda run: run.training_seconds)
    times = slowest.training_seconds / max(fastest.training_seconds, 1e-9)
    return (
        f"Fastest to train: {_label(fastest, runs)} in {duration(fastest.training_seconds)};"
        f" {_label(slowest, runs)} took {duration(slowest.training_seconds)}, {times:.1f} times as long."
    )


def _trade_off(best: Metrics, runs: Sequence[Metrics]) -> list[str]:
    near = [run for run in runs if best.validation.accuracy - run.validation.accuracy <= NEAR]
    choice = min(near, key=lambda run: (run.training_seconds, run is not best))
    if choice is best:
        return [
            f"Best trade-off: {_label(best, runs)}; no model that trains faster comes within"
            f" {NEAR * 100:.0f} points of its validation accuracy."
        ]
    lost = (best.validation.accuracy - choice.validation.accuracy) * 100
    share = choice.training_seconds / max(best.training_seconds, 1e-9)
    return [
        f"Best trade-off: {_label(choice, runs)}, which gives up {lost:.1f} points of validation accuracy against"
        f" {_label(best, runs)} for {share:.0%} of its training time."
    ]


def _differences(best: Metrics, runs: Sequence[Metrics], tests: Mapping[str, PairedTest]) -> list[str]:
    others = [run for run in runs if run is not best]
    if len(others) <= MOST_DIFFERENCES:
        return [_difference(best, run, runs, tests.get(f"{run.model}/{run.run}")) for run in others]
    same = [run for run in others if (test := tests.get(f"{run.model}/{run.run}")) and not test.differs]
    named = ", ".join(_label(run, runs) for run in same[:MOST_DIFFERENCES])
    more = f" and {len(same) - MOST_DIFFERENCES} more" if len(same) > MOST_DIFFERENCES else ""
    return [
        f"On test {len(same)} of the {len(others)} others cannot be told from {_label(best, runs)}"
        + (f": {named}{more}." if same else ".")
    ]


def _difference(best: Metrics, run: Metrics, runs: Sequence[Metrics], test: PairedTest | None) -> str:
    points = (best.test.accuracy - run.test.accuracy) * 100
    side = "above" if points >= 0 else "below"
    verdict = _by_interval(best, run) if test is None else _by_pairs(test)
    return f"On test {_label(best, runs)} is {abs(points):.1f} points {side} {_label(run, runs)}: {verdict}."


def _by_pairs(test: PairedTest) -> str:
    verdict = "more than chance" if test.differs else "no more than chance"
    return (
        f"{verdict} explains, as {test.only_best} rows are right here alone and {test.only_other} there alone"
        f" (McNemar's test, p = {test.corrected:.2g})"
    )


def _by_interval(best: Metrics, run: Metrics) -> str:
    low, high = best.test.accuracy_ci95
    if run.test.accuracy_ci95[1] >= low and run.test.accuracy_ci95[0] <= high:
        return "the 95 % intervals overlap, so test alone does not tell them apart"
    return "more than the 95 % intervals explain"


def _overfitting(runs: Sequence[Metrics]) -> list[str]:
    gap = max(runs, key=lambda run: run.train.accuracy - run.validation.accuracy)
    points = (gap.train.accuracy - gap.validation.accuracy) * 100
    if points < 1:
        return []
    return [f"{_label(gap, runs)} overfits most: {points:.1f} points between its accuracies on train and validation."]
