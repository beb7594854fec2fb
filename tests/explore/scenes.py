"""Data sets that tests explore, made from texts by split, and their figures."""

from pathlib import Path

from matplotlib.figure import Figure
from matplotlib.text import Text

from emotion.data.dataset import Split
from emotion.explore.cloud_words import Clouds, choose_words
from emotion.explore.figures import FIGURES, _fit_fonts
from emotion.explore.measurements import Measurements, measure
from emotion.explore.word_counts import Words, read_words, words_by_label
from emotion.params.schema import WordTextTable
from emotion.plots import style
from tests.builders import Rows


def make_splits(train: Rows, validation: Rows = (), test: Rows = ()) -> dict[str, Split]:
    rows = {"train": train, "validation": validation, "test": test}
    return {name: Split([text for text, _ in part], [label for _, label in part]) for name, part in rows.items()}


def make_words(train: list[str], validation: list[str] | None = None, test: list[str] | None = None) -> Words:
    parts = [[(text, "any") for text in texts or []] for texts in (train, validation, test)]
    return read_words(make_splits(*parts), lambda _: None)


def make_measurements(
    train: Rows, validation: Rows = (), test: Rows = (), *, vocabulary: int = 8126, max_length: int = 35
) -> Measurements:
    chosen = WordTextTable(vocabulary=vocabulary, max_length=max_length)
    return measure(Path("data"), make_splits(train, validation, test), chosen, lambda _: None)


def make_clouds(*texts: str) -> Clouds:
    words = make_words(list(texts))
    labels = [f"label {number}" for number in range(len(texts))]
    return choose_words(words, words_by_label(words, labels), labels)


def draw_figure(name: str, measurements: Measurements) -> Figure:
    fonts = _fit_fonts(measurements)
    with style.theme(fonts):
        figure = FIGURES[name](measurements, fonts)
        figure.draw_without_rendering()
    return figure


def texts_in(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.findobj(Text) if isinstance(text, Text) and text.get_text()]
