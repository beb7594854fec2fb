"""Accuracy against cost or speed: models and composites as points, and their Pareto front."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from emotion.plots.annotations import point_labels
from emotion.plots.style import COLUMN_WIDTH, COMPOSITES, MUTED, OTHER, SURFACE, model_style, new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Item = TypeVar("Item")
# With more points, composites behind the front have no names; with more single models there, only the best of every
# model has one.
MOST_NAMES = 12
# Of a longer front, the first points in the order given have names.
MOST_FRONT_NAMES = 6


@dataclass(frozen=True)
class Point:
    """A model or a composite at its cost or speed (x) and its accuracy on test (y), with the interval of the accuracy.

    `model` chooses color and mark. `validation` is the accuracy on validation, which decides about the front.
    """

    name: str
    model: str
    x: float
    y: float
    low: float
    high: float
    validation: float


def front(items: Iterable[Item], values: Callable[[Item], tuple[float, float]]) -> list[Item]:
    """Return the Pareto front of items by two values, of which more is better, the lowest first value first.

    No other item equals or beats these in both; of equal items the first is here.
    """
    kept: list[Item] = []
    for item in sorted(items, key=lambda item: tuple(-value for value in values(item))):
        if not kept or values(item)[1] > values(kept[-1])[1]:
            kept.append(item)
    return kept[::-1]


def tradeoff(points: Sequence[Point], x_axis: str, *, more_is_better: bool, wide: bool = False) -> "Figure":
    """Draw accuracy on test against `x_axis`, logarithmic, with the Pareto front as a line; important points first.

    Validation decides which points are on the front, so the line may fall where test disagrees. Of many points those
    without a name are small and have no interval.
    """
    figure = new_figure(*((1.5 * COLUMN_WIDTH, COLUMN_WIDTH) if wide else (COLUMN_WIDTH, 0.78 * COLUMN_WIDTH)))
    axes = figure.subplots()
    sign = 1 if more_is_better else -1
    best = front(points, lambda point: (sign * point.x, point.validation))
    named = _named(points, best)
    axes.plot([point.x for point in best], [point.y for point in best], color=OTHER, linewidth=1.2, zorder=1)
    for point in reversed(points):
        _draw(axes, point, small=point not in named)
    axes.set_xscale("log")
    axes.margins(x=0.18)
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}" if value >= 1 else f"{value:g}")
    axes.xaxis.set_minor_formatter(lambda *_: "")
    axes.set_xlabel(x_axis, color=MUTED)
    axes.set_ylabel("accuracy on test", color=MUTED)
    axes.grid(axis="y")
    _legend(axes, {point.model for point in points})
    point_labels(
        axes,
        [(point.x, point.y, point.name, point in best) for point in named],
        [(point.x, point.low, point.high) for point in named],
    )
    return figure


def _draw(axes: Any, point: Point, *, small: bool) -> None:
    color, mark = model_style(point.model)
    if small:
        axes.plot([point.x], [point.y], marker=mark, color=color, markersize=5, markeredgecolor=SURFACE, zorder=2)
        return
    axes.plot([point.x, point.x], [point.low, point.high], color=color, linewidth=1.2, alpha=0.6, zorder=3)
    axes.plot([point.x], [point.y], marker=mark, color=color, markersize=9, markeredgecolor=SURFACE, zorder=4)


def _named(points: Sequence[Point], best: Sequence[Point]) -> list[Point]:
    """Choose the points that have names: the front, and as many others as a chart bears."""
    others = sorted((point for point in points if point not in best), key=lambda point: -point.validation)
    if len(points) > MOST_NAMES:
        others = [point for point in others if point.model not in COMPOSITES]
    if len(others) > MOST_NAMES:
        leading = {point.model: point for point in sorted(points, key=lambda point: point.validation)}
        others = [point for point in others if point is leading[point.model]]
    return [*[point for point in points if point in best][:MOST_FRONT_NAMES], *others]


def _legend(axes: Any, kinds: set[str]) -> None:
    """Explain the marks of composites; single models have names."""
    shown = [kind for kind in COMPOSITES if kind in kinds]
    for kind in shown:
        color, mark = model_style(kind)
        axes.plot([], [], marker=mark, color=color, linestyle="none", markersize=8, label=kind)
    if shown:
        place: dict[str, Any] = {"loc": "lower left", "bbox_to_anchor": (0, 1), "ncols": len(shown)}
        axes.legend(**place, fontsize=9, borderpad=0, handletextpad=0.2)
