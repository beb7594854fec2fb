"""Learns bigrams, pairs of neighboring words, and finds them with arithmetic that ONNX graphs can do."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from emotion.text.encoded import Encoded
from emotion.text.vocabulary import UNKNOWN_ID

# A bigram in fewer texts says nothing about other texts.
MIN_TEXTS = 2
# Slots per bigram. If two bigrams have the same slot, the more frequent bigram stays: about 3 % are lost.
SLOTS_PER_BIGRAM = 16

Ids = NDArray[np.int64]


@dataclass(frozen=True)
class Bigrams:
    """A hash table of bigrams.

    The key of the word ids a, b is `a * words + b`; its slot is the remainder of key / len(slots). A slot has the place
    of its bigram in `keys`, both int64. Place 0 means no bigram, with the key -1.
    """

    words: int
    keys: Ids
    slots: Ids

    def __len__(self) -> int:
        return len(self.keys)

    def find(self, ids: NDArray[np.int32]) -> Ids:
        """Find the bigrams of ids (rows, length): places int64 (rows, length - 1), 0 for none."""
        keys = _keys(ids, self.words)
        places = self.slots[keys % len(self.slots)]
        return np.where(self.keys[places] == keys, places, 0)


def learn_bigrams(texts: Encoded, words: int, most: int) -> Bigrams:
    """Learn at most `most` frequent bigrams of known words that several texts have; `words` counts the word ids."""
    keys, counts = np.unique(np.concatenate([_in_texts(part.ids, words) for part in texts.parts()]), return_counts=True)
    keys, counts = keys[counts >= MIN_TEXTS], counts[counts >= MIN_TEXTS]
    frequent = keys[np.argsort(-counts, kind="stable")[:most]]
    size = _prime(SLOTS_PER_BIGRAM * max(len(frequent), 1))
    # The first bigram in a slot is the most frequent.
    taken, first = np.unique(frequent % size, return_index=True)
    slots = np.zeros(size, np.int64)
    slots[taken] = np.arange(1, len(taken) + 1)
    return Bigrams(words, np.append(np.int64(-1), frequent[first]), slots)


def _in_texts(ids: NDArray[np.int32], words: int) -> Ids:
    """Give the keys of bigrams of known words, int64 (bigrams,): once for every text with the bigram."""
    known = (ids[:, :-1] > UNKNOWN_ID) & (ids[:, 1:] > UNKNOWN_ID)
    rows = np.broadcast_to(np.arange(len(ids))[:, None], known.shape)
    return np.unique(rows[known] * words**2 + _keys(ids, words)[known]) % words**2


def _keys(ids: NDArray[np.int32], words: int) -> Ids:
    wide = ids.astype(np.int64)
    return wide[:, :-1] * words + wide[:, 1:]


def _prime(least: int) -> int:
    """Find the next prime number: then keys with a common divisor still have different slots."""
    number = max(least, 2)
    while any(number % divisor == 0 for divisor in range(2, int(number**0.5) + 1)):
        number += 1
    return number
