"""The chart of lengths: a histogram of words per text for every split, with percentiles and the chosen length."""

from typing import TYPE_CHECKING

import numpy as np

from emotion.data.check import PERCENTILES
from emotion.explore.lengths import Lengths
from emotion.plots import panels, style
from emotion.plots.annotations import spread

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

# A bar stands for one number of words, or for several where the axis is long.
MOST_BARS = 100


def draw_lengths(lengths: Lengths) -> "Figure":
    """Draw the shares of rows by words per text, a panel per split."""
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
    """End the axis behind the chosen length and nearly all texts: one very long text would squeeze all others."""
    figures = [of_split for of_split in lengths.figures.values() if of_split]
    usual = max([1.25 * of_split["p99"] for of_split in figures] + [1.15 * lengths.chosen, 10])
    longest = max([of_split["max"] for of_split in figures], default=0) + 1.5
    return max(longest, 1.15 * lengths.chosen) if longest < 1.3 * usual else usual


def _longer(lengths: Lengths, end: float) -> str:
    beyond = sum(
        count
        for histogram in lengths.rows.values()
        for words, count in zip(histogram["words"], histogram["rows"], strict=True)
        if words > end
    )
    most = max((of_split["max"] for of_split in lengths.figures.values() if of_split), default=0)
    return f"Not drawn: {panels.counted(beyond, 'longer text')}, of up to {most:,} words." if beyond else ""


def _draw_split(axes: "Axes", lengths: Lengths, split: str, end: float) -> None:
    words, rows = (np.asarray(lengths.rows[split][key]) for key in ("words", "rows"))
    edges = _edges(end)
    shares, _ = np.histogram(words, edges, weights=100 * rows / rows.sum())
    colors = np.where(edges[1:] <= lengths.chosen + 0.5, style.ACCENT, style.OTHER)
    axes.bar((edges[:-1] + edges[1:]) / 2, shares, 0.9 * np.diff(edges), color=colors)
    # Room for the text below the upper edge.
    axes.set(xlim=(0, end), ylim=(0, 1.25 * shares.max()), xlabel="words a text", ylabel="share of rows (%)")
    panels.end_at_all(axes.yaxis)
    _draw_chosen(axes, lengths.chosen, f"{lengths.fits[split]:.1%} of rows fit in {lengths.chosen:,} words", end)
    _draw_percentiles(axes, lengths.figures[split] or {}, end)


def _draw_chosen(axes: "Axes", chosen: int, text: str, end: float) -> None:
    """Draw the chosen length as a line, with `text` on the side that has more room."""
    axes.axvline(chosen + 0.5, color=style.INK, linewidth=1, linestyle=(0, (4, 3)))
    late = chosen > end / 2
    axes.annotate(
        text,
        (chosen + 0.5, 1),
        xycoords=axes.get_xaxis_transform(),
        xytext=(-6 if late else 6, -4),
        textcoords="offset points",
        ha="right" if late else "left",
        va="top",
    )


def _edges(end: float) -> "NDArray[np.float64]":
    """Return the edges of the bars, between whole numbers of words."""
    width = max(1, round(end / MOST_BARS))
    return np.arange(-0.5, end + width, width)


def _draw_percentiles(axes: "Axes", figures: dict[str, float], end: float) -> None:
    """Mark percentiles at the upper edge and name them above it; equal percentiles share a name."""
    names: dict[float, list[str]] = {}
    for share in PERCENTILES:
        names.setdefault(figures[f"p{share}"], []).append(f"p{share}")
    gap = end * (0.03 + 0.035 * max(map(len, names.values())))
    moved = spread([*names], gap)
    # Keep all names within the axis.
    inside = max(0, gap / 2 - min(moved)) + min(0, end - gap / 2 - max(moved))
    for (words, alike), middle in zip(names.items(), moved, strict=True):
        _draw_mark(axes, words, middle + inside, f"{', '.join(alike)}: {words:,}")


def _draw_mark(axes: "Axes", words: float, middle: float, name: str) -> None:
    """Draw a line from the percentile to the middle of its name."""
    across = axes.get_xaxis_transform()
    line = ([words, words, middle], [0.97, 1.02, 1.07])
    axes.plot(*line, transform=across, color=style.MUTED, linewidth=1, clip_on=False)
    axes.text(middle, 1.08, name, transform=across, ha="center", va="bottom", fontsize=panels.SMALL)
