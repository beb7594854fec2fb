"""What accuracy costs: models as points, and the front of those that no other beats in both."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from emotion.plots.labels import point_labels
from emotion.plots.style import MUTED, OTHER, SURFACE, model_style, new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Of more points the front and the most accurate of each model have names.
MOST_NAMES = 12


@dataclass(frozen=True)
class Point:
    """A model at its cost (or speed) and accuracy, with the interval of that."""

    name: str
    model: str
    x: float
    y: float
    low: float
    high: float


def front(points: Sequence[Point], *, more_is_better: bool) -> list[Point]:
    """Give the points that no other equals or beats in both, by x; of equal ones the first."""
    sign = 1 if more_is_better else -1
    kept: list[Point] = []
    for point in sorted(points, key=lambda each: (-sign * each.x, -each.y)):
        if not kept or point.y > kept[-1].y:
            kept.append(point)
    return sorted(kept, key=lambda each: each.x)


def tradeoff(points: Sequence[Point], x_axis: str, *, more_is_better: bool, width: float = 4.4) -> "Figure":
    """Draw accuracy on test against `x_axis`, logarithmic, with the Pareto front as a line."""
    figure = new_figure(width, width * 0.78)
    axes = figure.subplots()
    best = front(points, more_is_better=more_is_better)
    axes.plot([each.x for each in best], [each.y for each in best], color=OTHER, linewidth=1.2, zorder=1)
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
    rest = sorted((point for point in points if point not in best), key=lambda point: -point.y)
    if len(points) > MOST_NAMES:
        leading = {point.model: point for point in sorted(points, key=lambda point: point.y)}
        rest = [point for point in rest if point is leading[point.model]]
    point_labels(
        axes,
        [(each.x, each.y, each.name, each in best) for each in [*best, *rest]],
        [(each.x, each.low, each.high) for each in points],
    )
    return figure
