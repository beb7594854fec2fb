"""Word clouds: sizes and places from the wordcloud library, drawn as text in our style."""

from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from emotion.explore.cloud_words import MOST, Clouds, Counted
from emotion.formatting import shorten
from emotion.plots import panels, style
from emotion.plots.fonts import Fonts, font_file, has_all

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Pixels an inch of the canvas on which places are sought; their size does not show.
PIXELS = 100
POINTS = 72
# Pixels: 6.5 points, which can still be read.
SMALLEST = 9
# Of the height of its cloud, so that a word of its own does not fill it.
LARGEST = 0.3
# Letters: a longer word would leave no room for others.
LONGEST = 20
# Shades of the one hue, all 4.5:1 on white. Counts fall so fast that without the exponent all but one were light.
LIGHT, DARK, EXPONENT = 0.72, 1.0, 0.4


class Placed(NamedTuple):
    """A word on the canvas: where its baseline begins, its size in pixels, and its count against the commonest."""

    word: str
    x: float
    y: float
    size: int
    weight: float


class Lettering(NamedTuple):
    """The font of one cloud, the words that it draws, and those that have characters that it lacks."""

    font: Path
    words: Counted
    lacking: Counted


def letter(counted: Counted, fonts: Fonts) -> Lettering:
    """Choose that one of the fonts that has most of the characters: places are sought with a single one."""
    font = font_file(fonts, [word for word, _ in counted])
    drawn = [pair for pair in counted if has_all(font, shorten(pair[0], LONGEST))]
    return Lettering(font, drawn, [pair for pair in counted if pair not in drawn])


def as_json(clouds: Clouds, fonts: Fonts) -> dict[str, Any]:
    """Give the words of the clouds with how often they run, drawn and left out."""
    return {
        "train": _as_json(letter(clouds.train, fonts)),
        "labels": {label: _as_json(letter(counted, fonts)) for label, counted in clouds.labels.items()},
    }


def _as_json(lettering: Lettering) -> dict[str, Any]:
    return {"font": lettering.font.name, "words": dict(lettering.words), "left_out": dict(lettering.lacking)}


def draw_cloud(clouds: Clouds, fonts: Fonts) -> "Figure":
    """Draw the commonest words of train."""
    cloud = letter(clouds.train, fonts)
    if not cloud.words:
        return panels.statement("No words for a cloud", f"Train has {_why_none(cloud)}.")
    figure = panels.new_figure(5.6)
    axes = figure.subplots()
    most = cloud.words[0][1]
    note = f"Without English stop words. Larger and darker is more frequent: the largest runs {most:,} times."
    panels.titled(figure, "The commonest words of train", note + _lacking([cloud]))
    _fill(figure, [axes], [cloud])
    return figure


def draw_label_clouds(clouds: Clouds, fonts: Fonts, labels: int) -> "Figure":
    """Draw the commonest words of each label that has a cloud, of so many labels in all."""
    letterings = [letter(counted, fonts) for counted in clouds.labels.values()]
    if not any(cloud.words for cloud in letterings):
        return panels.statement("No words for clouds", f"Train has {_why_none(letter(clouds.train, fonts))}.")
    figure, grid = panels.new_grid(len(letterings), 2.2)
    for axes, name in zip(grid, panels.names(list(clouds.labels), 24), strict=True):
        axes.set_title(name)
    note = "Without English stop words; sizes are by frequency within the label." + _lacking(letterings)
    note = panels.noted(note, labels - len(letterings), "rarer labels")
    panels.titled(figure, "The commonest words of each label in train", note)
    _fill(figure, grid, letterings)
    return figure


def _why_none(cloud: Lettering) -> str:
    return "no words that a font can draw" if cloud.lacking else "no words but stop words"


def _lacking(clouds: list[Lettering]) -> str:
    words = sum(len(cloud.lacking) for cloud in clouds)
    return f" {words:,} more have characters that the font lacks." if words else ""


def _fill(figure: "Figure", grid: list["Axes"], clouds: list[Lettering]) -> None:
    """Draw a cloud into each panel, now that everything around them stands and their sizes are known."""
    for axes, cloud in zip(grid, clouds, strict=True):
        panels.say_in(axes, "" if cloud.words else _why_none(cloud))
    figure.draw_without_rendering()
    # What was measured must stay so.
    figure.set_layout_engine("none")
    for axes, cloud in zip(grid, clouds, strict=True):
        if cloud.words:
            _draw(axes, cloud)


def _draw(axes: "Axes", cloud: Lettering) -> None:
    from matplotlib.font_manager import FontProperties

    box = axes.get_window_extent()
    width, height = (int(PIXELS * side / axes.figure.dpi) for side in (box.width, box.height))
    axes.set(xlim=(0, width), ylim=(height, 0))
    shades = style.sequential()
    for placed in place(cloud.words, width, height, cloud.font):
        axes.text(
            placed.x,
            placed.y,
            placed.word,
            fontproperties=FontProperties(fname=cloud.font, size=placed.size * POINTS / PIXELS),
            color=shades(LIGHT + (DARK - LIGHT) * placed.weight**EXPONENT),
            va="baseline",
        )


def place(words: Counted, width: int, height: int, font: Path) -> list[Placed]:
    """Find sizes and places on a canvas of so many pixels; the same words find the same ones."""
    from PIL import ImageFont
    from wordcloud import WordCloud

    counts: dict[str, int] = {}
    for word, count in words:
        counts.setdefault(shorten(word, LONGEST), count)
    cloud = WordCloud(
        font_path=str(font),
        width=width,
        height=height,
        margin=6,
        prefer_horizontal=1.0,
        min_font_size=SMALLEST,
        max_font_size=max(SMALLEST, int(LARGEST * height)),
        max_words=MOST,
        random_state=0,
        # Colours are ours; the library's own would ask pyplot.
        color_func=lambda *_, **__: "black",
    ).generate_from_frequencies(counts)
    found = []
    for (word, weight), size, (top, left), _, _ in cloud.layout_:
        # The library puts the ink's corner there, and text begins at its baseline.
        ink = ImageFont.truetype(str(font), size).getbbox(word, anchor="ls")
        found.append(Placed(word, left - ink[0], top - ink[1], size, weight))
    return found
