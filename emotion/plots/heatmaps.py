"""Heat maps: confusion matrices, and scores of models by label."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from emotion.formatting import shorten
from emotion.plots.annotations import two_lines
from emotion.plots.style import MUTED, SURFACE, new_figure, on_color, sequential

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Labels: up to here cells show numbers, above it only colors.
MOST_WRITTEN = 14
# Cells: above it an SVG holds pixels, not shapes.
MOST_SHAPES = 2500
MOST_NAMES = 40


def confusion(counts: NDArray[np.int64], labels: Sequence[str], title: str) -> "Figure":
    """Draw counts int (labels, labels), true by predicted, as a confusion matrix with shares of the true labels."""
    size = len(labels)
    written = size <= MOST_WRITTEN
    side = min(9.0, 0.72 * size + 2.2) if written else 8.5
    figure = new_figure(max(4.4, side + 0.6), max(3.8, side))
    axes = figure.subplots()
    shares = row_shares(counts)
    texts = [
        [_share_and_count(shares[row, column], counts[row, column]) for column in range(size)] for row in range(size)
    ]
    _cells(axes, shares, texts if written else [], 8.5)
    axes.set_xlabel("predicted label")
    axes.set_ylabel("true label")
    _names(axes.yaxis, labels)
    _names(axes.xaxis, labels, turned=size > 4)  # noqa: PLR2004
    axes.set_aspect("equal")
    axes.set_title("\n".join(shorten(line, 80) for line in title.splitlines()))
    if not written:
        figure.colorbar(axes.collections[0], ax=axes, label="share of the label's rows", shrink=0.6)
    return figure


def small_confusion(counts: NDArray[np.int64], labels: Sequence[str]) -> "Figure":
    """Draw a small confusion matrix, to stand beside others: whole percentages where they have room."""
    size = len(labels)
    figure = new_figure(3.6, 3.3)
    axes = figure.subplots()
    shares = row_shares(counts)
    texts = [[_percent(shares[row, column]) for column in range(size)] for row in range(size)]
    _cells(axes, shares, texts if size <= MOST_WRITTEN else [], 9.0 if size <= 8 else 6.5)  # noqa: PLR2004
    _names(axes.yaxis, labels)
    _names(axes.xaxis, labels, turned=True)
    axes.set_aspect("equal")
    return figure


def scores_by_label(values: NDArray[np.float64], rows: Sequence[str], labels: Sequence[str], what: str) -> "Figure":
    """Draw scores float (models, labels), NaN where there is none; colors run from the lowest to the highest score."""
    written = len(labels) <= MOST_WRITTEN
    width = 2.2 + (0.62 * len(labels) if written else 7.0)
    figure = new_figure(max(4.6, width), 1.1 + 0.34 * len(rows))
    axes = figure.subplots()
    texts = [[f"{value:.2f}" if np.isfinite(value) else "" for value in row] for row in values]
    _cells(axes, values, texts if written else [], 9.0, (float(np.nanmin(values)), float(np.nanmax(values))))
    axes.set_yticks([row + 0.5 for row in range(len(rows))], map(two_lines, rows), fontsize=9.0)
    _names(axes.xaxis, labels, turned=len(labels) > 4)  # noqa: PLR2004
    if not written:
        figure.colorbar(axes.collections[0], ax=axes, label=what, shrink=0.9)
    return figure


def row_shares(counts: NDArray[np.int64]) -> NDArray[np.float64]:
    """Divide the counts of a row by the row's sum, float64 (labels, labels); NaN where the sum is 0."""
    sums = counts.sum(axis=1, keepdims=True).astype(np.float64)
    return counts / np.where(sums > 0, sums, np.nan)


def _share_and_count(share: float, count: int) -> str:
    return f"{_percent(share)}\n{count:,}" if count else ""


def _percent(share: float) -> str:
    if not np.isfinite(share) or not share:
        return ""
    return f"{share:.0%}" if share >= 0.005 else "<1%"  # noqa: PLR2004


def _cells(
    axes: Any,
    values: NDArray[np.float64],
    texts: Sequence[Sequence[str]],
    size: float,
    limits: tuple[float, float] = (0.0, 1.0),
) -> None:
    mesh = axes.pcolormesh(
        values, cmap=sequential(), vmin=limits[0], vmax=limits[1], edgecolors=SURFACE, linewidth=1.0 if texts else 0.0
    )
    mesh.set_rasterized(values.size > MOST_SHAPES)
    axes.invert_yaxis()
    for row, line in enumerate(texts):
        for column, text in enumerate(line):
            color = on_color(mesh.to_rgba(np.nan_to_num(values[row, column])))
            axes.text(column + 0.5, row + 0.5, text, ha="center", va="center", fontsize=size, color=color)
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0)


def _names(axis: Any, names: Sequence[str], *, turned: bool = False) -> None:
    """Write the names along an axis; of many names, write every n-th."""
    step = -(-len(names) // MOST_NAMES)
    shown = range(0, len(names), step)
    size = 9.0 if len(names) <= 2 * MOST_WRITTEN else 6.0
    axis.set_ticks([index + 0.5 for index in shown], [shorten(names[index], 18) for index in shown], fontsize=size)
    if turned:
        for label in axis.get_ticklabels():
            label.set(rotation=45, ha="right", rotation_mode="anchor")
    if step > 1:
        what, note = axis.get_label_text(), f"one label in {step} is named"
        axis.set_label_text(f"{what} ({note})" if what else note, color=MUTED)
