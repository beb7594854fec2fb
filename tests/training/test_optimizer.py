"""AdamW: Keras' updates, decay of matrices alone, clipping of all gradients together, the schedule, the average."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from emotion.models.backend import load_keras, prepare
from emotion.params.schema import FineTuningTable, TrainingTable

STEPS = 10
PLAIN: dict[str, Any] = {"learning_rate": 0.05, "warmup": 0.0, "weight_decay": 0.0, "clip_norm": 0.0}


@pytest.fixture(scope="module", autouse=True)
def _tensorflow() -> None:
    prepare(1, 0)


def variables() -> list[Any]:
    """Give the weights of an embedding, a dense layer and a normalization: two matrices and three vectors."""
    keras = load_keras()
    keras.utils.set_random_seed(3)
    model = keras.Sequential(
        [
            keras.Input((3,), dtype="int32"),
            keras.layers.Embedding(7, 4, name="word"),
            keras.layers.Dense(4, bias_initializer="normal", name="dense"),
            keras.layers.LayerNormalization(beta_initializer="normal", name="norm"),
        ]
    )
    found: list[Any] = model.trainable_variables
    assert [variable.path.rpartition("/")[2] for variable in found] == ["embeddings", "kernel", "bias", "gamma", "beta"]
    return found


def values(weights: Sequence[Any]) -> list[Any]:
    return [np.array(weight.numpy()) for weight in weights]


def gradients(weights: Sequence[Any], step: int, scale: float = 1.0) -> list[Any]:
    """Give the gradients of a step; the embedding's gradient was sparse and had a row twice."""
    import tensorflow as tf

    random = np.random.default_rng(step)
    dense = [tf.constant(random.normal(0, scale, weight.shape).astype(np.float32)) for weight in weights[1:]]
    rows = tf.constant(random.normal(0, scale, (3, 4)).astype(np.float32))
    return [tf.convert_to_tensor(tf.IndexedSlices(rows, tf.constant([1, 5, 1]), tf.constant([7, 4]))), *dense]


def optimize(params: TrainingTable, steps: int = STEPS, scale: float = 1.0) -> list[Any]:
    """Run all steps; give the weights."""
    from emotion.training.optimizer import AdamW

    weights = variables()
    optimizer = AdamW(weights, params, steps)
    for step in range(steps):
        optimizer.apply(gradients(weights, step, scale), measure=False)
    return values(weights)


def by_keras(optimizer: Any, *, clip: float = 0.0, scale: float = 1.0, exclude: Sequence[str] = ()) -> list[Any]:
    """Run the same steps with an optimizer of Keras."""
    import tensorflow as tf

    weights = variables()
    if exclude:
        optimizer.exclude_from_weight_decay(var_names=list(exclude))
    for step in range(STEPS):
        found = gradients(weights, step, scale)
        if clip:
            found, _ = tf.clip_by_global_norm(found, clip)
        optimizer.apply_gradients(zip(found, weights, strict=True))
    return values(weights)


def assert_close(ours: Sequence[Any], theirs: Sequence[Any], tolerance: float = 1e-5) -> None:
    for our, their in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(our, their, rtol=tolerance, atol=tolerance)


def test_the_update_is_that_of_kerass_adam() -> None:
    keras = load_keras()
    schedule = keras.optimizers.schedules.CosineDecay(0.05, STEPS, alpha=0.02)
    assert_close(optimize(TrainingTable(**PLAIN)), by_keras(keras.optimizers.Adam(schedule)))


def test_the_update_with_decay_is_that_of_kerass_adamw() -> None:
    keras = load_keras()
    schedule = keras.optimizers.schedules.PolynomialDecay(0.05, STEPS, end_learning_rate=0.0)
    theirs = by_keras(keras.optimizers.AdamW(schedule, weight_decay=0.3), exclude=["bias", "gamma", "beta"])
    ours = optimize(TrainingTable(**PLAIN | {"weight_decay": 0.3, "schedule": "linear"}))
    assert_close(ours, theirs, 1e-4)
    undecayed = optimize(TrainingTable(**PLAIN | {"schedule": "linear"}))
    assert max(np.abs(our - other).max() for our, other in zip(ours, undecayed, strict=True)) > 0.01


def test_decay_hits_matrices_alone_and_all_their_rows() -> None:
    """Without gradients, what is left of a weight is the product of 1 - rate x decay."""
    import tensorflow as tf

    from emotion.training.optimizer import AdamW

    weights = variables()
    before = values(weights)
    optimizer = AdamW(weights, TrainingTable(**PLAIN | {"weight_decay": 0.5, "schedule": "linear"}), 2)
    for _ in range(2):
        optimizer.apply([tf.zeros_like(weight.value) for weight in weights], measure=False)
    left = (1 - 0.05 * 0.5) * (1 - 0.025 * 0.5)
    shares = [1.0 if weight.path.endswith(("bias", "gamma", "beta")) else left for weight in weights]
    assert shares.count(left) == 2
    assert_close(values(weights), [share * old for share, old in zip(shares, before, strict=True)])


