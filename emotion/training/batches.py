"""Batches of one epoch: shuffled, augmented, and bucketed by length where rows need not have one length."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from emotion.params.schema import TrainingTable, WordTrainingTable
from emotion.text.encoded import Encoded
from emotion.text.vocabulary import UNKNOWN_ID
from emotion.training.augment import drop_words, shift_words

# Length that is added to each row before sorting: rows of a batch have nearly one length, and no two epochs
# the same batches.
LENGTH_NOISE = 3.0
# Up to so many places of padding stay before the longest row, for models that read padding: they have to bear
# the full length later.
EXTRA_PADDING = 10


@dataclass(frozen=True)
class Examples:
    """Texts as token ids, and their labels int32 (rows,)."""

    texts: Encoded
    labels: NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.labels)


def batches(train: Examples, params: TrainingTable, epoch: int, multiple: int = 1) -> Iterator[Examples]:
    """Batches of `epoch`, a function of (seed, epoch) alone. All have the same number of rows.

    Bucketed batches have a length that is a `multiple` of some number, so that there are few shapes.
    """
    random = np.random.default_rng([params.seed, epoch])
    size = min(params.batch_size, len(train))
    # The last batch is filled up with rows from the start of the epoch's order.
    order = np.resize(random.permutation(len(train)), math.ceil(len(train) / size) * size)
    texts = _augmented(train.texts, params, random)
    if params.buckets:
        order = _by_length(order, texts.lengths, size, random)
    extra = EXTRA_PADDING if isinstance(params, WordTrainingTable) else 0
    for rows in order.reshape(-1, size):
        batch = texts.rows(rows)
        if params.buckets:
            batch = _trim(batch, int(random.integers(extra + 1)), multiple)
        yield Examples(batch, train.labels[rows])


def _augmented(texts: Encoded, params: TrainingTable, random: np.random.Generator) -> Encoded:
    if not isinstance(params, WordTrainingTable):
        return texts
    ids = texts.ids
    if params.word_dropout:
        ids = drop_words(ids, params.word_dropout, texts.pad, UNKNOWN_ID, random)
    if params.shift:
        ids = shift_words(ids, texts.pad, random)
    return Encoded(ids, texts.lengths, texts.pad, texts.left)


def _by_length(
    order: NDArray[np.int64], lengths: NDArray[np.int32], size: int, random: np.random.Generator
) -> NDArray[np.int64]:
    """Sort rows by about their length and shuffle the batches that this makes."""
    about = lengths[order] + random.uniform(0, LENGTH_NOISE, len(order))
    return random.permutation(order[np.argsort(about, kind="stable")].reshape(-1, size)).reshape(-1)


def _trim(texts: Encoded, extra: int, multiple: int) -> Encoded:
    """Cut the padding down to `extra` places beside the longest row, and to a multiple."""
    longest = max(int(texts.lengths.max()), 1)
    return texts.narrowed(math.ceil(min(longest + extra, texts.ids.shape[1]) / multiple) * multiple)
