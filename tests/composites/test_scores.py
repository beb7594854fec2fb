"""Scores of composites, against loops over rows and thresholds."""

import numpy as np
import pytest
from numpy.typing import NDArray

from emotion.composites.scores import (
    NEAR,
    STEPS,
    Probabilities,
    cascade,
    composite_temperature,
    ensemble,
    find_thresholds,
    passes_on,
    tempered,
)

Labels = NDArray[np.int32]


def drawn(seed: int, rows: int = 400) -> tuple[Probabilities, Probabilities, Labels]:
    """Draw labels, and probabilities of a cheap model and of a dear one, which knows more."""
    random = np.random.default_rng(seed)
    labels = random.integers(0, 3, rows).astype(np.int32)
    return (*(softmax(random.normal(0, 1, (rows, 3)) + lead * np.eye(3)[labels]) for lead in (1, 2)), labels)  # type: ignore[return-value]


def softmax(logits: NDArray[np.float64]) -> Probabilities:
    powers = np.exp(logits)
    shares: Probabilities = powers / powers.sum(axis=1, keepdims=True)
    return shares


def accuracy(probabilities: Probabilities, labels: Labels) -> float:
    return float((probabilities.argmax(axis=1) == labels).mean())


def log_loss(probabilities: Probabilities, labels: Labels) -> float:
    return float(-np.log(probabilities[np.arange(len(labels)), labels]).mean())


def test_the_dear_model_decides_below_the_threshold() -> None:
    cheap = np.asarray([[0.9, 0.1], [0.6, 0.4], [0.3, 0.7]])
    dear = np.asarray([[0.2, 0.8], [0.1, 0.9], [0.8, 0.2]])
    assert passes_on(cheap, 0.7).tolist() == [False, True, False]
    assert passes_on(cheap, 0.6).tolist() == [False, False, False]
    assert passes_on(np.asarray([[np.nan, np.nan]]), 0.6).tolist() == [True]
    assert cascade(cheap, dear, 0.7).tolist() == [[0.9, 0.1], [0.1, 0.9], [0.3, 0.7]]


def test_an_ensemble_is_the_mean() -> None:
    members = [np.asarray([[0.9, 0.1]]), np.asarray([[0.2, 0.8]]), np.asarray([[0.1, 0.9]])]
    assert ensemble(members) == pytest.approx(np.asarray([[0.4, 0.6]]))


@pytest.mark.parametrize("seed", range(5))
def test_thresholds_are_the_best_of_all(seed: int) -> None:
    cheap, dear, labels = drawn(seed)
    found = find_thresholds(cheap, dear, labels)
    all_of_them = {step / STEPS: accuracy(cascade(cheap, dear, step / STEPS), labels) for step in range(STEPS + 1)}
    best = max(all_of_them.values())
    assert found.accurate == min(threshold for threshold, value in all_of_them.items() if value == best)
    bound = accuracy(dear, labels) - NEAR - 1e-12
    assert found.near == min(threshold for threshold, value in all_of_them.items() if value >= bound)


def test_a_cheap_model_that_is_sure_and_wrong_passes_nothing_on() -> None:
    """No threshold up to 1 reaches the dear model's accuracy."""
    cheap, dear, labels = np.asarray([[1.0, 0.0]] * 4), np.asarray([[0.1, 0.9]] * 4), np.ones(4, np.int32)
    assert find_thresholds(cheap, dear, labels).near is None


def test_a_temperature_changes_no_label_and_raises_the_likelihood() -> None:
    cheap, dear, labels = drawn(7, 20_000)
    # Both are surer than they should be.
    mixed = ensemble([cheap**3 / (cheap**3).sum(axis=1, keepdims=True), dear**3 / (dear**3).sum(axis=1, keepdims=True)])
    temperature = composite_temperature(mixed, labels)
    scores = tempered(mixed, temperature)
    assert (scores.argmax(axis=1) == mixed.argmax(axis=1)).all()
    assert scores.sum(axis=1) == pytest.approx(1)
    assert log_loss(scores, labels) < log_loss(mixed, labels) - 0.005
    others = [tempered(mixed, temperature * factor) for factor in (0.98, 1.02)]
    assert log_loss(scores, labels) < min(log_loss(other, labels) for other in others)


def test_a_probability_of_zero_is_no_trouble() -> None:
    mixed = np.asarray([[1.0, 0.0], [0.0, 1.0], [0.4, 0.6]])
    assert np.isfinite(tempered(mixed, composite_temperature(mixed, np.asarray([0, 1, 0], np.int32)))).all()
