"""Calibration: the expected calibration error (ECE). `onnx/temperature.py` corrects it."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from emotion.onnx.session import probabilities

BINS = 15


@dataclass(frozen=True)
class ReliabilityBins:
    """Rows in equal bins of confidence: number, mean confidence and accuracy, (bins,); NaN for an empty bin."""

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
