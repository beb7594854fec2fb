"""Scores of composites from the calibrated probabilities of their members, float64 (rows, labels)."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from emotion.onnx.session import probabilities
from emotion.onnx.temperature import fit_temperature

Probabilities = NDArray[np.float64]
# Thresholds are multiples of 1 / STEPS, so that their names are short.
STEPS = 10_000
# A cascade this close to its dear model on validation is as good: 0.1 points of accuracy.
NEAR = 0.001
# Rounded, so that machines whose logits differ in the last digits find the same temperature.
TEMPERATURE_DIGITS = 3
TINY = np.finfo(np.float64).tiny


def passes_on(cheap: Probabilities, threshold: float) -> NDArray[np.bool_]:
    """Whether the cheap model of a cascade leaves a row to the dear one, bool (rows,): its score is too low, or NaN."""
    reached: NDArray[np.bool_] = cheap.max(axis=1) >= threshold
    return ~reached


def cascade(cheap: Probabilities, dear: Probabilities, threshold: float) -> Probabilities:
    """Probabilities of the model that decides on a row."""
    return np.where(passes_on(cheap, threshold)[:, None], dear, cheap)


def ensemble(members: Sequence[Probabilities]) -> Probabilities:
    """Mean of the members' probabilities."""
    mean: Probabilities = np.mean(members, axis=0)
    return mean


def tempered(mixed: Probabilities, temperature: float) -> Probabilities:
    """Scores that a composite gives: its probabilities to the power of 1 / temperature, which sum up to 1 again."""
    return probabilities(log_probabilities(mixed), temperature)


def composite_temperature(mixed: Probabilities, labels: NDArray[np.int32]) -> float:
    """Fit the temperature of a composite on validation."""
    return round(fit_temperature(log_probabilities(mixed), labels), TEMPERATURE_DIGITS)


def log_probabilities(scores: Probabilities) -> Probabilities:
    """Logits whose softmax gives `scores`, finite where a score is 0."""
    logits: Probabilities = np.log(np.maximum(scores, TINY))
    return logits


@dataclass(frozen=True)
class Thresholds:
    """Thresholds of a cascade that validation gives.

    `accurate` has the highest accuracy. `near` passes on the fewest rows of all that are within 0.1 points of the dear
    model's accuracy, or more accurate; None if there is none. Of equally good thresholds each is the lowest.
    """

    accurate: float
    near: float | None


def find_thresholds(cheap: Probabilities, dear: Probabilities, labels: NDArray[np.int32]) -> Thresholds:
    """Try all thresholds from 0 to 1 on validation, whose labels are int (rows,)."""
    scores = cheap.max(axis=1)
    order = np.argsort(scores, kind="stable")
    thresholds = np.arange(STEPS + 1) / STEPS
    passed_on = np.searchsorted(scores[order], thresholds, side="left")
    cheap_right, dear_right = (
        np.append(0, np.cumsum((member.argmax(axis=1) == labels)[order])) for member in (cheap, dear)
    )
    right = dear_right[passed_on] + cheap_right[-1] - cheap_right[passed_on]
    # In rows, which are exact: accuracies are not.
    near = np.flatnonzero(right >= dear_right[-1] - NEAR * len(labels) - 1e-9)
    return Thresholds(float(thresholds[right.argmax()]), float(thresholds[near[0]]) if len(near) else None)
