"""Reads a run's details for the report: metrics, predictions, history, parameters, mistakes. Groups runs by recipe.

An absent or damaged part is reported and stops nothing.
"""

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from statistics import fmean
from typing import Any, TypeVar

from emotion.comparison.winner import choose_winner
from emotion.errors import EmotionError
from emotion.evaluation.history import read_history
from emotion.evaluation.metrics_file import Metrics
from emotion.evaluation.predictions import Predictions, read_predictions
from emotion.plots.learning_curves import History
from emotion.store.layout import Store, read_json

Part = TypeVar("Part")


@dataclass(frozen=True)
class RunDetails:
    """A run with its metrics and other readable parts; `missing` has the reasons for unreadable parts."""

    metrics: Metrics
    validation: Predictions | None
    test: Predictions | None
    history: History | None
    params: dict[str, Any]
    mistakes: list[dict[str, Any]]
    missing: list[str] = field(default_factory=list)

    @property
    def name(self) -> str:
        """MODEL/RUN."""
        return f"{self.metrics.model}/{self.metrics.run}"

    @property
    def recipe(self) -> str:
        """Hex digits, equal for runs with equal parameters and data, regardless of the seed."""
        params = self.params.get("params")
        if not isinstance(params, dict) or not isinstance(params.get("training"), dict):
            return self.name
        unseeded = params | {"training": {**params["training"], "seed": None}, "resources": None}
        digests = [self.metrics.data.digests.train, self.params.get("weights"), self.params.get("teacher")]
        content = json.dumps([unseeded, *digests], sort_keys=True)
        return hashlib.sha256(content.encode()).hexdigest()


@dataclass(frozen=True)
class Recipe:
    """Runs that differ only in the seed: equal model, parameters, data, weights and teacher; often a single run."""

    name: str
    runs: Sequence[RunDetails]

    @property
    def model(self) -> str:
        """The model's name."""
        return self.runs[0].metrics.model

    @property
    def best(self) -> RunDetails:
        """The winner among the runs."""
        winner = choose_winner(run.metrics for run in self.runs)
        return next(run for run in self.runs if run.metrics is winner)

    def mean(self, value: Callable[[Metrics], float]) -> float:
        """Return the mean of a value over the runs."""
        return fmean(value(run.metrics) for run in self.runs)


def read_details(store: Store, runs: Sequence[Metrics]) -> list[RunDetails]:
    """Read the details of the runs."""
    return [_read(store, metrics) for metrics in runs]


def _read(store: Store, metrics: Metrics) -> RunDetails:
    run = store.run(metrics.model, metrics.run)
    missing: list[str] = []

    def attempt(read: Callable[[], Part]) -> Part | None:
        try:
            return read()
        except EmotionError as error:
            missing.append(error.message.replace(f"{run.folder}/", ""))
            return None

    classes = len(metrics.data.labels)
    return RunDetails(
        metrics,
        attempt(lambda: read_predictions(run.predictions / "validation.npz", classes)),
        attempt(lambda: read_predictions(run.predictions / "test.npz", classes)),
        attempt(lambda: read_history(run.history)),
        attempt(lambda: read_json(run.params)) or {},
        _mistakes(attempt(lambda: read_json(run.mistakes)) or {}),
        missing,
    )


def _mistakes(content: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the well-formed mistakes on validation; mistakes on test must not guide choices."""
    mistakes = content.get("validation")
    kinds = {"row": int, "text": str, "label": str, "predicted": str, "confidence": float}
    return [
        mistake
        for mistake in (mistakes if isinstance(mistakes, list) else [])
        if isinstance(mistake, dict) and all(isinstance(mistake.get(key), kind) for key, kind in kinds.items())
    ]


def group_by_recipe(runs: Sequence[RunDetails]) -> list[Recipe]:
    """Group runs by recipe, starting with the most accurate recipe on validation.

    A recipe has the title of its model, or the name of its first run if the model has several recipes.
    """
    groups: dict[str, list[RunDetails]] = {}
    for run in runs:
        groups.setdefault(run.recipe, []).append(run)
    titles = [group[0].metrics.title for group in groups.values()]
    recipes = [_named(group, alone=titles.count(group[0].metrics.title) == 1) for group in groups.values()]
    return sorted(recipes, key=lambda recipe: -recipe.mean(lambda metrics: metrics.validation.accuracy))


def _named(group: Sequence[RunDetails], *, alone: bool) -> Recipe:
    first = group[0]
    if alone:
        return Recipe(first.metrics.title, group)
    return Recipe(first.name + (f" and {len(group) - 1} more" if len(group) > 1 else ""), group)
