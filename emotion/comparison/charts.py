"""The report's charts: which figures of which runs go into each."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from emotion.comparison.analysis import Analysis
from emotion.comparison.run_details import Recipe
from emotion.evaluation.calibration import reliability
from emotion.evaluation.figures import as_bins, confusion_counts, most_frequent
from emotion.evaluation.metrics_file import Metrics
from emotion.plots import curves, matrix, ranking, tradeoff
from emotion.plots import reliability as reliable

if TYPE_CHECKING:
    from collections.abc import Callable

    from matplotlib.figure import Figure

# Confusion matrices and calibrations side by side; the best on validation.
MOST_SIDE_BY_SIDE = 12


@dataclass(frozen=True)
class Chart:
    """A chart that can be drawn: name, title, what it shows, how it is made.

    It is a file of its own too if `alone`, and scrolled sideways on a small screen if `wide`.
    """

    name: str
    title: str
    caption: str
    draw: "Callable[[], Figure]"
    alone: bool = True
    wide: bool = False


def charts(findings: Analysis) -> dict[str, list[Chart]]:
    """Give the charts by the section that they are in; a section has none where no run has what it takes."""
    recipes = findings.recipes
    return {
        "accuracy": [_accuracy(recipes)],
        "cost": [_speed(recipes), _size(recipes), _time(recipes)],
        "labels": list(_f1(recipes)),
        "training": list(_curves(recipes)),
        "confusion": list(_confusions(recipes)),
        "calibration": list(_calibration(recipes)),
    }


def _accuracy(recipes: Sequence[Recipe]) -> Chart:
    dots = [ranking.Dot(recipe.name, recipe.model, *_on_test(recipe), _singles(recipe)) for recipe in recipes]
    caption = "Best on validation first. The line is the 95 % Wilson interval"
    if any(len(recipe.subjects) > 1 for recipe in recipes):
        caption += "; the mark is the mean of the seeds, each of which is a tick"
    return Chart("accuracy", "Accuracy on test", caption + ".", lambda: ranking.intervals(dots, "accuracy on test"))


def _singles(recipe: Recipe) -> list[float]:
    several = len(recipe.subjects) > 1
    return [subject.metrics.test.accuracy for subject in recipe.subjects] if several else []


def _on_test(recipe: Recipe) -> tuple[float, float, float]:
    """Accuracy on test and the ends of its interval, means over the seeds."""
    return (
        recipe.mean(lambda metrics: metrics.test.accuracy),
        recipe.mean(lambda metrics: metrics.test.accuracy_ci95[0]),
        recipe.mean(lambda metrics: metrics.test.accuracy_ci95[1]),
    )


def _points(recipes: Sequence[Recipe], value: "Callable[[Metrics], float]") -> list[tradeoff.Point]:
    """Accuracy on test against something that is above 0, as its axis is logarithmic."""
    return [tradeoff.Point(each.name, each.model, max(1e-3, each.mean(value)), *_on_test(each)) for each in recipes]


def _speed(recipes: Sequence[Recipe]) -> Chart:
    points = _points(recipes, lambda metrics: metrics.onnx.rows_per_second)
    return Chart(
        "speed",
        "Accuracy against speed",
        "To the right is faster. No model beats those on the line in both; their names are bold.",
        lambda: tradeoff.tradeoff(points, "rows classified a second (logarithmic)", more_is_better=True),
    )


def _size(recipes: Sequence[Recipe]) -> Chart:
    points = _points(recipes, lambda metrics: metrics.onnx.bytes / 1e6)
    return Chart(
        "size",
        "Accuracy against size",
        "To the left is smaller. No model beats those on the line in both; their names are bold.",
        lambda: tradeoff.tradeoff(points, "ONNX file in MB (logarithmic)", more_is_better=False),
    )


def _time(recipes: Sequence[Recipe]) -> Chart:
    values = [(each.name, each.model, each.mean(lambda metrics: metrics.training_seconds)) for each in recipes]
    values.sort(key=lambda value: value[2])
    return Chart("time", "Training time", "On the machine that trained each.", lambda: ranking.times(values))


def _f1(recipes: Sequence[Recipe]) -> Iterator[Chart]:
    supports: dict[str, int] = {}
    for recipe in recipes:
        for label, scores in recipe.best.metrics.test.per_class.items():
            supports[label] = max(supports.get(label, 0), scores.support)
    labels = sorted(supports, key=lambda label: -supports[label])
    if not labels:
        return

    def score(metrics: Metrics, label: str) -> float:
        found = metrics.test.per_class.get(label)
        return found.f1 if found else np.nan

    values = np.asarray(
        [[np.mean([score(each.metrics, label) for each in recipe.subjects]) for label in labels] for recipe in recipes]
    )
    yield Chart(
        "f1",
        "F1 on test by label",
        "Labels with most test rows first. 1 is perfect precision and recall.",
        lambda: matrix.scores_by_label(values, [recipe.name for recipe in recipes], labels, "F1 on test"),
        wide=True,
    )


def _curves(recipes: Sequence[Recipe]) -> Iterator[Chart]:
    lines = [
        (recipe.name, recipe.model, subject.history.validation_accuracy)
        for recipe in recipes
        for subject in recipe.subjects
        if subject.history is not None
    ]
    if lines:
        yield Chart(
            "learning",
            "Learning curves",
            "Accuracy on validation after each epoch, a line a run.",
            lambda: curves.overlaid_curves(lines),
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
            f"{best.name}: {best.metrics.test.accuracy:.2%} right.",
            lambda counts=counts, names=names: matrix.small_confusion(counts, names),  # type: ignore[misc]
            alone=False,  # the run's own figures have a larger one
        )


def _calibration(recipes: Sequence[Recipe]) -> Iterator[Chart]:
    lines, pairs = [], []
    for recipe in recipes[:MOST_SIDE_BY_SIDE]:
        test, metrics = recipe.best.test, recipe.best.metrics
        if test is None:
            continue
        before, after = (reliability(test.logits, test.label, each) for each in (1.0, metrics.temperature))
        lines.append((recipe.name, recipe.model, as_bins(after)))
        pairs.append((recipe.name, recipe.model, before.error, after.error))
    if not lines:
        return
    yield Chart(
        "calibration",
        "Right as often as sure?",
        "Scores as emotion classify gives them, scaled by a temperature that was fitted on validation.",
        lambda: reliable.overlaid_reliability(lines),
    )
    yield Chart(
        "calibration_error",
        "Calibration error",
        "Mean distance between score and accuracy (ECE, 15 bins). Hollow as trained, filled as scaled; 0 is best.",
        lambda: reliable.error_pairs(pairs),
    )
