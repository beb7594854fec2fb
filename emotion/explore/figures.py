"""All figures of a data set, drawn in one style and written into one folder, with the numbers behind them."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from emotion.explore import bars, cloud, curves, histograms
from emotion.explore.numbers import PANELS, Numbers, as_json
from emotion.plots import style
from emotion.plots.fonts import Fonts, find_fonts
from emotion.store.atomic import write_json

if TYPE_CHECKING:
    from matplotlib.figure import Figure

NUMBERS = "explore.json"
FIGURES: dict[str, Callable[[Numbers, Fonts], "Figure"]] = {
    "labels": lambda numbers, _: bars.draw_labels(numbers.labels),
    "wordcloud": lambda numbers, fonts: cloud.draw_cloud(numbers.clouds, fonts),
    "wordcloud-labels": lambda numbers, fonts: cloud.draw_label_clouds(numbers.clouds, fonts, len(numbers.telling)),
    "vocabulary": lambda numbers, _: curves.draw_vocabulary(numbers.vocabulary),
    "lengths": lambda numbers, _: histograms.draw_lengths(numbers.lengths),
    "telling": lambda numbers, _: bars.draw_distinctive_words(numbers.telling, PANELS),
    "conflicts": lambda numbers, _: bars.draw_conflicts(numbers.conflicts, sum(numbers.rows.values())),
}


@dataclass(frozen=True)
class Written:
    """What stands in explore.json, and what a person should know of the figures."""

    content: dict[str, Any]
    warnings: list[str]


def write_figures(numbers: Numbers, folder: Path, advance: Callable[[int], None]) -> Written:
    """Draw and write every figure, and then the numbers; `advance` is told of each figure.

    Raises:
        CannotWriteError: the folder cannot be written.
    """
    fonts = _fit_fonts(numbers)
    for name, draw in FIGURES.items():
        with style.theme(fonts):
            style.save(draw(numbers, fonts), folder, name)
        advance(1)
    content = {**as_json(numbers), "clouds": cloud.as_json(numbers.clouds, fonts), "figures": list(FIGURES)}
    write_json(folder / NUMBERS, content)
    return Written(content, fonts.warnings())


def _fit_fonts(numbers: Numbers) -> Fonts:
    """Choose fonts for what the figures say of the data set."""
    told = [word.word for words in islice(numbers.telling.values(), PANELS) for word in words]
    clouded = [word for counted in numbers.clouds.all() for word, _ in counted]
    return find_fonts([*numbers.labels["train"], *told, *clouded])
