"""Computes scores of composites from calibrated probabilities of their members, float64 (rows, labels)."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from emotion.onnx.session import probabilities
from emotion.onnx.temperature import fit_temperature

Probabilities = NDArray[np.float64]
# Thresholds are multiples of 1 / STEPS for short names.
STEPS = 10_000
# A cascade within 0.1 points of its dear model's validation accuracy counts as equally good.
NEAR = 0.001
# Rounded: machines with other last digits in logits then find the same temperature.
TEMPERATURE_DIGITS = 3
TINY = np.finfo(np.float64).tiny


def passes_on(cheap: Probabilities, threshold: float) -> NDArray[np.bool_]:
    """Whether a cascade's cheap model passes a row on, bool (rows,): its score is too low, or NaN."""
    reached: NDArray[np.bool_] = cheap.max(axis=1) >= threshold
    return ~reached


def cascade(cheap: Probabilities, dear: Probabilities, threshold: float) -> Probabilities:
    """Give the probabilities of the model that decides on a row."""
    return np.where(passes_on(cheap, threshold)[:, None], dear, cheap)


def ensemble(members: Sequence[Probabilities]) -> Probabilities:
    """Give the mean of the members' probabilities."""
    mean: Probabilities = np.mean(members, axis=0)
    return mean


def tempered(mixed: Probabilities, temperature: float) -> Probabilities:
    """Compute a composite's scores: its probabilities to the power of 1 / temperature, normalized to the sum 1."""
    return probabilities(log_probabilities(mixed), temperature)


def composite_temperature(mixed: Probabilities, labels: NDArray[np.int32]) -> float:
    """Fit the temperature of a composite on validation."""
    return round(fit_temperature(log_probabilities(mixed), labels), TEMPERATURE_DIGITS)


def log_probabilities(scores: Probabilities) -> Probabilities:
    """Give logits with the softmax `scores`, finite for a score of 0."""
    logits: Probabilities = np.log(np.maximum(scores, TINY))
    return logits


@dataclass(frozen=True)
class Thresholds:
    """A cascade's best thresholds on validation.

    `accurate` has the highest accuracy. `near` passes on the fewest rows among thresholds that are more accurate than
    the dear model or within 0.1 points; None if there is none. Among equally good thresholds, both are the lowest.
    """

    accurate: float
    near: float | None


def find_thresholds(cheap: Probabilities, dear: Probabilities, labels: NDArray[np.int32]) -> Thresholds:
    """Try all thresholds from 0 to 1 on validation with labels int (rows,)."""
    scores = cheap.max(axis=1)
    order = np.argsort(scores, kind="stable")
    thresholds = np.arange(STEPS + 1) / STEPS
    passed_on = np.searchsorted(scores[order], thresholds, side="left")
    cheap_right, dear_right = (
        np.append(0, np.cumsum((member.argmax(axis=1) == labels)[order])) for member in (cheap, dear)
    )
    right = dear_right[passed_on] + cheap_right[-1] - cheap_right[passed_on]
    # Counted in rows: accuracies would be inexact.
    near = np.flatnonzero(right >= dear_right[-1] - NEAR * len(labels) - 1e-9)
    return Thresholds(float(thresholds[right.argmax()]), float(thresholds[near[0]]) if len(near) else None)
