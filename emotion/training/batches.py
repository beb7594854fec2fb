"""Batches of one epoch: shuffled, augmented, and for models that read in order, bucketed by length."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from emotion.params import TrainingParams
from emotion.text.wordlevel import PAD_ID, UNKNOWN_ID
from emotion.training.augment import drop_words, shift_words

# Length that is added to each row before sorting: rows of a batch have nearly one length, and no two epochs
# the same batches.
LENGTH_NOISE = 3.0
# Up to so many places of padding stay before the longest row: the model has to bear the full length later.
EXTRA_PADDING = 10


@dataclass(frozen=True)
class Examples:
    """Token ids int32 (rows, places) and labels int32 (rows,)."""

    ids: NDArray[np.int32]
    labels: NDArray[np.int32]


def batches(train: Examples, params: TrainingParams, epoch: int) -> Iterator[Examples]:
    """Batches of `epoch`, a function of (seed, epoch) alone. All have the same number of rows."""
    random = np.random.default_rng([params.seed, epoch])
    size = min(params.batch_size, len(train.labels))
    # The last batch is filled up with rows from the start of the epoch's order.
    order = np.resize(random.permutation(len(train.labels)), math.ceil(len(train.labels) / size) * size)
    ids = train.ids
    if params.word_dropout:
        ids = drop_words(ids, params.word_dropout, PAD_ID, UNKNOWN_ID, random)
    if params.shift:
        ids = shift_words(ids, PAD_ID, random)
    if params.buckets:
        order = _by_length(order, ids, size, random)
    for rows in order.reshape(-1, size):
        batch = ids[rows]
        if params.buckets:
            batch = _trim(batch, int(random.integers(EXTRA_PADDING + 1)))
        yield Examples(batch, train.labels[rows])


def _by_length(
    order: NDArray[np.int64], ids: NDArray[np.int32], size: int, random: np.random.Generator
) -> NDArray[np.int64]:
    """Sort rows by about their length and shuffle the batches that this makes."""
    lengths = (ids[order] != PAD_ID).sum(axis=1) + random.uniform(0, LENGTH_NOISE, len(order))
    return random.permutation(order[np.argsort(lengths, kind="stable")].reshape(-1, size)).reshape(-1)


def _trim(ids: NDArray[np.int32], extra: int) -> NDArray[np.int32]:
    """Cut the padding in front down to `extra` places before the longest row."""
    longest = max(int((ids != PAD_ID).sum(axis=1).max()), 1)
    return ids[:, -min(longest + extra, ids.shape[1]) :]
