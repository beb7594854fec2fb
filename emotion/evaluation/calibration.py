"""Whether a model is right as often as it says: calibration error, and the temperature that mends it."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from emotion.onnx.session import probabilities

BINS = 15
LEAST, MOST = 0.2, 5.0


@dataclass(frozen=True)
class Reliability:
    """Rows by confidence, in equal bins: mean confidence and accuracy float64 (bins,), NaN for an empty bin."""

    rows: NDArray[np.int64]
    confidence: NDArray[np.float64]
    accuracy: NDArray[np.float64]

    @property
    def error(self) -> float:
        """Expected calibration error (Guo et al., ICML 2017, equation 3)."""
        filled = self.rows > 0
        gaps = np.abs(self.accuracy - self.confidence)[filled]
        return float((gaps * self.rows[filled]).sum() / max(1, int(self.rows.sum())))


def reliability(logits: NDArray[np.float32], labels: NDArray[np.int32], temperature: float = 1.0) -> Reliability:
    """Sort rows into 15 equal bins of the predicted label's probability, at a temperature."""
    scores = probabilities(logits, temperature)
    confidence = scores.max(axis=1)
    correct = scores.argmax(axis=1) == labels
    # Bins are (a, b]: a confidence of exactly 1 belongs to the last.
    bins = np.clip(np.ceil(confidence * BINS).astype(int) - 1, 0, BINS - 1)
    rows = np.bincount(bins, minlength=BINS)
    filled = np.where(rows > 0, rows, np.nan)
    return Reliability(
        rows,
        np.bincount(bins, confidence, BINS) / filled,
        np.bincount(bins, correct, BINS) / filled,
    )


def calibration_error(logits: NDArray[np.float32], labels: NDArray[np.int32], temperature: float = 1.0) -> float:
    """Expected calibration error in 15 equal bins of confidence, at a temperature."""
    return reliability(logits, labels, temperature).error


def fit_temperature(logits: NDArray[np.float32], labels: NDArray[np.int32]) -> float:
    """Find the temperature, between 0.2 and 5, that gives the labels the highest likelihood (Guo et al., section 4.2).

    Logits float (rows, classes) are divided by it, which changes no predicted label. Fit it on validation. Rows that
    are all right would make the model sure of everything: they leave it as it is.
    """
    if (logits.argmax(axis=1) == labels).all():
        return 1.0
    from scipy.optimize import minimize_scalar
    from scipy.special import log_softmax

    wide = logits.astype(np.float64)
    rows = np.arange(len(labels))

    def loss(log_temperature: float) -> float:
        return float(-log_softmax(wide / np.exp(log_temperature), axis=1)[rows, labels].mean())

    found = minimize_scalar(loss, bounds=(np.log(LEAST), np.log(MOST)), method="bounded", options={"xatol": 1e-6})
    return float(np.exp(found.x))
