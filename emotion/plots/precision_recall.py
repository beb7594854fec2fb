"""Precision-recall curves, one per label."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from emotion.formatting import shorten
from emotion.plots.style import INK, MUTED, OTHER, PALETTE, new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class Curve:
    """The curve of one label: precision and recall float64 (thresholds,), and average precision."""

    label: str
    precision: NDArray[np.float64]
    recall: NDArray[np.float64]
    average: float


def precision_recall(curves: Sequence[Curve], title: str) -> "Figure":
    """Draw the curves and list the labels, the worst last; of many labels, only the worst seven have colors."""
    figure = new_figure(7.4, 4.4)
    axes = figure.subplots()
    ordered = sorted(curves, key=lambda curve: -curve.average)
    named = ordered[-len(PALETTE) :]
    for curve in ordered[: -len(PALETTE)]:
        axes.step(curve.recall, curve.precision, where="post", color=OTHER, linewidth=0.6, alpha=0.5)
    for curve, color in zip(named, PALETTE, strict=False):
        axes.step(curve.recall, curve.precision, where="post", color=color, linewidth=1.6)
    for index, (curve, color) in enumerate(zip(named, PALETTE, strict=False)):
        height = 0.98 - 0.09 * (index + 1)
        axes.plot([1.05], [height], marker="s", color=color, transform=axes.transAxes, clip_on=False, markersize=8)
        text = f"{shorten(curve.label)}  {curve.average:.3f}"
        axes.text(1.08, height, text, transform=axes.transAxes, va="center", color=INK, fontsize=9)
    rest = len(ordered) - len(named)
    head = "average precision" + (f" ({rest} higher: gray)" if rest else "")
    axes.text(1.035, 0.98, head, transform=axes.transAxes, va="center", color=MUTED, fontsize=9)
    axes.set(xlim=(0, 1.01), ylim=(0, 1.02), xlabel="recall", ylabel="precision")
    axes.grid()
    axes.set_title("\n".join(shorten(line, 80) for line in title.splitlines()))
    return figure
