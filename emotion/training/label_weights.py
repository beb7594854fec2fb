"""How much the loss of every label counts."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from emotion.params.schema import ClassWeights


def label_weights(class_weights: ClassWeights, names: Sequence[str], labels: NDArray[np.int32]) -> NDArray[np.float32]:
    """Give the weight of each label's loss, float32 (labels,); the mean over train's rows is 1."""
    counts = np.bincount(labels, minlength=len(names))
    if class_weights == "none":
        return np.ones(len(names), np.float32)
    if class_weights == "balanced":
        weights = 1 / np.maximum(counts, 1)
    else:
        weights = np.asarray([class_weights.get(name, 1.0) for name in names])
    return np.asarray(weights * counts.sum() / (weights * counts).sum(), np.float32)
