"""Augmentation of token ids, a function of the random generator alone so that an epoch can be repeated."""

import numpy as np
from numpy.typing import NDArray

Ids = NDArray[np.int32]


def drop_words(ids: Ids, share: float, pad: int, unknown: int, random: np.random.Generator) -> Ids:
    """Replace `share` of the words of ids (rows, places) by `unknown`; padding stays."""
    dropped = (random.random(ids.shape) < share) & (ids != pad)
    return np.where(dropped, np.int32(unknown), ids)


def shift_words(ids: Ids, pad: int, random: np.random.Generator) -> Ids:
    """Move each row's words, padded on the right, to a random place within ids (rows, places)."""
    places = ids.shape[1]
    lengths = (ids != pad).sum(axis=1)
    offsets = random.integers(0, places - lengths + 1)
    source = np.arange(places)[None, :] - offsets[:, None]
    shifted = np.take_along_axis(ids, np.clip(source, 0, places - 1), axis=1)
    return np.where(source >= 0, shifted, np.int32(pad))
