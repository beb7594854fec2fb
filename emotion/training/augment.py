"""Augments token ids. The random generator alone decides the result, so epochs are repeatable."""

import numpy as np
from numpy.typing import NDArray

Ids = NDArray[np.int32]


def drop_words(ids: Ids, share: float, pad: int, unknown: int, random: np.random.Generator) -> Ids:
    """Replace `share` of the words in ids (rows, length) by `unknown`; padding stays."""
    dropped = (random.random(ids.shape) < share) & (ids != pad)
    return np.where(dropped, np.int32(unknown), ids)


def shift_words(ids: Ids, pad: int, random: np.random.Generator) -> Ids:
    """Move a row's words to a random position in the row; ids are (rows, length), padded on the right."""
    length = ids.shape[1]
    words = (ids != pad).sum(axis=1)
    offsets = random.integers(0, length - words + 1)
    source = np.arange(length)[None, :] - offsets[:, None]
    shifted = np.take_along_axis(ids, np.clip(source, 0, length - 1), axis=1)
    return np.where(source >= 0, shifted, np.int32(pad))
