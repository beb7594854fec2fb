"""Describes tests of significance: all sentences on whether a difference on test is more than chance."""

from collections.abc import Sequence

from emotion.comparison.significance import LEVEL, PairedTest
from emotion.evaluation.metrics_file import Metrics
from emotion.formatting import count, first_items

LEVEL_TEXT = f"{LEVEL:.0%}"
# Most names in a sentence.
MOST_NAMES = 6
# For smaller p, a table shows only this bound.
SMALLEST_P = 0.0001


def explain_test(test: PairedTest) -> str:
    """Word a paired test of the winner ("here") against another run ("there"), to follow their difference."""
    return (
        f"{'a' if test.differs else 'no'} significant difference (McNemar's test, p = {test.corrected:.2g}:"
        f" {count(test.only_best, 'row')} right only here, {test.only_other:,} only there)"
    )


def explain_intervals(winner: Metrics, other: Metrics) -> str:
    """Describe a comparison of 95 % intervals, for two runs without a paired test."""
    low, high = winner.test.accuracy_ci95
    if other.test.accuracy_ci95[1] >= low and other.test.accuracy_ci95[0] <= high:
        return "the 95 % intervals overlap, so the difference may be chance"
    return "the 95 % intervals do not overlap"


def ahead_sentence(names: Sequence[str]) -> str:
    """Say that the winner is ahead of these runs by more than chance."""
    return f"It is significantly more accurate on test than {list_names(names)} (McNemar's test, {LEVEL_TEXT})."


def behind_sentence(names: Sequence[str]) -> str:
    """Say that the winner is behind these runs by more than chance."""
    return f"Significantly more accurate on test: {list_names(names)}. Compare the runs before you choose."


def tied_sentence(names: Sequence[str]) -> str:
    """Say that the differences between the winner and these runs may be chance."""
    return f"The difference on test may be chance for {list_names(names)}."


def tied_count_sentence(winner: str, tied: Sequence[str], others: int, most: int) -> str:
    """Count the `others` that differ from the winner by no more than chance, and name at most `most`."""
    listed = f": {', '.join(first_items(tied, most))}." if tied else "."
    return f"On test, {len(tied)} of {others} other runs do not differ significantly from {winner}{listed}"


def describe_tests(tests: int) -> str:
    """Describe the method of a table of `tests` paired tests."""
    return (
        f"McNemar's exact paired test on the test rows, at {LEVEL_TEXT}. p is corrected for"
        f" {count(tests, 'comparison')} (Holm)."
    )


def show_p(p: float) -> str:
    """Format a corrected p for a table."""
    return f"< {SMALLEST_P}" if p < SMALLEST_P else f"{p:.4f}"


def list_names(names: Sequence[str]) -> str:
    """List names in a sentence: all, or the first six and the number of others."""
    if len(names) > MOST_NAMES:
        return ", ".join(first_items(names, MOST_NAMES))
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
