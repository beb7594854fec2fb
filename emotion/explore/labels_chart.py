"""The chart of labels: how the rows of every split are distributed among the labels."""

from typing import TYPE_CHECKING

from emotion.data.check import with_shares
from emotion.plots import panels

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST_LABELS = 200
# With more bars, bars are thinner, names are smaller, and a second axis stands at the top.
MANY_LABELS = 40


def draw_labels(labels: dict[str, dict[str, int]]) -> "Figure":
    """Draw the share of rows of every label, a panel per split, from rows by split and label."""
    names = list(labels["train"])[:MOST_LABELS]
    many = len(names) > MANY_LABELS
    figure = panels.new_figure(1.7 + (0.17 if many else 0.3) * len(names))
    shares = {split: [100 * part[name]["share"] for name in names] for split, part in with_shares(labels).items()}
    widest = max((max(part, default=0) for part in shares.values()), default=0)
    grid: list[Axes] = figure.subplots(1, len(labels)).tolist()
    for axes, (split, counts) in zip(grid, labels.items(), strict=True):
        panels.name_split(axes, split, sum(counts.values()))
        axes.set(yticks=[], ylim=(max(len(names), 1) - 0.5, -0.5))
        if any(counts.values()):
            _draw_shares(axes, shares[split], [f"{counts[name]:,}" for name in names], 1.25 * widest, many)
    panels.name_bars(grid[0], panels.names(names, 28), 7.5 if many else 10)
    return panels.titled(figure, _title(labels), panels.noted("", len(labels["train"]) - len(names), "rarer labels"))


def _draw_shares(axes: "Axes", shares: list[float], counts: list[str], end: float, many: bool) -> None:
    panels.draw_bars(axes, shares, counts, 7 if many else 9)
    axes.set(xlim=(0, end), xlabel="share of rows (%)")
    axes.tick_params(axis="x", top=many, labeltop=many)
    panels.end_at_all(axes.xaxis)


def _title(labels: dict[str, dict[str, int]]) -> str:
    """Summarize train without names of labels, which may be long or run from right to left."""
    shares = [part["share"] for part in with_shares(labels)["train"].values() if part["share"]]
    if len(shares) < 2:  # noqa: PLR2004
        return "Train has one label" if shares else "Train has no rows"
    return f"{len(shares):,} labels: the most frequent has {shares[0]:.1%} of train's rows, the rarest {shares[-1]:.1%}"
