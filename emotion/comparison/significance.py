"""Whether two models differ on the same test rows by more than chance: McNemar's test, exact and paired."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import log

import numpy as np

from emotion.comparison.run_details import RunDetails

LEVEL = 0.05


@dataclass(frozen=True)
class PairedTest:
    """Rows that only the best got right, and only the other; two-sided p, and p corrected for how many are compared."""

    run: str
    only_best: int
    only_other: int
    p: float
    corrected: float

    @property
    def differs(self) -> bool:
        """Whether the difference is more than chance explains, at 5 % for all comparisons together."""
        return self.corrected < LEVEL


def test_against_best(best: RunDetails, others: Sequence[RunDetails]) -> dict[str, PairedTest]:
    """Compare the best run with each other one whose predictions are of the same rows, by run."""
    paired = [found for other in others if (found := _pair(best, other)) is not None]
    return {each.run: each for each in _holm(paired)}


def _pair(best: RunDetails, other: RunDetails) -> PairedTest | None:
    if best.test is None or other.test is None or not np.array_equal(best.test.row, other.test.row):
        return None
    only_best = int((best.test.correct & ~other.test.correct).sum())
    only_other = int((other.test.correct & ~best.test.correct).sum())
    p = mcnemar(only_best, only_other)
    return PairedTest(other.name, only_best, only_other, p, p)


def mcnemar(one: int, other: int) -> float:
    """Two-sided exact p that rows which only one of two models gets right fall so unevenly (McNemar, 1947).

    It is that of a fair coin: min(1, 2 P(X <= min(one, other))), X binomial of one + other and 1/2.
    """
    rows, least = one + other, min(one, other)
    steps = np.arange(1, least + 1)
    # log of the binomial coefficients of 0 to `least`, each from the one before
    logs = np.concatenate([[0.0], np.cumsum(np.log((rows - steps + 1) / steps))])
    return float(min(1.0, 2 * np.exp(np.logaddexp.reduce(logs) - rows * log(2))))


def _holm(paired: Sequence[PairedTest]) -> list[PairedTest]:
    """Correct p for the number of comparisons (Holm, Scandinavian Journal of Statistics 6, 1979)."""
    corrected, highest = [], 0.0
    for place, each in enumerate(sorted(paired, key=lambda each: each.p)):
        highest = max(highest, min(1.0, each.p * (len(paired) - place)))
        corrected.append(replace(each, corrected=highest))
    return corrected
