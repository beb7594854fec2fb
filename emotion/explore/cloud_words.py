"""Which words a cloud shows: the commonest, without English stop words, as in the study, and without punctuation."""

import unicodedata
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from emotion.explore.word_counts import LabelWords, Words

# What a cloud of the whole figure, and one of a panel, has room for.
MOST, MOST_OF_LABEL = 200, 40

Counted = list[tuple[str, int]]


@dataclass(frozen=True)
class Clouds:
    """Words with how often they run, the commonest first: of train, and of each label that is drawn."""

    train: Counted
    labels: dict[str, Counted]

    def all(self) -> list[Counted]:
        """The words of all clouds, cloud by cloud."""
        return [self.train, *self.labels.values()]


def choose_words(words: Words, by_label: dict[str, LabelWords], labels: list[str]) -> Clouds:
    """Choose the words of train's cloud and of those of `labels`."""
    shown = np.asarray([_has_meaning(word) for word in words.names], bool)
    counts = words.counts("train")
    return Clouds(
        train=_commonest(words.names, shown, np.arange(len(counts), dtype=np.int32), counts, MOST),
        labels={
            label: _commonest(words.names, shown, by_label[label].ranks, by_label[label].counts, MOST_OF_LABEL)
            for label in labels
        },
    )


def _commonest(
    names: list[str], shown: NDArray[np.bool_], ranks: NDArray[np.int32], counts: NDArray[np.int64], most: int
) -> Counted:
    """The commonest of `ranks`; of equally common ones those that are commoner in train."""
    places = np.flatnonzero(shown[ranks])
    order = places[np.argsort(-counts[places], kind="stable")[:most]]
    return [(names[ranks[place]], int(counts[place])) for place in order]


def _has_meaning(word: str) -> bool:
    """Whether it is a picture or has letters, more than one of an alphabet that has cases, and is no stop word.

    The library's own words have two characters or more; those of spaceless scripts are often one.
    """
    from wordcloud import STOPWORDS

    kinds = {unicodedata.category(character) for character in word}
    speaks = any(kind[0] == "L" for kind in kinds) and (len(word) > 1 or not word.islower())
    return (speaks or "So" in kinds) and word.replace("’", "'") not in STOPWORDS  # noqa: RUF001  the typographic apostrophe is meant
