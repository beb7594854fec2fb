"""Tests whether two models differ on the same test rows by more than chance: McNemar's test, exact and paired."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import log

import numpy as np
from numpy.typing import NDArray

from emotion.comparison.run_details import RunDetails

LEVEL = 0.05


@dataclass(frozen=True)
class PairedTest:
    """A test of a model (usually the winner) against another run.

    `only_best` counts rows that only this model gets right; `only_other` counts rows that only the other run gets
    right. `p` is two-sided; `corrected` is p corrected for the number of comparisons.
    """

    run: str
    only_best: int
    only_other: int
    p: float
    corrected: float

    @property
    def differs(self) -> bool:
        """Whether the difference is more than chance, at the 5 % level for all comparisons together."""
        return self.corrected < LEVEL


def test_against_winner(winner: RunDetails, others: Sequence[RunDetails]) -> dict[str, PairedTest]:
    """Test the winner against every other run with predictions for its rows; by run, the smallest p first."""
    tests = [test for other in others if (test := test_runs(winner, other)) is not None]
    return {test.run: test for test in sorted(holm(tests), key=lambda test: test.p)}


def test_runs(run: RunDetails, other: RunDetails) -> PairedTest | None:
    """Test a run against another run; None without predictions for the same test rows."""
    if run.test is None or other.test is None or not np.array_equal(run.test.row, other.test.row):
        return None
    return test_rows(other.name, run.test.correct, other.test.correct)


def test_rows(other: str, right: NDArray[np.bool_], other_right: NDArray[np.bool_]) -> PairedTest:
    """Test a model against the run `other` by correct rows, bool (rows,); p is not corrected."""
    only_best = int((right & ~other_right).sum())
    only_other = int((other_right & ~right).sum())
    p = mcnemar(only_best, only_other)
    return PairedTest(other, only_best, only_other, p, p)


def mcnemar(only_first: int, only_second: int) -> float:
    """Return the two-sided exact p for the counts of rows that only one of two models gets right (McNemar, 1947).

    It equals the p of a fair coin: min(1, 2 P(X <= min(counts))), with X binomial for the sum of counts and 1/2.
    """
    rows, least = only_first + only_second, min(only_first, only_second)
    steps = np.arange(1, least + 1)
    # Logarithms of the binomial coefficients 0 to `least`; the ratio of neighbors is (rows - step + 1) / step.
    logs = np.concatenate([[0.0], np.cumsum(np.log((rows - steps + 1) / steps))])
    return float(min(1.0, 2 * np.exp(np.logaddexp.reduce(logs) - rows * log(2))))


def holm(tests: Sequence[PairedTest]) -> list[PairedTest]:
    """Correct p for the number of comparisons (Holm, Scandinavian Journal of Statistics 6, 1979)."""
    corrected, highest = list(tests), 0.0
    for rank, index in enumerate(sorted(range(len(tests)), key=lambda index: tests[index].p)):
        highest = max(highest, min(1.0, tests[index].p * (len(tests) - rank)))
        corrected[index] = replace(tests[index], corrected=highest)
    return corrected
