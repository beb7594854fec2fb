"""Calibration: the expected calibration error (ECE), and the temperature that corrects it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emotion.onnx.session import probabilities

BINS = 15
LOWEST_TEMPERATURE, HIGHEST_TEMPERATURE = 0.2, 5.0
# Of 1 / temperature.
PRECISION = 1e-6
# Each step of a golden-section search keeps this share of the interval.
GOLDEN = (5**0.5 - 1) / 2


@dataclass(frozen=True)
class ReliabilityBins:
    """Rows in equal bins of confidence: their number, mean confidence and accuracy, (bins,); NaN for an empty bin."""

    rows: NDArray[np.int64]
    confidence: NDArray[np.float64]
    accuracy: NDArray[np.float64]


def expected_calibration_error(bins: ReliabilityBins) -> float:
    """Mean distance between confidence and accuracy, weighted by rows (ECE; Guo et al., ICML 2017, equation 3)."""
    filled = bins.rows > 0
    gaps = np.abs(bins.accuracy - bins.confidence)[filled]
    return float((gaps * bins.rows[filled]).sum() / max(1, int(bins.rows.sum())))


def reliability_bins(
    logits: NDArray[np.float32], labels: NDArray[np.int32], temperature: float = 1.0
) -> ReliabilityBins:
    """Sort rows into 15 equal bins of confidence, the probability of the predicted label.

    Logits float (rows, classes) are divided by the temperature; labels are int (rows,).
    """
    scores = probabilities(logits, temperature)
    confidence = scores.max(axis=1)
    correct = scores.argmax(axis=1) == labels
    # Bins are (a, b]: a confidence of exactly 1 belongs to the last bin.
    bin_of_row = np.clip(np.ceil(confidence * BINS).astype(int) - 1, 0, BINS - 1)
    rows = np.bincount(bin_of_row, minlength=BINS)
    filled = np.where(rows > 0, rows, np.nan)
    return ReliabilityBins(
        rows,
        np.bincount(bin_of_row, confidence, BINS) / filled,
        np.bincount(bin_of_row, correct, BINS) / filled,
    )


def fit_temperature(logits: NDArray[np.floating[Any]], labels: NDArray[np.int32]) -> float:
    """Find the temperature, from 0.2 to 5, that gives the labels the highest likelihood (Guo et al., section 4.2).

    Dividing logits float (rows, classes) by the temperature changes no predicted label. Fit the temperature on
    validation. It is 1 if all rows are right: any fit would then make the model sure of everything.
    """
    if (logits.argmax(axis=1) == labels).all():
        return 1.0
    exact = logits.astype(np.float64)
    exact -= exact.max(axis=1, keepdims=True)
    # Mean distance of the label's logit from the highest one. It and the loss are convex in 1 / temperature.
    own = exact[np.arange(len(labels)), labels].mean()

    def loss(inverse: float) -> float:
        return float(np.log(np.exp(exact * inverse).sum(axis=1)).mean() - own * inverse)

    return 1 / _lowest(loss, 1 / HIGHEST_TEMPERATURE, 1 / LOWEST_TEMPERATURE)


def _lowest(function: Callable[[float], float], low: float, high: float) -> float:
    """Find the minimum of a convex function by golden-section search. SciPy has it too, and is no part of classify."""
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
