"""The charts of word clouds: the wordcloud library finds sizes and positions; we draw text in our style."""

from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from emotion.explore.cloud_words import MOST_OF_TRAIN, Clouds, Counted
from emotion.formatting import shorten
from emotion.plots import panels, style
from emotion.plots.fonts import Fonts, font_file, has_all

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Resolution of the canvas on which the library places words; it does not show in the figure.
PIXELS_PER_INCH = 100
POINTS_PER_INCH = 72
# Pixels: 6.5 points, which is still readable.
SMALLEST = 9
# Share of the cloud's height, so that a single word does not fill it.
LARGEST = 0.3
# Letters: a longer word would leave no room for others.
LONGEST_WORD = 20
# Shades of one hue, all 4.5:1 on white. Counts fall fast: without the exponent, all words but one would be light.
LIGHT, DARK, EXPONENT = 0.72, 1.0, 0.4


class Placed(NamedTuple):
    """A word on the canvas: start of its baseline, font size in pixels, and count as a share of the largest count."""

    word: str
    x: float
    y: float
    size: int
    weight: float


class Lettering(NamedTuple):
    """The font of one cloud, the words that it can draw, and the words with characters that it lacks."""

    font: Path
    words: Counted
    lacking: Counted


def choose_font(counted: Counted, fonts: Fonts) -> Lettering:
    """Choose the font that has most of the characters: the library places words in a single font."""
    font = font_file(fonts, [word for word, _ in counted])
    drawn = [pair for pair in counted if has_all(font, shorten(pair[0], LONGEST_WORD))]
    return Lettering(font, drawn, [pair for pair in counted if pair not in drawn])


def clouds_as_json(clouds: Clouds, fonts: Fonts) -> dict[str, Any]:
    """Return the words of the clouds with their counts, drawn and left out, for explore.json."""
    return {
        "train": _as_json(choose_font(clouds.train, fonts)),
        "labels": {label: _as_json(choose_font(counted, fonts)) for label, counted in clouds.labels.items()},
    }


def _as_json(lettering: Lettering) -> dict[str, Any]:
    return {"font": lettering.font.name, "words": dict(lettering.words), "left_out": dict(lettering.lacking)}


def draw_cloud(clouds: Clouds, fonts: Fonts) -> "Figure":
    """Draw the commonest words of train."""
    cloud = choose_font(clouds.train, fonts)
    if not cloud.words:
        return panels.statement("No words for a cloud", f"Train has {_why_none(cloud)}.")
    figure = panels.new_figure(5.6)
    axes = figure.subplots()
    most = cloud.words[0][1]
    note = f"Without English stop words. Larger and darker is more frequent: the largest runs {most:,} times."
    panels.titled(figure, "Most frequent words of train", note + _lacking([cloud]))
    _fill(figure, [axes], [cloud])
    return figure


def draw_label_clouds(clouds: Clouds, fonts: Fonts, labels: int) -> "Figure":
    """Draw a cloud for every label that has one; `labels` is the number of labels in all."""
    letterings = [choose_font(counted, fonts) for counted in clouds.labels.values()]
    if not any(cloud.words for cloud in letterings):
        return panels.statement("No words for clouds", f"Train has {_why_none(choose_font(clouds.train, fonts))}.")
    figure, grid = panels.new_grid(len(letterings), 2.2)
    for axes, name in zip(grid, panels.names(list(clouds.labels), 24), strict=True):
        axes.set_title(name)
    note = "Without English stop words; sizes are by frequency within the label." + _lacking(letterings)
    note = panels.noted(note, labels - len(letterings), "rarer labels")
    panels.titled(figure, "Most frequent words of train by label", note)
    _fill(figure, grid, letterings)
    return figure


def _why_none(cloud: Lettering) -> str:
    return "no words that a font can draw" if cloud.lacking else "no words but stop words"


def _lacking(clouds: list[Lettering]) -> str:
    words = sum(len(cloud.lacking) for cloud in clouds)
    return f" {words:,} more have characters that the font lacks." if words else ""


def _fill(figure: "Figure", grid: list["Axes"], clouds: list[Lettering]) -> None:
    """Draw the clouds into their panels, after all text around them: only then are the panels' sizes known."""
    for axes, cloud in zip(grid, clouds, strict=True):
        panels.say_in(axes, "" if cloud.words else _why_none(cloud))
    figure.draw_without_rendering()
    # The measured sizes must not change.
    figure.set_layout_engine("none")
    for axes, cloud in zip(grid, clouds, strict=True):
        if cloud.words:
            _draw(axes, cloud)


def _draw(axes: "Axes", cloud: Lettering) -> None:
    from matplotlib.font_manager import FontProperties

    box = axes.get_window_extent()
    width, height = (int(PIXELS_PER_INCH * side / axes.figure.dpi) for side in (box.width, box.height))
    axes.set(xlim=(0, width), ylim=(height, 0))
    shades = style.sequential()
    for placed in place_words(cloud.words, width, height, cloud.font):
        axes.text(
            placed.x,
            placed.y,
            placed.word,
            fontproperties=FontProperties(fname=cloud.font, size=placed.size * POINTS_PER_INCH / PIXELS_PER_INCH),
            color=shades(LIGHT + (DARK - LIGHT) * placed.weight**EXPONENT),
            va="baseline",
        )


def place_words(words: Counted, width: int, height: int, font: Path) -> list[Placed]:
    """Find sizes and positions on a canvas of `width` x `height` pixels; equal words give equal positions."""
    from PIL import ImageFont
    from wordcloud import WordCloud

    counts: dict[str, int] = {}
    for word, count in words:
        counts.setdefault(shorten(word, LONGEST_WORD), count)
    cloud = WordCloud(
        font_path=str(font),
        width=width,
        height=height,
        margin=6,
        prefer_horizontal=1.0,
        min_font_size=SMALLEST,
        max_font_size=max(SMALLEST, int(LARGEST * height)),
        max_words=MOST_OF_TRAIN,
        random_state=0,
        # We choose the colors; the library's own coloring would use pyplot.
        color_func=lambda *_, **__: "black",
    ).generate_from_frequencies(counts)
    placed = []
    for (word, weight), size, (top, left), _, _ in cloud.layout_:
        # The library gives the corner of the ink; our text begins at its baseline.
        ink = ImageFont.truetype(str(font), size).getbbox(word, anchor="ls")
        placed.append(Placed(word, left - ink[0], top - ink[1], size, weight))
    return placed
