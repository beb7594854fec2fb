"""Bars of labels: how the rows are shared out, which labels share texts, which words tell them apart."""

from itertools import islice
from typing import TYPE_CHECKING

from emotion.data.check import with_shares
from emotion.explore.conflicts import Conflicts
from emotion.explore.distinctive_words import DistinctiveWord
from emotion.plots import panels, style

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST_LABELS, MOST_PAIRS = 200, 20
# From so many bars on they are thinner, their names smaller, and the axis stands above them too.
MANY = 40


def draw_labels(labels: dict[str, dict[str, int]]) -> "Figure":
    """Draw the share of rows of each label, a panel a split, from rows by split and label."""
    names = list(labels["train"])[:MOST_LABELS]
    many = len(names) > MANY
    figure = panels.new_figure(1.7 + (0.17 if many else 0.3) * len(names))
    shares = {split: [100 * part[name]["share"] for name in names] for split, part in with_shares(labels).items()}
    widest = max((max(part, default=0) for part in shares.values()), default=0)
    grid: list[Axes] = figure.subplots(1, len(labels)).tolist()
    for axes, (split, counts) in zip(grid, labels.items(), strict=True):
        panels.name_split(axes, split, sum(counts.values()))
        axes.set(yticks=[], ylim=(max(len(names), 1) - 0.5, -0.5))
        if any(counts.values()):
            _draw_shares(axes, shares[split], [f"{counts[name]:,}" for name in names], 1.25 * widest, many)
    _name_bars(grid[0], panels.names(names, 28), 7.5 if many else 10)
    return panels.titled(figure, _title(labels), panels.noted("", len(labels["train"]) - len(names), "rarer labels"))


def _draw_shares(axes: "Axes", shares: list[float], counts: list[str], end: float, many: bool) -> None:
    _bars(axes, shares, counts, 7 if many else 9)
    axes.set(xlim=(0, end), xlabel="share of rows (%)")
    axes.tick_params(axis="x", top=many, labeltop=many)
    panels.end_at_all(axes.xaxis)


def _title(labels: dict[str, dict[str, int]]) -> str:
    """Say it without names: theirs may be long, or run from right to left."""
    shares = [part["share"] for part in with_shares(labels)["train"].values() if part["share"]]
    if len(shares) < 2:  # noqa: PLR2004
        return "Train has one label" if shares else "Train has no rows"
    return f"{len(shares):,} labels: the commonest has {shares[0]:.1%} of train's rows, the rarest {shares[-1]:.1%}"


def draw_conflicts(conflicts: Conflicts, rows: int) -> "Figure":
    """Draw how many texts the pairs of labels have in common that have most; `rows` are those of the data set."""
    if not conflicts.pairs:
        return panels.statement("No text occurs under two labels", f"{rows:,} rows compared, to the letter.")
    shown = conflicts.pairs[:MOST_PAIRS]
    figure = panels.new_figure(1.1 + 0.3 * len(shown))
    axes = figure.subplots()
    _bars(axes, [texts for _, texts in shown], [f"{texts:,}" for _, texts in shown], 9)
    labels = list(dict.fromkeys(label for pair, _ in shown for label in pair))
    name = dict(zip(labels, panels.names(labels, 24), strict=True))
    _name_bars(axes, [f"{name[one]} / {name[other]}" for (one, other), _ in shown], 10)
    axes.set_ylim(len(shown) - 0.5, -0.5)
    panels.bare(axes)
    note = "Texts by pair of labels, all splits together; a text under three labels counts in three pairs."
    note = panels.noted(note, len(conflicts.pairs) - len(shown), "pairs of labels")
    return panels.titled(figure, f"{_texts(conflicts.texts)} under two labels or more ({conflicts.rows:,} rows)", note)


def _texts(count: int) -> str:
    return "One text occurs" if count == 1 else f"{count:,} texts occur"


def draw_distinctive_words(telling: dict[str, list[DistinctiveWord]], most: int) -> "Figure":
    """Draw the most telling words of the first `most` labels, a panel a label."""
    if not any(list(telling.values())[:most]):
        return panels.statement(
            "No words tell labels apart", "That takes two labels, and words that one has more often."
        )
    shown = dict(islice(telling.items(), most))
    bars = max(map(len, shown.values()))
    figure, grid = panels.new_grid(len(shown), 0.7 + 0.16 * bars)
    for axes, name, words in zip(grid, panels.names(list(shown), 20), shown.values(), strict=True):
        axes.set_title(name, fontsize=10)
        _draw_words(axes, words)
        axes.set(xlim=(0, 1.15 * max(word.z for words in shown.values() for word in words)), ylim=(bars - 0.5, -0.5))
    note = (
        "z-scores of the log-odds of a word, in train, against all other labels; the prior is train itself"
        " (Monroe, Colaresi and Quinn 2008)."
    )
    note = panels.noted(note, len(telling) - len(shown), "rarer labels")
    return panels.titled(figure, "The words that tell a label from all others", note)


def _draw_words(axes: "Axes", words: list[DistinctiveWord]) -> None:
    _bars(axes, [word.z for word in words], [f"{word.z:.1f}" for word in words], 8)
    _name_bars(axes, panels.names([word.word for word in words], 18), 8.5)
    panels.bare(axes)


def _bars(axes: "Axes", values: "Sequence[float]", texts: "Sequence[str]", size: float) -> None:
    """Draw bars from the top, each with its text at its end."""
    bars = axes.barh(range(len(values)), values, height=0.72, color=style.ACCENT)
    for text in axes.bar_label(bars, texts, padding=3, fontsize=size):
        text.set_verticalalignment("center_baseline")
    axes.spines["left"].set_visible(False)


def _name_bars(axes: "Axes", names: "Sequence[str]", size: float) -> None:
    """Write the names of the bars on the left."""
    axes.set_yticks(range(len(names)), names, fontsize=size)
    axes.tick_params(axis="y", length=0)
