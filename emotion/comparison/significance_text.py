"""Describes tests of significance: all sentences on whether a difference on test is more than chance."""

from collections.abc import Sequence

from emotion.comparison.significance import LEVEL, PairedTest
from emotion.evaluation.metrics_file import Metrics
from emotion.formatting import first_items

LEVEL_TEXT = f"{LEVEL * 100:.0f} %"
# Most names in a sentence.
MOST_NAMES = 6
# For smaller p, a table shows only this bound.
SMALLEST_P = 0.0001


def explain_test(test: PairedTest) -> str:
    """Describe a paired test of the winner ("here") against another run ("there"), to follow their difference."""
    verdict = "more than chance" if test.differs else "no more than chance"
    return (
        f"{verdict} explains, as {test.only_best} rows are right here alone and {test.only_other} there alone"
        f" (McNemar's test, p = {test.corrected:.2g})"
    )


def explain_intervals(winner: Metrics, other: Metrics) -> str:
    """Describe a comparison of 95 % intervals, for two runs without a paired test."""
    low, high = winner.test.accuracy_ci95
    if other.test.accuracy_ci95[1] >= low and other.test.accuracy_ci95[0] <= high:
        return "the 95 % intervals overlap, so the difference may be chance"
    return "more than the 95 % intervals explain"


def ahead_sentence(names: Sequence[str]) -> str:
    """Describe that the winner is ahead of these runs by more than chance."""
    return f"It beats {_list_names(names)} on test by more than chance (McNemar's test, {LEVEL_TEXT})."


def behind_sentence(names: Sequence[str]) -> str:
    """Describe that the winner is behind these runs by more than chance."""
    return f"But {_list_names(names)} is better on test by more than chance: look at both before choosing."


def tied_sentence(names: Sequence[str]) -> str:
    """Describe that the differences between the winner and these runs may be chance."""
    return f"On test, its difference from {_list_names(names)} is small and may be chance."


def tied_count_sentence(winner: str, tied: Sequence[str], others: int, most: int) -> str:
    """Count the `others` that differ from the winner by no more than chance, and name at most `most`."""
    listed = f": {', '.join(first_items(tied, most))}." if tied else "."
    return f"On test {len(tied)} of the {others} other runs do not differ from {winner} by more than chance{listed}"


def describe_tests(tests: int) -> str:
    """Describe the method of a table of `tests` paired tests."""
    return (
        f"McNemar's exact test on the same test rows, paired, at {LEVEL_TEXT}; p is corrected for {tests}"
        f" comparison{'s' if tests > 1 else ''} (Holm)."
    )


def show_p(p: float) -> str:
    """Format a corrected p for a table."""
    return f"< {SMALLEST_P}" if p < SMALLEST_P else f"{p:.4f}"


def _list_names(names: Sequence[str]) -> str:
    """List names in a sentence: all, or the first six and the number of others."""
    if len(names) > MOST_NAMES:
        return ", ".join(first_items(names, MOST_NAMES))
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
