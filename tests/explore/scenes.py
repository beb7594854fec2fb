"""Data sets that tests explore, from texts by split."""

from pathlib import Path

from emotion.data.dataset import Split
from emotion.explore.numbers import Numbers, measure
from emotion.explore.word_counts import Words, read_words
from emotion.params.schema import WordTextTable
from tests.builders import Rows


def make_splits(train: Rows, validation: Rows = (), test: Rows = ()) -> dict[str, Split]:
    rows = {"train": train, "validation": validation, "test": test}
    return {name: Split([text for text, _ in part], [label for _, label in part]) for name, part in rows.items()}


def make_words(train: list[str], validation: list[str] | None = None, test: list[str] | None = None) -> Words:
    parts = [[(text, "any") for text in texts or []] for texts in (train, validation, test)]
    return read_words(make_splits(*parts), lambda _: None)


def make_numbers(
    train: Rows, validation: Rows = (), test: Rows = (), *, vocabulary: int = 8126, max_length: int = 35
) -> Numbers:
    chosen = WordTextTable(vocabulary=vocabulary, max_length=max_length)
    return measure(Path("data"), make_splits(train, validation, test), chosen, lambda _: None)
