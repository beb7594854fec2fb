"""The words of a test of significance: the verdict, and the numbers behind it."""

import pytest

from emotion.comparison.significance import PairedTest
from emotion.comparison.significance_text import explain_intervals, explain_test
from tests.builders import make_metrics


@pytest.mark.parametrize(
    ("interval", "overlap"),
    [
        ((0.84, 0.90), False),
        ((0.84, 0.932), True),
        ((0.84, 0.931), False),
        ((0.951, 0.99), False),
        ((0.95, 0.99), True),
        ((0.935, 0.94), True),
        ((0.5, 1.0), True),
    ],
)
def test_without_a_test_it_says_whether_the_intervals_overlap(interval: tuple[float, float], *, overlap: bool) -> None:
    winner = make_metrics("bert", test__accuracy=0.94, test__accuracy_ci95=(0.932, 0.95))
    words = explain_intervals(winner, make_metrics("ann", test__accuracy=0.87, test__accuracy_ci95=interval))
    assert ("intervals overlap, so" in words) == overlap
    assert ("do not overlap" in words) == (not overlap)


@pytest.mark.parametrize(("corrected", "verdict"), [(0.0123, "a"), (0.31, "no")])
def test_a_paired_test_is_told_with_the_rows_that_decide(corrected: float, verdict: str) -> None:
    words = explain_test(PairedTest("ann/s1", only_best=120, only_other=42, p=0.001, corrected=corrected))
    assert words.startswith(f"{verdict} significant difference")
    assert "120 rows right only here, 42 only there" in words
    assert f"p = {corrected:.2g}" in words
