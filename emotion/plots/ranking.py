"""Models under each other on one scale: accuracies with intervals, and training times."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from emotion.formatting import duration
from emotion.plots.labels import name_rows
from emotion.plots.style import INK, SURFACE, model_style, new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

WIDE_RANGE = 30
# Seconds that are said in one word each.
ROUND = (0.01, 0.1, 1, 10, 60, 600, 3600, 36_000, 360_000)


@dataclass(frozen=True)
class Dot:
    """A model's value with an interval, and the values of its single runs where there are several."""

    name: str
    model: str
    value: float
    low: float
    high: float
    singles: Sequence[float] = ()


def intervals(dots: Sequence[Dot], what: str, width: float = 4.4) -> "Figure":
    """Draw each value, its interval as a line and single runs as faint marks; best first, in the order given."""
    figure = new_figure(width, 1.0 + 0.36 * len(dots))
    axes = figure.subplots()
    for place, dot in enumerate(dots):
        color, mark = model_style(dot.model)
        axes.plot([dot.low, dot.high], [place, place], color=color, linewidth=2)
        axes.plot(dot.singles, [place] * len(dot.singles), linestyle="", marker="|", color=color, markersize=9)
        axes.plot([dot.value], [place], marker=mark, color=color, markersize=8, markeredgecolor=SURFACE)
        _value(axes, place, f"{dot.value:.3f}")
    _lines(axes, [dot.name for dot in dots], what)
    return figure


def times(values: Sequence[tuple[str, str, float]], width: float = 4.4) -> "Figure":
    """Draw seconds of each (name, model, seconds); on a logarithmic scale where they are far apart."""
    figure = new_figure(width, 1.0 + 0.36 * len(values))
    axes = figure.subplots()
    seconds = [each for *_, each in values]
    wide = min(seconds) > 0 and max(seconds) / min(seconds) > WIDE_RANGE
    for place, (_, model, each) in enumerate(values):
        color, mark = model_style(model)
        if wide:
            axes.plot([each], [place], marker=mark, color=color, markersize=8, markeredgecolor=SURFACE)
        else:
            axes.barh(place, each, color=color, height=0.55)
        _value(axes, place, duration(each))
    if wide:
        axes.set_xscale("log")
        axes.set_xticks([each for each in ROUND if min(seconds) / 2 <= each <= max(seconds) * 2])
        axes.minorticks_off()
    else:
        axes.set_xlim(0, max(seconds) * 1.05 or 1)
    axes.xaxis.set_major_formatter(lambda value, _: duration(value))
    _lines(axes, [name for name, *_ in values], "training time" + (" (logarithmic)" if wide else ""))
    return figure


def _value(axes: Any, place: int, text: str) -> None:
    axes.text(1.02, place, text, transform=axes.get_yaxis_transform(), va="center", color=INK, fontsize=9)


def _lines(axes: Any, names: Sequence[str], what: str) -> None:
    name_rows(axes, names, what)
    axes.tick_params(axis="x", labelsize=9)
