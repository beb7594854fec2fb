"""Learning curves: loss and accuracy of one training, and validation accuracy of several trainings, by epoch."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from emotion.formatting import shorten
from emotion.plots.annotations import end_labels
from emotion.plots.style import ACCENT, COLUMN_WIDTH, INK, MUTED, PALETTE, line_styles, model_style, new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MANY_EPOCHS = 30
MANY_NAMES = 16


@dataclass(frozen=True)
class History:
    """Values by epoch, in order; NaN where an epoch has none. `best` is the number of the kept epoch, from 1."""

    loss: Sequence[float]
    accuracy: Sequence[float]
    validation_loss: Sequence[float]
    validation_accuracy: Sequence[float]
    best: int


def training_curves(history: History, title: str) -> "Figure":
    """Draw loss and accuracy by epoch, on validation and in training (with dropout and smoothed labels)."""
    figure = new_figure(9.0, 3.4)
    left, right = figure.subplots(1, 2, gridspec_kw={"wspace": 0.12})
    _pair(left, history.loss, history.validation_loss, history.best, "loss (nats)")
    _pair(right, history.accuracy, history.validation_accuracy, history.best, "accuracy")
    left.set_title(shorten(title, 60))
    right.set_title(f"best epoch: {history.best}")
    return figure


def _pair(axes: Any, train: Sequence[float], validation: Sequence[float], best: int, what: str) -> None:
    epochs = range(1, len(train) + 1)
    mark = "o" if len(train) <= MANY_EPOCHS else ""
    axes.plot(epochs, train, color=PALETTE[1], marker=mark, markersize=4)
    axes.plot(epochs, validation, color=ACCENT, marker=mark, markersize=4)
    axes.axvline(best, color=MUTED, linewidth=0.8, linestyle=":")
    axes.plot([best], [validation[best - 1]], marker="o", markersize=10, color=ACCENT, fillstyle="none")
    end_labels(
        axes,
        [(*_end(train), "train (running mean)", PALETTE[1]), (*_end(validation), "validation", ACCENT)],
        len(train),
    )
    _epoch_axis(axes, len(train), what)


def overlaid_curves(lines: Sequence[tuple[str, str, Sequence[float]]]) -> "Figure":
    """Draw validation accuracy by epoch for every (name, model, values); of many lines, name only the best."""
    names = {name: model for name, model, _ in lines}
    named = min(len(names), MANY_NAMES)
    figure = new_figure(1.5 * COLUMN_WIDTH, max(0.72 * COLUMN_WIDTH, 1.0 + 0.19 * named))
    axes = figure.subplots()
    strokes = line_styles(names)
    best: dict[str, tuple[float, float, str, str]] = {}
    for name, model, values in sorted(lines, key=lambda line: -max(filter(math.isfinite, line[2]), default=-math.inf)):
        color, mark = model_style(model)
        axes.plot(
            range(1, len(values) + 1), values, color=color, marker=mark, markersize=4, linewidth=1.6, **strokes[name]
        )
        best.setdefault(name, (*_end(values), name, color))
    longest = max(len(values) for _, _, values in lines)
    end_labels(axes, list(best.values())[:MANY_NAMES], longest)
    _epoch_axis(axes, longest, "accuracy on validation")
    return figure


def _end(values: Sequence[float]) -> tuple[float, float]:
    """Return epoch and value of the last finite point; a training that diverges ends in NaN."""
    drawn = [(epoch, value) for epoch, value in enumerate(values, start=1) if math.isfinite(value)]
    return drawn[-1] if drawn else (math.nan, math.nan)


def _epoch_axis(axes: Any, epochs: int, what: str) -> None:
    from matplotlib.ticker import MaxNLocator

    axes.set_xlim(0.5, epochs + 0.5)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    axes.set_xlabel("epoch")
    axes.set_ylabel(what)
    axes.tick_params(labelcolor=INK)
    axes.grid(axis="y")
