"""Makes the batches of one epoch: shuffled, augmented, and bucketed by length if set in the parameters."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from emotion.params.schema import TrainingTable, WordTrainingTable
from emotion.text.encoded import Encoded
from emotion.text.vocabulary import UNKNOWN_ID
from emotion.training.augment import drop_words, shift_words

# Noise on the sorted lengths: a batch holds rows of similar length, but other rows in every epoch.
LENGTH_NOISE = 3.0
# A bucketed batch keeps at most this many tokens of padding after its longest row, for models that read padding. At
# inference there is no padding. Without padding in training, the LSTM had 0.9155 on validation instead of 0.9225 (one
# seed).
EXTRA_PADDING = 10


@dataclass(frozen=True)
class Examples:
    """Texts as token ids, and labels int32 (rows,).

    A student has `targets` float32 (rows, labels): probabilities to learn instead of the labels.
    """

    texts: Encoded
    labels: NDArray[np.int32]
    targets: NDArray[np.float32] | None = None

    def __len__(self) -> int:
        return len(self.labels)


def batches(train: Examples, params: TrainingTable, epoch: int, multiple: int = 1) -> Iterator[Examples]:
    """Make the batches of `epoch` from seed and epoch alone. All batches have the same number of rows.

    The length of bucketed batches is a multiple of `multiple`: this limits the number of shapes.
    """
    random = np.random.default_rng([params.seed, epoch])
    size = min(params.batch_size, len(train))
    # Rows from the start of the epoch fill the last batch.
    order = np.resize(random.permutation(len(train)), math.ceil(len(train) / size) * size)
    texts = _augmented(train.texts, params, random)
    if params.buckets:
        order = _by_length(order, texts.lengths, size, random)
    extra = EXTRA_PADDING if isinstance(params, WordTrainingTable) else 0
    for rows in order.reshape(-1, size):
        batch = texts.rows(rows)
        if params.buckets:
            batch = _trim(batch, int(random.integers(extra + 1)), multiple)
        yield Examples(batch, train.labels[rows], None if train.targets is None else train.targets[rows])


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
    """Sort rows by noisy length, cut them into batches, and shuffle the batches."""
    noisy = lengths[order] + random.uniform(0, LENGTH_NOISE, len(order))
    return random.permutation(order[np.argsort(noisy, kind="stable")].reshape(-1, size)).reshape(-1)


def _trim(texts: Encoded, extra: int, multiple: int) -> Encoded:
    """Cut padding to `extra` tokens after the longest row; round the length up to a multiple of `multiple`."""
    longest = max(int(texts.lengths.max()), 1)
    return texts.padded_to(math.ceil(min(longest + extra, texts.ids.shape[1]) / multiple) * multiple)
