"""Key observations on a comparison, like in the study: sentences computed from the metrics."""

from collections.abc import Mapping, Sequence

from emotion.comparison.compare import Comparison
from emotion.comparison.significance import PairedTest
from emotion.comparison.significance_text import explain_intervals, explain_test, tied_count_sentence
from emotion.evaluation.metrics_file import Metrics
from emotion.evaluation.split_notes import macro_f1_notes, overlap_notes
from emotion.formatting import duration, first_items

# A model within this distance of the best validation accuracy is nearly as good.
NEAR = 0.02
# With more other runs, one sentence lists the runs that are statistically tied with the winner.
MOST_DIFFERENCES = 8


def key_observations(comparison: Comparison, tests: Mapping[str, PairedTest]) -> list[str]:
    """Name the fastest, the most accurate and the best trade-off, and describe which differences on test may be chance.

    `tests` of the winner are by run; for a run without a test, the 95 % interval decides.
    """
    runs = comparison.runs
    if len(runs) < 2:  # noqa: PLR2004
        only = runs[0]
        return [
            f"The only run is of {only.model}: {_accuracy(only)}. Train another model to compare.",
            *_notes(runs),
        ]
    winner = comparison.winner
    fastest = min(runs, key=lambda run: run.training_seconds)
    return [
        _fastest(fastest, runs),
        f"Most accurate on validation: {_label(winner, runs)} with {_accuracy(winner)}.",
        *_trade_off(winner, runs),
        *_differences(winner, runs, tests),
        *_overfitting(runs),
        *_notes(runs),
    ]


def _label(run: Metrics, runs: Sequence[Metrics]) -> str:
    """Return the model's name, with its run if the comparison has several runs of the model."""
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
        f" {_label(slowest, runs)} took {duration(slowest.training_seconds)}, {times:,.1f} times as long."
    )


def _trade_off(winner: Metrics, runs: Sequence[Metrics]) -> list[str]:
    near = [run for run in runs if winner.validation.accuracy - run.validation.accuracy <= NEAR]
    choice = min(near, key=lambda run: (run.training_seconds, run is not winner))
    if choice is winner:
        return [
            f"Best trade-off: {_label(winner, runs)}. No run with a shorter training time is within"
            f" {NEAR * 100:.0f} points of its validation accuracy."
        ]
    lost = (winner.validation.accuracy - choice.validation.accuracy) * 100
    share = choice.training_seconds / max(winner.training_seconds, 1e-9)
    return [
        f"Best trade-off: {_label(choice, runs)}. It takes {_percent(share)} of the training time of"
        f" {_label(winner, runs)}, and its validation accuracy is {lost:.1f} points lower."
    ]


def _percent(share: float) -> str:
    return f"{share:.0%}" if share >= 0.01 else "less than 1%"  # noqa: PLR2004


def _differences(winner: Metrics, runs: Sequence[Metrics], tests: Mapping[str, PairedTest]) -> list[str]:
    others = [run for run in runs if run is not winner]
    if len(others) <= MOST_DIFFERENCES:
        return [_difference(winner, run, runs, tests.get(f"{run.model}/{run.run}")) for run in others]
    tied = [run for run in others if (test := tests.get(f"{run.model}/{run.run}")) and not test.differs]
    return [
        tied_count_sentence(_label(winner, runs), [_label(run, runs) for run in tied], len(others), MOST_DIFFERENCES)
    ]


def _difference(winner: Metrics, run: Metrics, runs: Sequence[Metrics], test: PairedTest | None) -> str:
    points = (winner.test.accuracy - run.test.accuracy) * 100
    side = "above" if points >= 0 else "below"
    verdict = explain_intervals(winner, run) if test is None else explain_test(test)
    return f"On test {_label(winner, runs)} is {abs(points):.1f} points {side} {_label(run, runs)}: {verdict}."


def _overfitting(runs: Sequence[Metrics]) -> list[str]:
    gap = max(runs, key=lambda run: run.train.accuracy - run.validation.accuracy)
    points = (gap.train.accuracy - gap.validation.accuracy) * 100
    if points < 1:
        return []
    return [f"Most overfitting: {_label(gap, runs)}, {points:.1f} points between train and validation accuracy."]


def _notes(runs: Sequence[Metrics]) -> list[str]:
    """Collect notes on the runs' splits; a note that does not apply to all runs names its runs."""
    found: dict[str, list[Metrics]] = {}
    for run in runs:
        for note in (*overlap_notes(run), *macro_f1_notes(run)):
            found.setdefault(note, []).append(run)
    return [note if len(group) == len(runs) else f"{_list(group, runs)}: {note}" for note, group in found.items()]


def _list(group: Sequence[Metrics], runs: Sequence[Metrics]) -> str:
    return ", ".join(first_items([_label(run, runs) for run in group], MOST_DIFFERENCES))
