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
# Texts of ticks that are closer than this share of the axis would overlap.
TICK_SHARE = 0.2


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
    return figure


def _linear_ticks(longest: float) -> dict[float, str]:
    """Return about four times, with their texts, from 0 to the longest."""
    from matplotlib.ticker import MaxNLocator

    seconds, unit = next((unit for unit in UNITS if longest >= 2 * unit[0]), UNITS[-1])
    return {number * seconds: f"{number:g} {unit}" for number in MaxNLocator(4).tick_values(0, longest / seconds)}


def _logarithmic_ticks(shortest: float, longest: float) -> dict[float, str]:
    """Return round times, with their texts, that are far enough apart on a logarithmic axis."""
    gap = TICK_SHARE * math.log10(longest / shortest)
    kept: dict[float, str] = {}
    for seconds, text in ROUND_TIMES.items():
        near = kept and math.log10(seconds / max(kept)) < gap
        if shortest / 2 <= seconds <= longest * 2 and not near:
            kept[seconds] = text
    return kept


def _value(axes: Any, row: int, text: str) -> None:
    axes.text(1.02, row, text, transform=axes.get_yaxis_transform(), va="center", color=INK, fontsize=9)


def _label_axes(axes: Any, names: Sequence[str], what: str) -> None:
    name_rows(axes, names, what)
    axes.tick_params(axis="x", labelsize=9)
