"""Models ranked on one scale: accuracies with intervals, and training times."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from emotion.formatting import duration
from emotion.plots.annotations import name_rows
from emotion.plots.style import COLUMN_WIDTH, INK, SURFACE, model_style, new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Ratio of the longest to the shortest time from which the axis is logarithmic.
LOGARITHMIC_RATIO = 30
# Ticks of the logarithmic axis: seconds and their text.
ROUND_TIMES = {
    0.01: "0.01 s",
    0.1: "0.1 s",
    1: "1 s",
    10: "10 s",
    60: "1 min",
    600: "10 min",
    3600: "1 h",
    36_000: "10 h",
    360_000: "100 h",
}
UNITS = ((3600, "h"), (60, "min"), (1, "s"))
# Points between the texts of two ticks.
TICK_GAP = 5.0


@dataclass(frozen=True)
class Dot:
    """A model's value with its interval, and the values of its single runs if there are several."""

    name: str
    model: str
    value: float
    low: float
    high: float
    singles: Sequence[float] = ()


def intervals(dots: Sequence[Dot], what: str) -> "Figure":
    """Draw values as marks, intervals as lines, and single runs as ticks, from the top in the order given."""
    figure = new_figure(COLUMN_WIDTH, 1.0 + 0.36 * len(dots))
    axes = figure.subplots()
    for row, dot in enumerate(dots):
        color, mark = model_style(dot.model)
        axes.plot([dot.low, dot.high], [row, row], color=color, linewidth=2)
        axes.plot(dot.singles, [row] * len(dot.singles), linestyle="", marker="|", color=color, markersize=9)
        axes.plot([dot.value], [row], marker=mark, color=color, markersize=8, markeredgecolor=SURFACE)
        _value(axes, row, f"{dot.value:.3f}")
    _label_axes(axes, [dot.name for dot in dots], what)
    return figure


def times(values: Sequence[tuple[str, str, float]]) -> "Figure":
    """Draw the seconds of every (name, model, seconds); the axis is logarithmic where the times are far apart."""
    figure = new_figure(COLUMN_WIDTH, 1.0 + 0.36 * len(values))
    axes = figure.subplots()
    shortest, longest = (extreme(seconds for *_, seconds in values) for extreme in (min, max))
    logarithmic = shortest > 0 and longest / shortest > LOGARITHMIC_RATIO
    for row, (_, model, seconds) in enumerate(values):
        color, mark = model_style(model)
        if logarithmic:
            axes.plot([seconds], [row], marker=mark, color=color, markersize=8, markeredgecolor=SURFACE)
        else:
            axes.barh(row, seconds, color=color, height=0.55)
        _value(axes, row, duration(seconds))
    if logarithmic:
        axes.set_xscale("log")
        ticks = _logarithmic_ticks(shortest, longest)
    else:
        ticks = _linear_ticks(longest)
    axes.set_xticks(list(ticks), list(ticks.values()))
    axes.minorticks_off()
    if not logarithmic:
        axes.set_xlim(0, longest * 1.05 or 1)
    _label_axes(axes, [name for name, *_ in values], "training time" + (" (log scale)" if logarithmic else ""))
    _thin_out(axes, ticks)
    return figure


def _linear_ticks(longest: float) -> dict[float, str]:
    """Return about four times, with their texts, from 0 to the longest."""
    from matplotlib.ticker import MaxNLocator

    seconds, unit = next((unit for unit in UNITS if longest >= 2 * unit[0]), UNITS[-1])
    numbers = MaxNLocator(4).tick_values(0, longest / seconds)
    return {number * seconds: f"{number:g} {unit}" for number in numbers if 0 <= number * seconds <= longest}


def _logarithmic_ticks(shortest: float, longest: float) -> dict[float, str]:
    """Return the round times, with their texts, from about the shortest to about the longest."""
    return {seconds: text for seconds, text in ROUND_TIMES.items() if shortest / 2 <= seconds <= longest * 2}


def _thin_out(axes: Any, ticks: dict[float, str]) -> None:
    """Keep the ticks whose texts do not overlap: the width of the axis depends on the names beside it."""
    axes.figure.draw_without_rendering()
    kept: dict[float, str] = {}
    end = -math.inf
    for (seconds, text), label in zip(ticks.items(), axes.get_xticklabels(), strict=True):
        box = label.get_window_extent()
        if box.x0 > end:
            kept[seconds], end = text, box.x1 + TICK_GAP * axes.figure.dpi / 72
    axes.set_xticks(list(kept), list(kept.values()))


def _value(axes: Any, row: int, text: str) -> None:
    axes.text(1.02, row, text, transform=axes.get_yaxis_transform(), va="center", color=INK, fontsize=9)


def _label_axes(axes: Any, names: Sequence[str], what: str) -> None:
    name_rows(axes, names, what)
    axes.tick_params(axis="x", labelsize=9)
