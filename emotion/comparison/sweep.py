"""Compares the points of a sweep on validation: mean and spread over seeds, and the best settings."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, stdev

from emotion.params.grid import Point

# A difference below this many standard errors may be chance.
STANDARD_ERRORS = 2.0


@dataclass(frozen=True)
class Scores:
    """Accuracy and mean cross-entropy (nats) on validation, and the seconds of fitting."""

    accuracy: float
    loss: float
    seconds: float


@dataclass(frozen=True)
class Result:
    """Result of a point: its run as MODEL/RUN, and its scores or the `problem`."""

    point: Point
    run: str
    scores: Scores | None = None
    problem: str = ""


@dataclass(frozen=True)
class Candidate:
    """Settings, with their results for every seed."""

    settings: tuple[str, ...]
    results: tuple[Result, ...]

    @property
    def scores(self) -> list[Scores]:
        """The scores of the complete runs."""
        return [result.scores for result in self.results if result.scores is not None]

    @property
    def whole(self) -> bool:
        """Whether the runs of all seeds are complete."""
        return len(self.scores) == len(self.results)

    @property
    def accuracy(self) -> float | None:
        """Mean accuracy on validation over the complete runs."""
        return fmean(score.accuracy for score in self.scores) if self.scores else None

    @property
    def spread(self) -> float | None:
        """Standard deviation of the accuracy over seeds; None for fewer than two complete runs."""
        return stdev(score.accuracy for score in self.scores) if len(self.scores) > 1 else None

    @property
    def loss(self) -> float | None:
        """Mean loss on validation over the complete runs."""
        return fmean(score.loss for score in self.scores) if self.scores else None

    @property
    def seconds(self) -> float | None:
        """Mean seconds of fitting over the complete runs."""
        return fmean(score.seconds for score in self.scores) if self.scores else None


def rank(results: Sequence[Result]) -> list[Candidate]:
    """Group results by settings; sort by the highest mean accuracy, then by the lowest mean loss.

    Settings without runs of all seeds come last: their means cover other seeds.
    """
    groups: dict[tuple[str, ...], list[Result]] = {}
    for result in results:
        groups.setdefault(result.point.settings, []).append(result)
    candidates = [Candidate(settings, tuple(group)) for settings, group in groups.items()]
    return sorted(candidates, key=_place)


def _place(candidate: Candidate) -> tuple[bool, float, float]:
    accuracy, loss = candidate.accuracy, candidate.loss
    return (not candidate.whole, math.inf if accuracy is None else -accuracy, math.inf if loss is None else loss)


def choose(ranked: Sequence[Candidate]) -> Candidate | None:
    """Choose the best settings with runs of all seeds; None if there is no choice."""
    return ranked[0] if len(ranked) > 1 and ranked[0].whole else None


def remarks(ranked: Sequence[Candidate]) -> list[str]:
    """Give sentences on the certainty of the candidates' order."""
    left_out = sum(not candidate.whole for candidate in ranked)
    whole = [candidate for candidate in ranked if candidate.whole]
    notes = []
    if left_out and len(ranked) > 1:
        notes.append(f"settings with missing runs cannot be the best: {left_out} of {len(ranked)}")
    if len(whole) > 1 and len(whole[0].results) == 1:
        notes.append("every setting has one seed: use --seeds 1-3 to see how much of a difference is chance")
    elif len(whole) > 1:
        notes.append(_compare(*whole[:2]))
    return notes


def _compare(best: Candidate, second: Candidate) -> str:
    """Describe whether the best is ahead of the second by more than chance, from their spread over seeds."""
    difference = (best.accuracy or 0.0) - (second.accuracy or 0.0)
    variances = [(candidate.spread or 0.0) ** 2 / len(candidate.scores) for candidate in (best, second)]
    error = math.sqrt(sum(variances))
    ahead = f"the best is {difference:.4f} ahead of the second"
    if difference > STANDARD_ERRORS * error:
        return f"{ahead}, more than two standard errors of the difference ({error:.4f})"
    return f"{ahead}, which may be chance: one standard error of the difference is {error:.4f}"
