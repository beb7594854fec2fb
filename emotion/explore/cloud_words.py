"""Chooses a word cloud's words: the most frequent, without punctuation and English stop words, as in the study."""

import unicodedata
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from emotion.explore.word_counts import LabelWords, Words

# Words that fit into a whole figure, and into a panel of a figure.
MOST_OF_TRAIN, MOST_OF_LABEL = 200, 40

# Words with their counts, the most frequent first.
Counted = list[tuple[str, int]]


@dataclass(frozen=True)
class Clouds:
    """The words of the clouds: for train, and for every label with a cloud."""

    train: Counted
    labels: dict[str, Counted]

    def all(self) -> list[Counted]:
        """Return the words of all clouds, cloud by cloud."""
        return [self.train, *self.labels.values()]


def choose_words(words: Words, by_label: dict[str, LabelWords], labels: list[str]) -> Clouds:
    """Choose the words for train's cloud and for the clouds of `labels`."""
    meaningful = np.asarray([_has_meaning(word) for word in words.names], bool)
    counts = words.counts("train")
    return Clouds(
        train=_commonest(words.names, meaningful, np.arange(len(counts), dtype=np.int32), counts, MOST_OF_TRAIN),
        labels={
            label: _commonest(words.names, meaningful, by_label[label].ranks, by_label[label].counts, MOST_OF_LABEL)
            for label in labels
        },
    )


def _commonest(
    names: list[str], meaningful: NDArray[np.bool_], ranks: NDArray[np.int32], counts: NDArray[np.int64], most: int
) -> Counted:
    """Return the most frequent of `ranks`; among equals, the words that are more frequent in train."""
    candidates = np.flatnonzero(meaningful[ranks])
    order = candidates[np.argsort(-counts[candidates], kind="stable")[:most]]
    return [(names[ranks[index]], int(counts[index])) for index in order]


def _has_meaning(word: str) -> bool:
    """Whether a word is a symbol such as an emoji, or has letters and is neither a stop word nor a single letter.

    The wordcloud library drops all one-character words. Scripts without spaces have many such words, so only single
    letters of alphabets with lower case are dropped here.
    """
    from wordcloud import STOPWORDS

    kinds = {unicodedata.category(character) for character in word}
    has_letters = any(kind[0] == "L" for kind in kinds) and (len(word) > 1 or not word.islower())
    return (has_letters or "So" in kinds) and word.replace("’", "'") not in STOPWORDS  # noqa: RUF001  the typographic apostrophe is meant
