"""Chooses the points of the chart of accuracy against speed: single models, cascades and ensembles."""

from collections.abc import Sequence

from emotion.comparison.analysis import Analysis
from emotion.comparison.choices import short_label
from emotion.comparison.run_details import RunDetails
from emotion.comparison.scored import Scored
from emotion.formatting import count
from emotion.plots.tradeoff import Point


def speed_points(analysis: Analysis) -> tuple[list[Point], str]:
    """Return the points, the most important first, and the caption.

    Shown are the choices, the best run of every recipe on validation, the front, and the most accurate composites.
    """
    composites = analysis.composites
    runs = {run.name: run for run in analysis.runs}
    best = {recipe.best.name: recipe.name for recipe in analysis.recipes}
    points: dict[str, Point] = {}

    def show(scored: Scored) -> None:
        if scored.candidate.kind == "model":
            points[scored.name] = _model(runs[scored.name], best.get(scored.name, scored.name))
        else:
            points[scored.name] = _composite(scored)

    for scored in (composites.best_single, composites.best_value, composites.most_accurate):
        show(scored)
    for run, recipe in best.items():
        points[run] = _model(runs[run], recipe)
    for scored in [*_spread(composites.front), *composites.others]:
        show(scored)
    return list(points.values()), _caption(analysis, len(points))


def _spread(front: Sequence[Scored]) -> list[Scored]:
    """Sort the front so that its first points, which have names, are far apart."""
    step = max(1, len(front) // 3)
    return [scored for start in range(step) for scored in front[start::step]]


def _model(run: RunDetails, name: str) -> Point:
    metrics = run.metrics
    test = metrics.test
    speed = max(1e-3, metrics.onnx.rows_per_second)  # the axis is logarithmic
    return Point(name, metrics.model, speed, test.accuracy, *test.accuracy_ci95, metrics.validation.accuracy)


def _composite(scored: Scored) -> Point:
    candidate = scored.candidate
    return Point(
        short_label(candidate),
        candidate.kind,
        candidate.rows_per_second,
        scored.accuracy,
        *scored.interval,
        candidate.validation_accuracy,
    )


def _caption(analysis: Analysis, shown: int) -> str:
    counts = analysis.composites.counts
    several = any(len(recipe.runs) > 1 for recipe in analysis.recipes)
    left_out = analysis.composites.tried - shown
    return " ".join(
        [
            "The line is the Pareto front of speed and validation accuracy; names on the front are bold. Heights are"
            " test accuracies, so the line may fall.",
            *(["A recipe is shown by its best run on validation."] if several else []),
            *(
                ["A cascade's name ends with the share of rows that its second model sees."]
                if counts["cascade"]
                else []
            ),
            *([f"Not shown: {count(left_out, 'other candidate')}."] if left_out else []),
        ]
    )
