"""The chart of conflicts: pairs of labels by the texts that occur under both."""

from typing import TYPE_CHECKING

from emotion.explore.conflicts import Conflicts
from emotion.plots import panels

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST_PAIRS = 20


def draw_conflicts(conflicts: Conflicts, rows: int) -> "Figure":
    """Draw the pairs of labels that share most texts; `rows` is the number of rows of the data set."""
    if not conflicts.pairs:
        return panels.statement("No text occurs under two labels", f"{rows:,} rows compared, to the letter.")
    shown = conflicts.pairs[:MOST_PAIRS]
    figure = panels.new_figure(1.1 + 0.3 * len(shown))
    axes = figure.subplots()
    panels.draw_bars(axes, [texts for _, texts in shown], [f"{texts:,}" for _, texts in shown], 9)
    labels = list(dict.fromkeys(label for pair, _ in shown for label in pair))
    name = dict(zip(labels, panels.names(labels, 24), strict=True))
    panels.name_bars(axes, [f"{name[first]} / {name[second]}" for (first, second), _ in shown], 10)
    axes.set_ylim(len(shown) - 0.5, -0.5)
    panels.bare(axes)
    note = "Texts by pair of labels, all splits together; a text under three labels counts in three pairs."
    note = panels.noted(note, len(conflicts.pairs) - len(shown), "pairs of labels")
    return panels.titled(figure, f"{_texts(conflicts.texts)} under two labels or more ({conflicts.rows:,} rows)", note)


def _texts(count: int) -> str:
    return "One text occurs" if count == 1 else f"{count:,} texts occur"
