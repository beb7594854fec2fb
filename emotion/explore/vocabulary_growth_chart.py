"""The chart of the vocabulary: its growth with the running words, and the coverage of its commonest words."""

from typing import TYPE_CHECKING

from emotion.explore.vocabulary_growth import Vocabulary
from emotion.plots import panels, style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLORS = {"train": style.PALETTE[0], "validation and test": style.PALETTE[1]}


def draw_vocabulary(vocabulary: Vocabulary) -> "Figure":
    """Draw the growth of train's vocabulary, and the share of running words that its commonest words cover."""
    if not vocabulary.distinct:
        return panels.statement("Train has no words")
    figure = panels.new_figure(4.6)
    growth, coverage = figure.subplots(1, 2)
    _draw_growth(growth, vocabulary)
    _draw_coverage(coverage, vocabulary)
    note = f"Chosen vocabulary: {vocabulary.chosen:,} entries, two of them for padding and unknown words."
    return panels.titled(figure, _title(vocabulary), note)


def _title(vocabulary: Vocabulary) -> str:
    if vocabulary.kept == vocabulary.distinct:
        return f"The chosen vocabulary holds all words of train: {panels.counted(vocabulary.distinct, 'word')}"
    share = vocabulary.covered["train"] or 0
    return f"The {vocabulary.kept:,} most frequent words are {share:.1%} of train's running words"


def _draw_growth(axes: "Axes", vocabulary: Vocabulary) -> None:
    from matplotlib.ticker import MaxNLocator, StrMethodFormatter

    running, distinct = vocabulary.growth["running"], vocabulary.growth["distinct"]
    axes.plot(running, distinct, color=style.ACCENT)
    axes.plot(running[-1:], distinct[-1:], "o", color=style.ACCENT)
    axes.annotate(
        f"{panels.counted(distinct[-1], 'distinct word')}\nin {running[-1]:,}",
        (running[-1], distinct[-1]),
        xytext=(0, 8),
        textcoords="offset points",
        ha="right",
        va="bottom",
    )
    axes.set_title("Growth")
    axes.grid(axis="y")
    axes.set(xlim=(0, None), ylim=(0, distinct[-1] * 1.2), xlabel="running words of train", ylabel="distinct words")
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(MaxNLocator(nbins=6, integer=True))
        axis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))


def _draw_coverage(axes: "Axes", vocabulary: Vocabulary) -> None:
    from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter

    axes.axvline(vocabulary.kept, color=style.MUTED, linewidth=1, linestyle=(0, (4, 3)))
    for part, color in COLORS.items():
        _draw_part(axes, vocabulary, part, color)
    _name_parts(axes, vocabulary)
    axes.set_title("Coverage")
    axes.grid(axis="y")
    axes.set(xscale="log", xlim=(1, None), ylim=(0, 102))
    axes.set(xlabel="most frequent words of train", ylabel="share of running words (%)")
    # A short axis has few powers of ten.
    axes.xaxis.set_major_locator(LogLocator(subs=(1,) if vocabulary.distinct >= 1000 else (1, 2, 5)))  # noqa: PLR2004
    axes.xaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
    axes.xaxis.set_minor_formatter(NullFormatter())


def _draw_part(axes: "Axes", vocabulary: Vocabulary, part: str, color: str) -> None:
    shares, covered = vocabulary.coverage[part], vocabulary.covered[part]
    if shares is None or covered is None:
        return
    axes.plot(vocabulary.at, [100 * share for share in shares], color=color, label=f"{covered:.1%} of {part}")
    axes.plot([vocabulary.kept], [100 * covered], "o", color=color)


def _name_parts(axes: "Axes", vocabulary: Vocabulary) -> None:
    """Name the curves below them, on the wider side of the chosen vocabulary: the ends are too close for names."""
    late = vocabulary.kept**2 > vocabulary.distinct
    axes.legend(
        loc="lower right" if late else "lower left",
        bbox_to_anchor=(vocabulary.kept, 0),
        bbox_transform=axes.get_xaxis_transform(),
        title=f"covered by {panels.counted(vocabulary.kept, 'word')}",
        alignment="left",
        frameon=True,
        facecolor=style.SURFACE,
        edgecolor="none",
    )
