"""Chooses the runs for composites, and prepares their calibrated probabilities."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from emotion.comparison.run_details import RunDetails
from emotion.composites.scores import Probabilities
from emotion.evaluation.predictions import Predictions
from emotion.onnx.session import probabilities

# Among more runs, the best of every model and recipe take part: 24 runs have 2,300 ensembles.
MOST_RUNS = 24
# Limit on the probabilities that a search adds up: some seconds. A long validation allows fewer runs.
MOST_SUMS = 400_000_000
# If accuracies of predictions and metrics differ more, they belong to different rows or models.
HALF_A_ROW = 0.5


class _Whole(NamedTuple):
    """A run with complete predictions."""

    run: RunDetails
    validation: Predictions
    test: Predictions


@dataclass(frozen=True)
class Member:
    """A run with its calibrated probabilities on validation and test, float64 (rows, labels)."""

    run: RunDetails
    validation: Probabilities
    test: Probabilities

    @property
    def name(self) -> str:
        """MODEL/RUN."""
        return self.run.name

    @property
    def speed(self) -> float:
        """Rows per second, above 0."""
        return self.run.metrics.onnx.rows_per_second


@dataclass(frozen=True)
class Members:
    """The runs that take part, sorted by name, with the labels of their rows, int (rows,).

    `left_out` has the reason for every excluded run. `surplus` counts runs beyond the limit.
    """

    runs: Sequence[Member] = ()
    validation: NDArray[np.int32] = field(default_factory=lambda: np.empty(0, np.int32))
    test: NDArray[np.int32] = field(default_factory=lambda: np.empty(0, np.int32))
    left_out: dict[str, str] = field(default_factory=dict)
    surplus: int = 0

    @cached_property
    def by_name(self) -> dict[str, Member]:
        """The runs by name."""
        return {member.name: member for member in self.runs}


def choose_members(runs: Sequence[RunDetails]) -> Members:
    """Choose the runs with complete predictions for the same rows: the rows of most runs count.

    Of too many runs, the best on validation take part: first the best of every model, then of every recipe.
    """
    left_out: dict[str, str] = {}
    groups: dict[tuple[bytes, ...], list[_Whole]] = {}
    for run in runs:
        whole = _whole(run)
        if isinstance(whole, str):
            left_out[run.name] = whole
        else:
            groups.setdefault(_rows_of(whole), []).append(whole)
    if not groups:
        return Members(left_out=left_out)
    same = max(groups.values(), key=len)
    left_out |= {
        whole.run.name: "its predictions have other rows or labels than most runs"
        for group in groups.values()
        for whole in group
        if group is not same
    }
    chosen = _best_first(same)[: _most(same[0])]
    members = [_member(whole) for whole in sorted(chosen, key=lambda whole: whole.run.name)]
    return Members(members, same[0].validation.label, same[0].test.label, left_out, len(same) - len(chosen))


def _whole(run: RunDetails) -> _Whole | str:
    """Return a run with its predictions, or the reason to exclude the run."""
    if run.validation is None or run.test is None:
        split = "validation" if run.validation is None else "test"
        return f"it has no readable predictions/{split}.npz"
    scores = run.metrics
    for split, found, accuracy in (
        ("validation", run.validation, scores.validation.accuracy),
        ("test", run.test, scores.test.accuracy),
    ):
        if abs(found.correct.mean() - accuracy) * len(found.label) > HALF_A_ROW:
            return f"predictions/{split}.npz has another accuracy than metrics.json"
    return _Whole(run, run.validation, run.test) if scores.onnx.rows_per_second > 0 else "its metrics have no speed"


def _rows_of(whole: _Whole) -> tuple[bytes, ...]:
    """Return bytes that identify the rows and labels of a run."""
    splits = (whole.validation, whole.test)
    content = [part for found in splits for part in (found.row.tobytes(), found.label.astype(np.int64).tobytes())]
    return (*content, *(label.encode() for label in whole.run.metrics.data.labels))


def _best_first(found: Sequence[_Whole]) -> list[_Whole]:
    """Sort runs: the best of every model, the best of every other recipe, all others; all by validation."""

    def order(whole: _Whole) -> tuple[float, float]:
        metrics = whole.run.metrics
        return -metrics.validation.accuracy, -metrics.onnx.rows_per_second

    models, recipes = set[str](), set[str]()
    ranks: dict[str, int] = {}
    ordered = sorted(found, key=order)
    for run, *_ in ordered:
        ranks[run.name] = (run.metrics.title in models) + (run.recipe in recipes)
        models.add(run.metrics.title)
        recipes.add(run.recipe)
    return sorted(ordered, key=lambda whole: ranks[whole.run.name])


def _most(whole: _Whole) -> int:
    """Return how many runs a search over these rows can include: n runs have about n³ / 6 ensembles."""
    return max(2, min(MOST_RUNS, int((6 * MOST_SUMS / whole.validation.logits.size) ** (1 / 3))))


def _member(whole: _Whole) -> Member:
    temperature = whole.run.metrics.temperature
    return Member(
        whole.run,
        probabilities(whole.validation.logits, temperature),
        probabilities(whole.test.logits, temperature),
    )
