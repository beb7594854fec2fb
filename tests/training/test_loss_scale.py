"""Loss scaling: an overflow leaves the weights alone and halves the factor; enough good steps double it."""

from typing import Any

import numpy as np
import pytest

from emotion.models.backend import prepare


@pytest.fixture(autouse=True)
def _tensorflow() -> None:
    prepare(1, 0)


def make() -> tuple[Any, Any, Any]:
    """Give a scale, a weight of three ones, and a compiled step that takes gradients from it."""
    import tensorflow as tf

    from emotion.training.loss_scale import LossScale

    scale, weight = LossScale(), tf.Variable([1.0, 1.0, 1.0])

    def update(gradients: Any) -> Any:
        weight.assign_sub(gradients[0])
        return tf.constant([1.0, 2.0])

    def step(gradient: Any) -> Any:
        return scale.apply([gradient, tf.constant([0.0])], update)

    compiled = tf.function(step)
    return scale, weight, lambda values: compiled(tf.constant(values, tf.float32))


def test_the_loss_is_scaled_up_and_gradients_down() -> None:
    scale, weight, step = make()
    factor = float(scale.factor)
    assert factor > 1000
    assert float(scale.up(0.5)) == 0.5 * factor
    step([factor, 2 * factor, 0.0])
    np.testing.assert_allclose(weight, [0, -1, 1])


@pytest.mark.parametrize("bad", [np.inf, -np.inf, np.nan])
def test_an_overflow_leaves_the_weights_and_halves_the_factor(bad: float) -> None:
    scale, weight, step = make()
    before = float(scale.factor)
    step([1.0, bad, 1.0])
    np.testing.assert_array_equal(weight, [1, 1, 1])
    assert float(scale.factor) == before / 2
    step([before / 2, 0.0, 0.0])
    np.testing.assert_allclose(weight, [0, 1, 1])
    assert float(scale.factor) == before / 2


def test_the_factor_never_falls_below_one() -> None:
    scale, _, step = make()
    scale.factor.assign(1.5)
    for _ in range(3):
        step([np.nan, 0.0, 0.0])
    assert float(scale.factor) == 1.0


def test_the_factor_doubles_after_enough_good_steps_on_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("emotion.training.loss_scale.STEPS_TO_DOUBLE", 3)
    scale, _, step = make()
    before = float(scale.factor)
    factors = []
    for bad in (False, False, True, False, False, False, False, False, False):
        step([np.inf if bad else 0.0, 0.0, 0.0])
        factors.append(float(scale.factor) / before)
    assert factors == [1, 1, 0.5, 0.5, 0.5, 1, 1, 1, 2]
