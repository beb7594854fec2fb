"""The training step: it lowers the loss, follows the schedule, and keeps a running average."""

from typing import Any

import numpy as np
import pytest

from emotion.models.backend import prepare
from emotion.params import AnnParams, Params, TextParams, TrainingParams

IDS = np.asarray([[2, 3, 0], [4, 5, 0], [2, 2, 3], [4, 4, 5]], np.int32)
LABELS = np.asarray([0, 1, 0, 1], np.int32)


def make(steps: int = 100, **training: Any) -> tuple[Any, Any]:
    """Build a small model and its step."""
    from emotion.models.build import build_model
    from emotion.training.step import Step

    prepare(1, 0)
    params = Params(
        model=AnnParams(embedding_dim=4, hidden=[4]),
        text=TextParams(max_length=3),
        training=TrainingParams(**{"learning_rate": 0.02, **training}),
    )
    model = build_model(params, vocabulary=6, labels=2)
    return model, Step(model, params.training, steps)


def weights(model: Any) -> list[Any]:
    return [np.array(weight) for weight in model.get_weights()]


def assert_close(found: list[Any], expected: list[Any]) -> None:
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)


def test_loss_and_right_answers_are_those_of_the_batch_before_the_update() -> None:
    model, step = make()
    logits = np.asarray(model(IDS)).astype(np.float64)
    shares = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    loss, right = step(IDS, LABELS)
    assert loss == pytest.approx(-np.log(shares[np.arange(4), LABELS]).mean(), rel=1e-4)
    assert right == (logits.argmax(axis=1) == LABELS).sum()


def test_steps_learn_the_batch() -> None:
    _, step = make()
    first, _ = step(IDS, LABELS)
    for _ in range(60):
        last, right = step(IDS, LABELS)
    assert last < 0.2 * first
    assert right == 4


def test_smoothed_labels_keep_the_loss_above_their_entropy() -> None:
    _, step = make(label_smoothing=0.2)
    for _ in range(60):
        loss, _ = step(IDS, LABELS)
    entropy = -(0.9 * np.log(0.9) + 0.1 * np.log(0.1))
    assert entropy - 1e-4 < loss < entropy + 0.1


def test_the_rate_warms_up_to_the_peak_and_falls_to_a_fiftieth() -> None:
    _, step = make(steps=20, learning_rate=0.1, warmup=0.25)
    rates = []
    for _ in range(20):
        step(IDS, LABELS)
        rates.append(float(step.optimizer.rate(step.optimizer.done)))
    assert max(rates) == pytest.approx(0.1, rel=1e-3)
    assert rates.index(max(rates)) == 4
    assert rates[-1] == pytest.approx(0.002, rel=1e-3)
    assert rates[:5] == sorted(rates[:5])
    assert rates[4:] == sorted(rates[4:], reverse=True)


def test_the_average_follows_the_weights() -> None:
    model, step = make(average=0.3)
    expected = weights(model)
    for done in range(1, 8):
        step(IDS, LABELS)
        keep = min(0.3, done / (done + 10))
        pairs = zip(expected, weights(model), strict=True)
        expected = [keep * average + (1 - keep) * weight for average, weight in pairs]
    trained = weights(model)
    step.optimizer.swap_in_average()
    assert_close(weights(model), expected)
    step.optimizer.swap_in_average()
    assert_close(weights(model), trained)


def test_training_goes_on_from_the_weights_and_not_from_their_average() -> None:
    (plain, one), (averaged, other) = make(), make(average=0.9)
    for _ in range(4):
        one(IDS, LABELS)
        other(IDS, LABELS)
        other.optimizer.swap_in_average()
        other.optimizer.swap_in_average()
    assert_close(weights(averaged), weights(plain))


def test_without_an_average_nothing_is_exchanged() -> None:
    model, step = make()
    step(IDS, LABELS)
    before = weights(model)
    step.optimizer.swap_in_average()
    assert_close(weights(model), before)


def test_the_update_is_that_of_kerass_adam() -> None:
    import keras
    import tensorflow as tf

    (mine, step), (theirs, _) = make(steps=10, learning_rate=0.05), make()
    schedule = keras.optimizers.schedules.CosineDecay(0.05, 10, alpha=0.02)
    adam = keras.optimizers.Adam(schedule)
    loss = keras.losses.CategoricalCrossentropy(from_logits=True)
    for _ in range(10):
        step(IDS, LABELS)
        with tf.GradientTape() as tape:
            value = loss(tf.one_hot(LABELS, 2), theirs(IDS))
        # Dense: Keras squares the parts of a sparse gradient one by one.
        gradients = [tf.convert_to_tensor(each) for each in tape.gradient(value, theirs.trainable_variables)]
        adam.apply_gradients(zip(gradients, theirs.trainable_variables, strict=True))
    for one, other in zip(weights(mine), weights(theirs), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)
