"""Writes all figures of a data set into one folder, and explore.json with the measurements behind them."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from emotion.explore.conflicts_chart import draw_conflicts
from emotion.explore.distinctive_words_chart import draw_distinctive_words
from emotion.explore.labels_chart import draw_labels
from emotion.explore.lengths_chart import draw_lengths
from emotion.explore.measurements import MOST_PANELS, Measurements, as_json
from emotion.explore.vocabulary_growth_chart import draw_vocabulary
from emotion.explore.word_cloud_chart import clouds_as_json, draw_cloud, draw_label_clouds
from emotion.plots import style
from emotion.plots.fonts import Fonts, find_fonts
from emotion.store.atomic import write_json

if TYPE_CHECKING:
    from matplotlib.figure import Figure

JSON_FILE = "explore.json"
# Figures by file name.
FIGURES: dict[str, Callable[[Measurements, Fonts], "Figure"]] = {
    "labels": lambda measured, _: draw_labels(measured.labels),
    "wordcloud": lambda measured, fonts: draw_cloud(measured.clouds, fonts),
    "wordcloud-labels": lambda measured, fonts: draw_label_clouds(measured.clouds, fonts, len(measured.distinctive)),
    "vocabulary": lambda measured, _: draw_vocabulary(measured.vocabulary),
    "lengths": lambda measured, _: draw_lengths(measured.lengths),
    "telling": lambda measured, _: draw_distinctive_words(measured.distinctive, MOST_PANELS),
    "conflicts": lambda measured, _: draw_conflicts(measured.conflicts, sum(measured.rows.values())),
}


@dataclass(frozen=True)
class WrittenFigures:
    """The content of explore.json, and warnings about the figures."""

    content: dict[str, Any]
    warnings: list[str]


def write_figures(measurements: Measurements, folder: Path, advance: Callable[[int], None]) -> WrittenFigures:
    """Draw and write every figure, then explore.json; `advance` receives 1 after every figure.

    Raises:
        CannotWriteError: the folder cannot be written.
    """
    fonts = _fit_fonts(measurements)
    for name, draw in FIGURES.items():
        with style.theme(fonts):
            style.save(draw(measurements, fonts), folder, name)
        advance(1)
    clouds = clouds_as_json(measurements.clouds, fonts)
    content = {**as_json(measurements), "clouds": clouds, "figures": list(FIGURES)}
    write_json(folder / JSON_FILE, content)
    return WrittenFigures(content, fonts.warnings())


def _fit_fonts(measurements: Measurements) -> Fonts:
    """Choose fonts for the labels and words in the figures."""
    distinctive = [word.word for words in islice(measurements.distinctive.values(), MOST_PANELS) for word in words]
    clouded = [word for counted in measurements.clouds.all() for word, _ in counted]
    return find_fonts([*measurements.labels["train"], *distinctive, *clouded])
