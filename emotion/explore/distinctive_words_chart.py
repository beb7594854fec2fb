"""The chart of distinctive words: the words that tell a label from all others, a panel per label."""

from itertools import islice
from typing import TYPE_CHECKING

from emotion.explore.distinctive_words import DistinctiveWord
from emotion.plots import panels

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def draw_distinctive_words(by_label: dict[str, list[DistinctiveWord]], most: int) -> "Figure":
    """Draw the distinctive words of the first `most` labels."""
    if not any(list(by_label.values())[:most]):
        return panels.statement(
            "No distinctive words", "They need two labels, and words that one label has more often."
        )
    shown = dict(islice(by_label.items(), most))
    bars = max(map(len, shown.values()))
    figure, grid = panels.new_grid(len(shown), 0.7 + 0.16 * bars)
    for axes, name, words in zip(grid, panels.names(list(shown), 20), shown.values(), strict=True):
        axes.set_title(name, fontsize=10)
        _draw_words(axes, words)
        axes.set(xlim=(0, 1.15 * max(word.z for words in shown.values() for word in words)), ylim=(bars - 0.5, -0.5))
    note = (
        "z-score of the log-odds of a word in train, against all other labels; the prior is train"
        " (Monroe, Colaresi and Quinn 2008)."
    )
    note = panels.noted(note, len(by_label) - len(shown), "rarer labels")
    return panels.titled(figure, "Distinctive words by label", note)


def _draw_words(axes: "Axes", words: list[DistinctiveWord]) -> None:
    panels.draw_bars(axes, [word.z for word in words], [f"{word.z:.1f}" for word in words], 8)
    panels.name_bars(axes, panels.names([word.word for word in words], 18), 8.5)
    panels.bare(axes)
