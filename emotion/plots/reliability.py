"""Reliability diagrams: accuracy by confidence, before and after temperature scaling, of one or several models."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from emotion.formatting import shorten
from emotion.plots.annotations import LONGEST, name_rows
from emotion.plots.style import ACCENT, COLUMN_WIDTH, INK, MUTED, OTHER, SURFACE, line_styles, model_style, new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LEGEND_COLUMNS = 2
# Rows, mean confidence, and accuracy by bin, all (bins,); NaN where a bin is empty.
Bins = tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]]


def before_and_after(before: Bins, after: Bins, errors: tuple[float, float], temperature: float) -> "Figure":
    """Draw accuracy against confidence, and rows by confidence, for unscaled and scaled logits of one model."""
    figure = new_figure(8.4, 4.4)
    axes = figure.subplots(2, 2, sharex=True, height_ratios=(4, 1))
    titles = ("without temperature", f"temperature {temperature:.2f}")
    for column, (bins, error, title) in enumerate(zip((before, after), errors, titles, strict=True)):
        _reliability(axes[0, column], bins, ACCENT)
        axes[0, column].set_title(f"{title}: ECE {error:.3f}")
        _rows(axes[1, column], bins[0])
    axes[0, 0].set_ylabel("accuracy")
    axes[1, 0].set_ylabel("rows")
    return figure


def _reliability(axes: Any, bins: Bins, color: str) -> None:
    rows, confidence, accuracy = bins
    _diagonal(axes)
    filled = rows > 0
    axes.vlines(confidence[filled], confidence[filled], accuracy[filled], color=OTHER, linewidth=1.2)
    sizes = 20 + 180 * rows[filled] / max(1, int(rows.max()))
    axes.scatter(confidence[filled], accuracy[filled], s=sizes, color=color, edgecolor=SURFACE, zorder=3)


def _diagonal(axes: Any) -> None:
    axes.plot([0, 1], [0, 1], color=MUTED, linewidth=0.8, linestyle="--")
    axes.set(xlim=(0, 1.02), ylim=(0, 1.02))
    axes.grid(axis="y")


def _rows(axes: Any, rows: NDArray[np.int64]) -> None:
    edges = np.linspace(0, 1, len(rows) + 1)
    axes.bar(edges[:-1], rows, width=np.diff(edges), align="edge", color=OTHER, edgecolor=SURFACE, linewidth=0.5)
    axes.set_xlabel("confidence: probability of the predicted label")
    axes.tick_params(labelcolor=INK)


def overlaid_reliability(lines: Sequence[tuple[str, str, Bins]]) -> "Figure":
    """Draw accuracy against confidence for every (name, model, bins), without bins of fewer than ten rows."""
    figure = new_figure(COLUMN_WIDTH, COLUMN_WIDTH * 0.8 + 0.17 * -(-len(lines) // LEGEND_COLUMNS))
    axes = figure.subplots()
    strokes = line_styles({name: model for name, model, _ in lines})
    _diagonal(axes)
    axes.annotate("perfect calibration", (0.3, 0.3), (6, -10), textcoords="offset points", color=MUTED, fontsize=9)
    for name, model, (rows, confidence, accuracy) in lines:
        color, mark = model_style(model)
        enough = rows >= 10  # noqa: PLR2004
        style: dict[str, Any] = {"color": color, "marker": mark, "linewidth": 1.2, "markersize": 5, **strokes[name]}
        axes.plot(confidence[enough], accuracy[enough], label=shorten(name, LONGEST), **style)
    # The lines meet where models are sure: names at their ends would overlap.
    figure.legend(loc="outside lower center", ncols=LEGEND_COLUMNS, fontsize=8, handlelength=2.4)
    axes.set_xlabel("confidence: probability of the predicted label")
    axes.set_ylabel("accuracy on test")
    return figure


def error_pairs(pairs: Sequence[tuple[str, str, float, float]]) -> "Figure":
    """Draw the calibration errors of every (name, model, as trained, scaled) as two marks and a line between them."""
    from matplotlib.ticker import MaxNLocator

    figure = new_figure(COLUMN_WIDTH, 1.0 + 0.32 * len(pairs))
    axes = figure.subplots()
    for row, (_, model, before, after) in enumerate(pairs):
        color, mark = model_style(model)
        axes.plot([before, after], [row, row], color=color, linewidth=1.2)
        axes.plot([before], [row], marker=mark, color=color, markerfacecolor="none", markersize=7)
        axes.plot([after], [row], marker=mark, color=color, markersize=7)
    axes.set_xlim(left=0)
    axes.xaxis.set_major_locator(MaxNLocator(3))
    name_rows(axes, [name for name, *_ in pairs], "ECE on test")
    return figure
