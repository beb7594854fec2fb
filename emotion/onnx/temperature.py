"""Fits the temperature that divides logits: scores then match how often labels are right."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

LOWEST_TEMPERATURE, HIGHEST_TEMPERATURE = 0.2, 5.0
# Bounds of 1 / temperature.
PRECISION = 1e-6
# A step of a golden-section search keeps this share of the interval.
GOLDEN = (5**0.5 - 1) / 2


def fit_temperature(
    logits: NDArray[np.floating[Any]],
    labels: NDArray[np.int32],
    lowest: float = LOWEST_TEMPERATURE,
    highest: float = HIGHEST_TEMPERATURE,
) -> float:
    """Find the temperature, from `lowest` to `highest`, that gives the labels the highest likelihood.

    See Guo et al., ICML 2017, section 4.2. Dividing logits float (rows, classes) by the temperature changes no
    predicted label. Fit the temperature on validation. It is 1 if all rows are right: any fit would then make all
    scores certain.
    """
    if (logits.argmax(axis=1) == labels).all():
        return 1.0
    exact = logits.astype(np.float64)
    exact -= exact.max(axis=1, keepdims=True)
    # Mean distance between the label's logit and the highest logit. This and the loss are convex in 1 / temperature.
    own = exact[np.arange(len(labels)), labels].mean()

    def loss(inverse: float) -> float:
        return float(np.log(np.exp(exact * inverse).sum(axis=1)).mean() - own * inverse)

    return 1 / _lowest(loss, 1 / highest, 1 / lowest)


def _lowest(function: Callable[[float], float], low: float, high: float) -> float:
    """Find the minimum of a convex function by golden-section search. SciPy is not available when classifying."""
    lower, upper = (high - GOLDEN * (high - low), low + GOLDEN * (high - low))
    at_lower, at_upper = function(lower), function(upper)
    while high - low > PRECISION:
        if at_lower <= at_upper:
            high, upper, at_upper = upper, lower, at_lower
            lower = high - GOLDEN * (high - low)
            at_lower = function(lower)
        else:
            low, lower, at_lower = lower, upper, at_upper
            upper = low + GOLDEN * (high - low)
            at_upper = function(upper)
    return (low + high) / 2
