"""Chooses among single models, cascades and ensembles, on validation alone."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from emotion.comparison.members import Members, choose_members
from emotion.comparison.run_details import RunDetails
from emotion.comparison.scored import Scored, score
from emotion.comparison.search import Candidate, search
from emotion.comparison.significance import PairedTest, holm
from emotion.composites.scores import NEAR
from emotion.plots.tradeoff import front

# Number of composites besides the front: the most accurate on validation.
MOST_OTHERS = 20
# Accuracies are rounded.
ROUNDING = 1e-12


@dataclass(frozen=True)
class Composites:
    """The choices among all candidates, the Pareto front from slow to fast, and some other composites.

    `against_best` tests the choices against the best single model, by name; p is corrected for their number.
    """

    best_single: Scored
    best_value: Scored
    most_accurate: Scored
    front: Sequence[Scored]
    others: Sequence[Scored]
    against_best: dict[str, PairedTest]
    counts: dict[str, int]
    members: Members

    @property
    def tried(self) -> int:
        """The number of candidates."""
        return sum(self.counts.values())


def find_composites(
    runs: Sequence[RunDetails], winner: RunDetails, advance: Callable[[int], Any] = lambda _: None
) -> Composites:
    """Search the candidates from all runs, choose on validation, and score the choices on test.

    `winner` is the best single model. `advance` receives 1 after every step.
    """
    members = choose_members(runs)
    singles = [_single(run) for run in runs]
    candidates = [*singles, *search(members, advance)]
    best = next(single for single, run in zip(singles, runs, strict=True) if run is winner)
    choices = [best, _best_value(candidates, best), _most_accurate(candidates)]
    ahead = front(candidates, lambda one: (one.rows_per_second, one.validation_accuracy))
    others = _others(candidates, ahead)
    by_name = {run.name: run for run in runs}
    scored: dict[str, Scored] = {}
    for one in [*choices, *ahead, *others]:
        if one.name not in scored:
            scored[one.name] = score(one, by_name, members, winner)
            advance(1)
    best_single, best_value, most_accurate = chosen = [scored[one.name] for one in choices]
    return Composites(
        best_single,
        best_value,
        most_accurate,
        [scored[one.name] for one in ahead],
        [scored[one.name] for one in others],
        _against_best(chosen, winner.name),
        {kind: sum(one.kind == kind for one in candidates) for kind in ("model", "cascade", "ensemble")},
        members,
    )


def _single(run: RunDetails) -> Candidate:
    # A logarithmic axis has no place for a speed of 0.
    speed = max(1e-3, run.metrics.onnx.rows_per_second)
    return Candidate("model", (run.name,), run.metrics.validation.accuracy, speed)


def _best_value(candidates: Sequence[Candidate], best: Candidate) -> Candidate:
    """Choose the fastest candidate within 0.1 points of the best single model, or better."""
    near = [one for one in candidates if one.validation_accuracy >= best.validation_accuracy - NEAR - ROUNDING]
    return max(near, key=lambda one: (one.rows_per_second, one.validation_accuracy))


def _most_accurate(candidates: Sequence[Candidate]) -> Candidate:
    return max(candidates, key=lambda one: (one.validation_accuracy, one.rows_per_second))


def _others(candidates: Sequence[Candidate], ahead: Sequence[Candidate]) -> list[Candidate]:
    """Return the most accurate composites outside of the front."""
    on_front = {one.name for one in ahead}
    rest = [one for one in candidates if one.kind != "model" and one.name not in on_front]
    return sorted(rest, key=lambda one: (-one.validation_accuracy, -one.rows_per_second))[:MOST_OTHERS]


def _against_best(choices: Sequence[Scored], best: str) -> dict[str, PairedTest]:
    found = {choice.name: test for choice in choices if (test := choice.against(best)) is not None}
    return dict(zip(found, holm(list(found.values())), strict=True))
