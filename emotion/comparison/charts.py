"""Chooses the charts of the report: which values of which runs a chart shows."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from emotion.comparison.analysis import Analysis
from emotion.comparison.run_details import Recipe
from emotion.comparison.speed_chart import speed_points
from emotion.evaluation.calibration import expected_calibration_error, reliability_bins
from emotion.evaluation.figures import as_bins, confusion_counts, most_frequent
from emotion.evaluation.metrics_file import Metrics
from emotion.plots import heatmaps, learning_curves, ranking, reliability, tradeoff

if TYPE_CHECKING:
    from collections.abc import Callable

    from matplotlib.figure import Figure

# Recipes with a confusion matrix and a calibration curve: the most accurate on validation.
MOST_SIDE_BY_SIDE = 12


@dataclass(frozen=True)
class Chart:
    """A chart of the report, and the function that draws it.

    An `own_file` chart is also written as PNG and SVG. A `scrolls` chart scrolls sideways on a small screen.
    """

    name: str
    title: str
    caption: str
    draw: "Callable[[], Figure]"
    own_file: bool = True
    scrolls: bool = False


def report_charts(analysis: Analysis) -> dict[str, list[Chart]]:
    """Return charts by section of the report; a section is empty where no run has the values for it."""
    recipes = analysis.recipes
    return {
        "accuracy": [_accuracy(recipes)],
        "cost": [_speed(analysis), _size(recipes), _time(recipes)],
        "labels": list(_f1(recipes)),
        "training": list(_curves(recipes)),
        "confusion": list(_confusions(recipes)),
        "calibration": list(_calibration(recipes)),
    }


def _accuracy(recipes: Sequence[Recipe]) -> Chart:
    dots = [ranking.Dot(recipe.name, recipe.model, *_on_test(recipe), _singles(recipe)) for recipe in recipes]
    caption = "Sorted by validation accuracy. The line is the 95 % Wilson interval."
    if _several(recipes):
        caption += " The mark is the mean over seeds; a tick is one seed."
    return Chart("accuracy", "Accuracy on test", caption, lambda: ranking.intervals(dots, "accuracy on test"))


def _several(recipes: Sequence[Recipe]) -> bool:
    return any(len(recipe.runs) > 1 for recipe in recipes)


def _singles(recipe: Recipe) -> list[float]:
    several = len(recipe.runs) > 1
    return [run.metrics.test.accuracy for run in recipe.runs] if several else []


def _on_test(recipe: Recipe) -> tuple[float, float, float]:
    """Return accuracy on test and the ends of its interval, as means over the seeds."""
    return (
        recipe.mean(lambda metrics: metrics.test.accuracy),
        recipe.mean(lambda metrics: metrics.test.accuracy_ci95[0]),
        recipe.mean(lambda metrics: metrics.test.accuracy_ci95[1]),
    )


def _speed(analysis: Analysis) -> Chart:
    points, caption = speed_points(analysis)
    return Chart(
        "speed",
        "Accuracy against speed",
        caption,
        lambda: tradeoff.tradeoff(points, "rows per second (log scale)", more_is_better=True, wide=True),
        scrolls=True,
    )


def _size(recipes: Sequence[Recipe]) -> Chart:
    points = [
        tradeoff.Point(
            recipe.name,
            recipe.model,
            max(1e-3, recipe.mean(lambda metrics: metrics.onnx.bytes / 1e6)),  # the axis is logarithmic
            *_on_test(recipe),
            recipe.mean(lambda metrics: metrics.validation.accuracy),
        )
        for recipe in recipes
    ]
    return Chart(
        "size",
        "Accuracy against size",
        "The line is the Pareto front of size and validation accuracy; names on the front are bold.",
        lambda: tradeoff.tradeoff(points, "ONNX file in MB (log scale)", more_is_better=False),
    )


def _time(recipes: Sequence[Recipe]) -> Chart:
    values = [(recipe.name, recipe.model, recipe.mean(lambda metrics: metrics.training_seconds)) for recipe in recipes]
    values.sort(key=lambda value: value[2])
    caption = "Measured on the machine that trained the model." + (" Means over seeds." if _several(recipes) else "")
    return Chart("time", "Training time", caption, lambda: ranking.times(values))


def _f1(recipes: Sequence[Recipe]) -> Iterator[Chart]:
    supports: dict[str, int] = {}
    for recipe in recipes:
        for label, scores in recipe.best.metrics.test.per_class.items():
            supports[label] = max(supports.get(label, 0), scores.support)
    labels = sorted(supports, key=lambda label: -supports[label])
    if not labels:
        return

    def score(metrics: Metrics, label: str) -> float:
        scores = metrics.test.per_class.get(label)
        return scores.f1 if scores and scores.support else np.nan

    values = np.asarray(
        [[np.mean([score(run.metrics, label) for run in recipe.runs]) for label in labels] for recipe in recipes]
    )
    yield Chart(
        "f1",
        "F1 on test by label",
        "Labels with the most test rows come first. 1 is perfect precision and recall."
        + ("" if all(supports.values()) else " A label without test rows has no score."),
        lambda: heatmaps.scores_by_label(values, [recipe.name for recipe in recipes], labels, "F1 on test"),
        scrolls=True,
    )


def _curves(recipes: Sequence[Recipe]) -> Iterator[Chart]:
    lines = [
        (recipe.name, recipe.model, run.history.validation_accuracy)
        for recipe in recipes
        for run in recipe.runs
        if run.history is not None
    ]
    if lines:
        yield Chart(
            "learning",
            "Validation accuracy by epoch",
            "One line per run. Recipes of one model share a color and differ in stroke.",
            lambda: learning_curves.overlaid_curves(lines),
            scrolls=True,
        )


def _confusions(recipes: Sequence[Recipe]) -> Iterator[Chart]:
    for number, recipe in enumerate(recipes[:MOST_SIDE_BY_SIDE]):
        best = recipe.best
        if best.test is None:
            continue
        shown, names = most_frequent(best.test, best.metrics.data.labels)
        counts = confusion_counts(shown, len(names))
        yield Chart(
            f"confusion-{number + 1}",
            recipe.name,
            f"{best.name}: accuracy {best.metrics.test.accuracy:.2%}.",
            lambda counts=counts, names=names: heatmaps.small_confusion(counts, names),  # type: ignore[misc]
            own_file=False,  # the run's figures/ has a larger one
        )


def _calibration(recipes: Sequence[Recipe]) -> Iterator[Chart]:
    lines, pairs = [], []
    for recipe in recipes[:MOST_SIDE_BY_SIDE]:
        test, metrics = recipe.best.test, recipe.best.metrics
        if test is None:
            continue
        before = reliability_bins(test.logits, test.label)
        after = reliability_bins(test.logits, test.label, metrics.temperature)
        lines.append((recipe.name, recipe.model, as_bins(after)))
        errors = (expected_calibration_error(before), expected_calibration_error(after))
        pairs.append((recipe.name, recipe.model, *errors))
    if not lines:
        return
    yield Chart(
        "calibration",
        "Reliability diagram",
        "Accuracy by confidence, with the temperature that emotion classify applies. It was fitted on validation.",
        lambda: reliability.overlaid_reliability(lines),
    )
    yield Chart(
        "calibration_error",
        "Expected calibration error (ECE)",
        "Mean distance between confidence and accuracy, in 15 bins; 0 is best. Hollow: without temperature; filled:"
        " with temperature.",
        lambda: reliability.error_pairs(pairs),
    )
