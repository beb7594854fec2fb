"""Parts of the figures of a data set: titles, notes, grids of panels, bars, and short names."""

from collections import Counter
from collections.abc import Sequence
from math import ceil
from typing import TYPE_CHECKING

from rich.cells import cell_len, set_cell_size

from emotion.formatting import shorten
from emotion.plots import style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure

# Inches: width of a page, and free space at its edges.
WIDTH, EDGE = 10.0, 0.12
SMALL = 8.5


def new_figure(height: float) -> "Figure":
    """Make an empty figure as wide as a page and `height` inches high, with room around panels."""
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    figure = style.new_figure(WIDTH, height)
    figure.set_layout_engine(ConstrainedLayoutEngine(w_pad=EDGE, h_pad=EDGE, wspace=0.02, hspace=0.02))
    return figure


def titled(figure: "Figure", title: str, note: str = "") -> "Figure":
    """Write a title above and a note below, both from the left edge."""
    left = EDGE / WIDTH
    figure.suptitle(title, x=left, ha="left", fontsize=13, fontweight="bold")
    if note:
        figure.supxlabel(note, x=left, ha="left", fontsize=SMALL, color=style.MUTED)
    return figure


def statement(title: str, note: str = "") -> "Figure":
    """Make a figure that has nothing to draw and says so."""
    return titled(new_figure(0.8), title, note)


def new_grid(count: int, height: float) -> tuple["Figure", list["Axes"]]:
    """Make a figure of `count` panels of one size, every panel `height` inches high."""
    columns = 2 if count == 4 else min(count, 3)  # noqa: PLR2004  no row with one panel
    lines = ceil(count / columns)
    figure = new_figure(0.8 + height * lines)
    panels: list[Axes] = figure.subplots(lines, columns, squeeze=False).ravel().tolist()
    for unused in panels[count:]:
        unused.remove()
    return figure, panels[:count]


def bare(axes: "Axes") -> None:
    """Remove frame and ticks; title and tick labels stay."""
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0)
    axes.set_xticks([])


def name_split(axes: "Axes", split: str, rows: int, pad: float = 10) -> None:
    """Write a split and its number of rows above a panel; a panel without rows says so."""
    axes.set_title(f"{split}, {counted(rows, 'row')}" if rows else split, pad=pad)
    if not rows:
        say_in(axes, "no rows")


def end_at_all(axis: "Axis") -> None:
    """Remove the ticks of a percent axis above 100, where only text stands."""
    end = min(100, axis.get_view_interval()[1])
    axis.set_ticks([tick for tick in axis.get_ticklocs() if tick <= end])


def say_in(axes: "Axes", words: str) -> None:
    """Write `words` into the middle of an empty panel."""
    bare(axes)
    axes.set_yticks([])
    axes.text(0.5, 0.5, words, transform=axes.transAxes, ha="center", va="center", color=style.MUTED)


def draw_bars(axes: "Axes", values: Sequence[float], texts: Sequence[str], size: float) -> None:
    """Draw bars from the top, with a text at the end of every bar; `size` is the font size in points."""
    bars = axes.barh(range(len(values)), values, height=0.72, color=style.ACCENT)
    for text in axes.bar_label(bars, texts, padding=3, fontsize=size):
        text.set_verticalalignment("center_baseline")
    axes.spines["left"].set_visible(False)


def name_bars(axes: "Axes", names: Sequence[str], size: float) -> None:
    """Write the names of the bars on the left; `size` is the font size in points."""
    axes.set_yticks(range(len(names)), names, fontsize=size)
    axes.tick_params(axis="y", length=0)


def counted(count: int, noun: str) -> str:
    """Write a number with its noun, in the singular or the plural."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def noted(note: str, left_out: int, what: str) -> str:
    """Add to a note how many items are not drawn, if any."""
    return f"{note}\n{left_out:,} {what} are not drawn; explore.json has them.".strip() if left_out > 0 else note


def names(labels: Sequence[str], most: int) -> list[str]:
    """Shorten labels to a width of `most` letters; labels that begin alike lose their middles, not their ends."""
    whole = [shorten(label, len(label)) for label in labels]
    shown = [_fitting(label, most) for label in whole]
    alike = Counter(shown)
    return [_ends(label, most) if alike[name] > 1 else name for label, name in zip(whole, shown, strict=True)]


def _fitting(text: str, most: int) -> str:
    """Cut a text to a width of `most` letters; East Asian letters count twice."""
    return text if cell_len(text) <= most else set_cell_size(text, most - 1).rstrip() + "…"


def _ends(text: str, most: int) -> str:
    half = (most - 1) // 2
    end = set_cell_size(text[::-1], half)[::-1]
    return text if cell_len(text) <= most else f"{set_cell_size(text, half).rstrip()}…{end.lstrip()}"