def test_clipping_is_by_the_norm_of_all_gradients_together() -> None:
    keras = load_keras()
    ours = optimize(TrainingTable(**PLAIN | {"clip_norm": 0.5}), scale=0.01)
    schedule = keras.optimizers.schedules.CosineDecay(0.05, STEPS, alpha=0.02)
    # The norm is 0.07: nothing is cut.
    assert_close(ours, by_keras(keras.optimizers.Adam(schedule), scale=0.01))


@pytest.mark.parametrize("limit", [1e-7, 1e-6])
def test_clipped_gradients_are_those_of_tensorflow(limit: float) -> None:
    """Adam divides by the size of gradients; so small that epsilon counts, their size shows."""
    keras = load_keras()
    schedule = keras.optimizers.schedules.CosineDecay(0.05, STEPS, alpha=0.02)
    theirs = by_keras(keras.optimizers.Adam(schedule), clip=limit)
    assert_close(optimize(TrainingTable(**PLAIN | {"clip_norm": limit})), theirs)
    whole = optimize(TrainingTable(**PLAIN))
    assert np.abs(whole[1] - theirs[1]).max() > 0.01


def rate(done: float, steps: int, **params: Any) -> float:
    import tensorflow as tf

    from emotion.training.optimizer import learning_rate

    return float(learning_rate(tf.constant(float(done)), TrainingTable(**params), steps))


@pytest.mark.parametrize(
    ("done", "expected"),
    [(0, 0.25), (1, 0.5), (2, 0.75), (3, 1.0), (4, 1.0), (5, 15 / 16), (12, 0.5), (19, 1 / 16), (20, 0.0), (25, 0.0)],
)
def test_a_line_up_and_a_line_down(done: int, expected: float) -> None:
    """Four of twenty steps warm up; the last step still moves."""
    found = rate(done, 20, learning_rate=0.5, warmup=0.2, schedule="linear")
    assert found == pytest.approx(0.5 * expected, abs=1e-7)


@pytest.mark.parametrize("done", range(0, 21, 4))
def test_a_line_up_and_a_cosine_down_to_a_fiftieth(done: int) -> None:
    decay_share = max(0.0, (done - 4) / 16)
    expected = (done + 1) / 4 if done < 4 else 0.02 + 0.98 * (1 + math.cos(math.pi * decay_share)) / 2
    assert rate(done, 20, learning_rate=0.5, warmup=0.2) == pytest.approx(0.5 * expected, rel=1e-5)


@pytest.mark.parametrize("schedule", ["linear", "cosine"])
def test_without_warm_up_the_first_step_has_the_peak(schedule: str) -> None:
    assert rate(0, 10, learning_rate=0.5, schedule=schedule) == pytest.approx(0.5)
    assert rate(0, 1, learning_rate=0.5, warmup=0.1, schedule=schedule) == pytest.approx(0.5)


def test_the_average_follows_the_weights() -> None:
    from emotion.training.optimizer import AdamW

    weights = variables()
    optimizer = AdamW(weights, TrainingTable(**PLAIN | {"average": 0.3}), STEPS)
    expected = values(weights)
    for done in range(1, 8):
        optimizer.apply(gradients(weights, done), measure=False)
        keep = min(0.3, done / (done + 10))
        expected = [keep * old + (1 - keep) * new for old, new in zip(expected, values(weights), strict=True)]
    trained = values(weights)
    optimizer.swap_average()
    assert_close(values(weights), expected)
    optimizer.swap_average()
    assert_close(values(weights), trained)


def test_training_goes_on_from_the_weights_and_not_from_their_average() -> None:
    from emotion.training.optimizer import AdamW

    plain = optimize(TrainingTable(**PLAIN))
    weights = variables()
    optimizer = AdamW(weights, TrainingTable(**PLAIN | {"average": 0.9}), STEPS)
    for step in range(STEPS):
        optimizer.apply(gradients(weights, step), measure=False)
        optimizer.swap_average()
        optimizer.swap_average()
    assert_close(values(weights), plain)


def test_without_an_average_nothing_is_exchanged() -> None:
    from emotion.training.optimizer import AdamW

    weights = variables()
    optimizer = AdamW(weights, TrainingTable(**PLAIN), STEPS)
    optimizer.apply(gradients(weights, 0), measure=False)
    before = values(weights)
    optimizer.swap_average()
    assert_close(values(weights), before)


def test_transformers_decay_clip_and_go_down_in_a_line() -> None:
    params = FineTuningTable()
    assert (params.weight_decay, params.clip_norm, params.schedule, params.warmup) == (0.01, 1.0, "linear", 0.1)
