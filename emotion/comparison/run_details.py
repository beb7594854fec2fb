"""What the report knows of each run beside its metrics; a part that is absent or damaged is told, and stops nothing."""

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from statistics import fmean
from typing import Any, TypeVar

from emotion.errors import EmotionError
from emotion.evaluation.history import read_history
from emotion.evaluation.metrics_file import Metrics
from emotion.evaluation.predictions import Predictions, read_predictions
from emotion.plots.curves import History
from emotion.store.layout import Store, read_json

Part = TypeVar("Part")


@dataclass(frozen=True)
class RunDetails:
    """A run: its metrics, and what else of it could be read; `missing` says why the rest could not."""

    metrics: Metrics
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
        """Hex digits that are equal for runs of the same parameters and data but for the seed."""
        params = self.params.get("params")
        if not isinstance(params, dict) or not isinstance(params.get("training"), dict):
            return self.name
        unseeded = params | {"training": {**params["training"], "seed": None}, "resources": None}
        content = json.dumps([unseeded, self.metrics.data.digests.train, self.params.get("weights")], sort_keys=True)
        return hashlib.sha256(content.encode()).hexdigest()


@dataclass(frozen=True)
class Recipe:
    """Runs of one model that differ in their seed alone; of most there is one run."""

    name: str
    subjects: Sequence[RunDetails]

    @property
    def model(self) -> str:
        """The model's name."""
        return self.subjects[0].metrics.model

    @property
    def best(self) -> RunDetails:
        """The run with the highest validation accuracy."""
        return max(self.subjects, key=lambda subject: subject.metrics.validation.accuracy)

    def mean(self, value: Callable[[Metrics], float]) -> float:
        """The mean of a figure over the runs."""
        return fmean(value(subject.metrics) for subject in self.subjects)


def read_details(store: Store, runs: Sequence[Metrics]) -> list[RunDetails]:
    """Read what a report wants of each run."""
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

    return RunDetails(
        metrics,
        attempt(lambda: read_predictions(run.predictions / "test.npz", len(metrics.data.labels))),
        attempt(lambda: read_history(run.history)),
        attempt(lambda: read_json(run.params)) or {},
        _mistakes(attempt(lambda: read_json(run.mistakes)) or {}),
        missing,
    )


def _mistakes(content: dict[str, Any]) -> list[dict[str, Any]]:
    """Those on validation, as far as they are what they should be: those on test are not for anyone to act on."""
    found = content.get("validation")
    kinds = {"row": int, "text": str, "label": str, "predicted": str, "confidence": float}
    return [
        each
        for each in (found if isinstance(found, list) else [])
        if isinstance(each, dict) and all(isinstance(each.get(key), kind) for key, kind in kinds.items())
    ]


def group_by_recipe(subjects: Sequence[RunDetails]) -> list[Recipe]:
    """Put the seeds of a recipe together, the best on validation first; a model with several recipes names the run."""
    groups: dict[str, list[RunDetails]] = {}
    for subject in subjects:
        groups.setdefault(subject.recipe, []).append(subject)
    models = [group[0].metrics.model for group in groups.values()]
    recipes = [_named(group, alone=models.count(group[0].metrics.model) == 1) for group in groups.values()]
    return sorted(recipes, key=lambda recipe: -recipe.mean(lambda metrics: metrics.validation.accuracy))


def _named(group: Sequence[RunDetails], *, alone: bool) -> Recipe:
    first = group[0]
    if alone:
        return Recipe(first.metrics.model, group)
    return Recipe(first.name + (f" and {len(group) - 1} more" if len(group) > 1 else ""), group)
