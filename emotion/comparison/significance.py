"""Tests whether two runs differ on the same test rows by more than chance: McNemar's test, exact and paired."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import log

import numpy as np

from emotion.comparison.run_details import RunDetails

LEVEL = 0.05


@dataclass(frozen=True)
class PairedTest:
    """A test of the winner against another run.

    `only_best` counts rows that only the winner gets right, `only_other` rows that only the other run gets right. `p`
    is two-sided; `corrected` is p corrected for the number of comparisons.
    """

    run: str
    only_best: int
    only_other: int
    p: float
    corrected: float

    @property
    def differs(self) -> bool:
        """Whether the difference is more than chance, at 5 % for all comparisons together."""
        return self.corrected < LEVEL


def test_against_winner(winner: RunDetails, others: Sequence[RunDetails]) -> dict[str, PairedTest]:
    """Test the winner against every other run that has predictions of the same rows; returns tests by run."""
    tests = [test for other in others if (test := _pair(winner, other)) is not None]
    return {test.run: test for test in _holm(tests)}


def _pair(winner: RunDetails, other: RunDetails) -> PairedTest | None:
    if winner.test is None or other.test is None or not np.array_equal(winner.test.row, other.test.row):
        return None
    only_best = int((winner.test.correct & ~other.test.correct).sum())
    only_other = int((other.test.correct & ~winner.test.correct).sum())
    p = mcnemar(only_best, only_other)
    return PairedTest(other.name, only_best, only_other, p, p)


def mcnemar(only_first: int, only_second: int) -> float:
    """Return the two-sided exact p of so uneven counts of rows that only one of two models gets right (McNemar, 1947).

    It is the p of a fair coin: min(1, 2 P(X <= min(counts))), X binomial of the sum of counts and 1/2.
    """
    rows, least = only_first + only_second, min(only_first, only_second)
    steps = np.arange(1, least + 1)
    # Logarithms of the binomial coefficients of 0 to `least`; the ratio of neighbors is (rows - step + 1) / step.
    logs = np.concatenate([[0.0], np.cumsum(np.log((rows - steps + 1) / steps))])
    return float(min(1.0, 2 * np.exp(np.logaddexp.reduce(logs) - rows * log(2))))


def _holm(tests: Sequence[PairedTest]) -> list[PairedTest]:
    """Correct p for the number of comparisons (Holm, Scandinavian Journal of Statistics 6, 1979)."""
    corrected, highest = [], 0.0
    for rank, test in enumerate(sorted(tests, key=lambda test: test.p)):
        highest = max(highest, min(1.0, test.p * (len(tests) - rank)))
        corrected.append(replace(test, corrected=highest))
    return corrected
