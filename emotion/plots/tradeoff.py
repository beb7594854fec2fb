"""Accuracy against cost or speed: models as points, and their Pareto front."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from emotion.plots.annotations import point_labels
from emotion.plots.style import COLUMN_WIDTH, MUTED, OTHER, SURFACE, model_style, new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# With more points, only the front and the most accurate run of every model have names.
MOST_NAMES = 12


@dataclass(frozen=True)
class Point:
    """A model at its cost or speed (x) and its accuracy (y), with the interval of the accuracy."""

    name: str
    model: str
    x: float
    y: float
    low: float
    high: float


def front(points: Sequence[Point], *, more_is_better: bool) -> list[Point]:
    """Return the Pareto front, sorted by x: no other point equals or beats these in both; of equal points the first."""
    sign = 1 if more_is_better else -1
    kept: list[Point] = []
    for point in sorted(points, key=lambda point: (-sign * point.x, -point.y)):
        if not kept or point.y > kept[-1].y:
            kept.append(point)
    return sorted(kept, key=lambda point: point.x)


def tradeoff(points: Sequence[Point], x_axis: str, *, more_is_better: bool) -> "Figure":
    """Draw accuracy on test against `x_axis`, logarithmic, with the Pareto front as a line."""
    figure = new_figure(COLUMN_WIDTH, COLUMN_WIDTH * 0.78)
    axes = figure.subplots()
    best = front(points, more_is_better=more_is_better)
    axes.plot([point.x for point in best], [point.y for point in best], color=OTHER, linewidth=1.2, zorder=1)
    for point in points:
        color, mark = model_style(point.model)
        axes.plot([point.x, point.x], [point.low, point.high], color=color, linewidth=1.2, alpha=0.6, zorder=2)
        axes.plot([point.x], [point.y], marker=mark, color=color, markersize=9, markeredgecolor=SURFACE, zorder=3)
    axes.set_xscale("log")
    axes.margins(x=0.18)
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}" if value >= 1 else f"{value:g}")
    axes.xaxis.set_minor_formatter(lambda *_: "")
    axes.set_xlabel(x_axis, color=MUTED)
    axes.set_ylabel("accuracy on test", color=MUTED)
    axes.grid(axis="y")
    others = sorted((point for point in points if point not in best), key=lambda point: -point.y)
    if len(points) > MOST_NAMES:
        leading = {point.model: point for point in sorted(points, key=lambda point: point.y)}
        others = [point for point in others if point is leading[point.model]]
    point_labels(
        axes,
        [(point.x, point.y, point.name, point in best) for point in [*best, *others]],
        [(point.x, point.low, point.high) for point in points],
    )
    return figure
