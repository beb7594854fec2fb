"""How long the texts are: a histogram a split, with its percentiles and the length that was chosen."""

from typing import TYPE_CHECKING

import numpy as np

from emotion.data.check import PERCENTILES
from emotion.explore.lengths import Lengths
from emotion.plots import panels, style
from emotion.plots.labels import spread

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

# Bars at most; a bar is a number of words, or several.
BARS = 100


def draw_lengths(lengths: Lengths) -> "Figure":
    """Draw the shares of rows by words a text, a panel a split."""
    figure = panels.new_figure(1.0 + 2.4 * len(lengths.rows))
    end = _end(lengths)
    for axes, split in zip(figure.subplots(len(lengths.rows), 1), lengths.rows, strict=True):
        panels.name_split(axes, split, sum(lengths.rows[split]["rows"]), pad=26)
        if lengths.figures[split]:
            _draw_split(axes, lengths, split, end)
    return panels.titled(figure, _title(lengths), _longer(lengths, end))


def _title(lengths: Lengths) -> str:
    figures, fits = lengths.figures["train"], lengths.fits["train"]
    if figures is None or fits is None:
        return "Train has no rows"
    return f"Half of train's texts have at most {figures['p50']:,} words; {fits:.1%} have at most {lengths.chosen:,}"


def _end(lengths: Lengths) -> float:
    """Where the axis ends: behind the chosen length and nearly all texts, as a very long one would squeeze the rest."""
    figures = [found for found in lengths.figures.values() if found]
    usual = max([1.25 * found["p99"] for found in figures] + [1.15 * lengths.chosen, 10])
    longest = max([found["max"] for found in figures], default=0) + 1.5
    return max(longest, 1.15 * lengths.chosen) if longest < 1.3 * usual else usual


def _longer(lengths: Lengths, end: float) -> str:
    beyond = sum(
        count
        for found in lengths.rows.values()
        for words, count in zip(found["words"], found["rows"], strict=True)
        if words > end
    )
    most = max((found["max"] for found in lengths.figures.values() if found), default=0)
    return f"Not drawn: {panels.counted(beyond, 'longer text')}, of up to {most:,} words." if beyond else ""


def _draw_split(axes: "Axes", lengths: Lengths, split: str, end: float) -> None:
    words, rows = (np.asarray(lengths.rows[split][key]) for key in ("words", "rows"))
    edges = _edges(end)
    shares, _ = np.histogram(words, edges, weights=100 * rows / rows.sum())
    colors = np.where(edges[1:] <= lengths.chosen + 0.5, style.ACCENT, style.OTHER)
    axes.bar((edges[:-1] + edges[1:]) / 2, shares, 0.9 * np.diff(edges), color=colors)
    # Room for what is said below the upper edge.
    axes.set(xlim=(0, end), ylim=(0, 1.25 * shares.max()), xlabel="words a text", ylabel="share of rows (%)")
    panels.end_at_all(axes.yaxis)
    _draw_chosen(axes, lengths.chosen, f"{lengths.fits[split]:.1%} of rows fit in {lengths.chosen:,} words", end)
    _draw_percentiles(axes, lengths.figures[split] or {}, end)


def _draw_chosen(axes: "Axes", chosen: int, words: str, end: float) -> None:
    """Draw the chosen length as a line, with what fits on the side that has more room."""
    axes.axvline(chosen + 0.5, color=style.INK, linewidth=1, linestyle=(0, (4, 3)))
    late = chosen > end / 2
    axes.annotate(
        words,
        (chosen + 0.5, 1),
        xycoords=axes.get_xaxis_transform(),
        xytext=(-6 if late else 6, -4),
        textcoords="offset points",
        ha="right" if late else "left",
        va="top",
    )


def _edges(end: float) -> "NDArray[np.float64]":
    """Between whole numbers of words."""
    width = max(1, round(end / BARS))
    return np.arange(-0.5, end + width, width)


def _draw_percentiles(axes: "Axes", figures: dict[str, float], end: float) -> None:
    """Mark them at the upper edge, and name them above; equal ones share a name, and names stay apart."""
    names: dict[float, list[str]] = {}
    for share in PERCENTILES:
        names.setdefault(figures[f"p{share}"], []).append(f"p{share}")
    gap = end * (0.03 + 0.035 * max(map(len, names.values())))
    moved = spread([*names], gap)
    # All of them within the axis.
    inside = max(0, gap / 2 - min(moved)) + min(0, end - gap / 2 - max(moved))
    for (place, alike), middle in zip(names.items(), moved, strict=True):
        _draw_mark(axes, place, middle + inside, f"{', '.join(alike)}: {place:,}")


def _draw_mark(axes: "Axes", place: float, middle: float, name: str) -> None:
    across = axes.get_xaxis_transform()
    line = ([place, place, middle], [0.97, 1.02, 1.07])
    axes.plot(*line, transform=across, color=style.MUTED, linewidth=1, clip_on=False)
    axes.text(middle, 1.08, name, transform=across, ha="center", va="bottom", fontsize=panels.SMALL)
