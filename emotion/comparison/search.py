"""Searches cascades and ensembles: all candidates with validation accuracy and speed."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from emotion.comparison.members import Member, Members
from emotion.composites.scores import Probabilities, find_thresholds, passes_on
from emotion.composites.spec import Composite


@dataclass(frozen=True)
class Candidate:
    """A single model, a cascade or an ensemble; `share` is the share of validation rows that a cascade passes on.

    A composite's speed, in rows per second, is computed from its members' speeds.
    """

    kind: Literal["model", "cascade", "ensemble"]
    members: tuple[str, ...]
    validation_accuracy: float
    rows_per_second: float
    threshold: float | None = None
    share: float | None = None

    @property
    def name(self) -> str:
        """The name for `emotion classify --model`."""
        return self.members[0] if self.kind == "model" else str(Composite(self.kind, self.members, self.threshold))


def search(members: Members, advance: Callable[[int], Any] = lambda _: None) -> list[Candidate]:
    """Return cascades of all pairs and ensembles of two and three runs; `advance` receives 1 after every run."""
    found: list[Candidate] = []
    for number, member in enumerate(members.runs):
        for other in members.runs[number + 1 :]:
            found += _cascades(member, other, members.validation)
        found += _ensembles(member, members.runs[number + 1 :], members.validation)
        advance(1)
    return found


def _cascades(one: Member, other: Member, labels: NDArray[np.int32]) -> Iterator[Candidate]:
    """Yield the most accurate cascade of two runs, and the cheapest cascade that is as good as the dear model."""
    cheap, dear = (one, other) if one.speed > other.speed else (other, one)
    if cheap.speed == dear.speed:
        return
    thresholds = find_thresholds(cheap.validation, dear.validation, labels)
    cheap_right, dear_right = (member.validation.argmax(axis=1) == labels for member in (cheap, dear))
    near = thresholds.accurate if thresholds.near is None else thresholds.near
    for threshold in sorted({thresholds.accurate, near}):
        passed_on = passes_on(cheap.validation, threshold)
        share = float(passed_on.mean())
        # A cascade that passes on no row equals the cheap model; one that passes on all rows costs more than the dear
        # model.
        if 0 < share < 1:
            accuracy = float(np.where(passed_on, dear_right, cheap_right).mean())
            speed = 1 / (1 / cheap.speed + share / dear.speed)
            yield Candidate("cascade", (cheap.name, dear.name), accuracy, speed, threshold, share)


def _ensembles(first: Member, others: Sequence[Member], labels: NDArray[np.int32]) -> Iterator[Candidate]:
    """Yield the ensembles of two and three runs that start with `first`."""
    for number, second in enumerate(others):
        # A sum has the same highest label as a mean.
        pair = first.validation + second.validation
        yield _ensemble((first, second), pair, labels)
        for third in others[number + 1 :]:
            yield _ensemble((first, second, third), pair + third.validation, labels)


def _ensemble(members: Sequence[Member], summed: Probabilities, labels: NDArray[np.int32]) -> Candidate:
    accuracy = float((summed.argmax(axis=1) == labels).mean())
    speed = 1 / sum(1 / member.speed for member in members)
    return Candidate("ensemble", tuple(member.name for member in members), accuracy, speed)
