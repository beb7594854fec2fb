"""The training step: loss, gradients and weights of labels, and that compiling or scaling changes nothing."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from emotion.models.backend import prepare
from emotion.models.compute import Compute
from emotion.params.schema import (
    AnnTable,
    FineTuningTable,
    TrainingTable,
    WordParams,
    WordTextTable,
    WordTrainingTable,
)
from emotion.text.encoded import Encoded
from emotion.training.batches import Examples
from tests.training.small import STILL, build_bert, make_step

IDS = np.asarray([[2, 3, 0], [4, 5, 0], [2, 2, 3], [4, 4, 5]], np.int32)
LABELS = np.asarray([0, 1, 0, 1], np.int32)
BATCH = Examples(Encoded(IDS, np.asarray([2, 2, 3, 3], np.int32), 0), LABELS)
EQUAL = np.ones(2, np.float32)


def make(weights: NDArray[np.float32] = EQUAL, *, soft: bool = False, **training: Any) -> tuple[Any, Any]:
    """Build a small ANN and its step."""
    from emotion.models.build import build_model

    prepare(1, 0)
    params = WordParams(
        model=AnnTable(embedding_dim=4, hidden=[4]),
        text=WordTextTable(max_length=3),
        training=WordTrainingTable(**{"learning_rate": 0.02, **training}),
    )
    model = build_model(params, vocabulary=6, labels=2)
    return model, make_step(model, params.training, weights=weights, soft=soft)


def tune(compute: Compute, seed: int = 1, **config: Any) -> tuple[Any, Any]:
    """Build a small transformer and its step."""
    prepare(1, 0)
    model = build_bert(compute.precision, **config)
    return model, make_step(model, FineTuningTable(seed=seed, learning_rate=0.02, warmup=0.0), compute=compute)


def losses(step: Any, count: int = 5) -> list[float]:
    return [step(BATCH, number).loss for number in range(count)]


def cross_entropy(model: Any) -> NDArray[np.float64]:
    """Compute the losses of the batch's rows."""
    logits = np.asarray(model({"input_ids": IDS})).astype(np.float64)
    shares = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    return np.asarray(-np.log(shares[np.arange(4), LABELS]))


def test_loss_and_right_answers_are_those_of_the_batch_before_the_update() -> None:
    model, step = make()
    expected = cross_entropy(model).mean()
    logits = np.asarray(model({"input_ids": IDS}))
    loss, right, stopping, *_ = step(BATCH, 0)
    assert not stopping
    assert loss == pytest.approx(expected, rel=1e-4)
    assert right == (logits.argmax(axis=1) == LABELS).sum()


def test_steps_learn_the_batch() -> None:
    _, step = make()
    first = step(BATCH, 0)
    for number in range(1, 61):
        last = step(BATCH, number)
    assert last.loss < 0.2 * first.loss
    assert last.right == 4


def test_smoothed_labels_keep_the_loss_above_their_entropy() -> None:
    _, step = make(label_smoothing=0.2)
    last = losses(step, 60)[-1]
    entropy = -(0.9 * np.log(0.9) + 0.1 * np.log(0.1))
    assert entropy - 1e-4 < last < entropy + 0.1


def test_each_row_counts_what_its_label_counts() -> None:
    model, step = make(np.asarray([1.8, 0.2], np.float32))
    rows = cross_entropy(model)
    expected = (rows * np.where(LABELS == 0, 1.8, 0.2)).mean()
    assert abs(expected - rows.mean()) > 1e-3
    assert step(BATCH, 0).loss == pytest.approx(expected, rel=1e-4)


def test_the_loss_of_targets_is_their_cross_entropy_and_labels_decide_what_is_right() -> None:
    weights = np.asarray([1.8, 0.2], np.float32)
    model, step = make(weights, label_smoothing=0.3, soft=True)
    logits = np.asarray(model({"input_ids": IDS})).astype(np.float64)
    targets = np.asarray([[0.9, 0.1], [0.4, 0.6], [0.2, 0.8], [0.0, 1.0]], np.float32)
    log_shares = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    expected = (-(targets * log_shares).sum(axis=1) * weights[LABELS]).mean()
    result = step(replace(BATCH, targets=targets), 0)
    assert result.loss == pytest.approx(expected, rel=1e-4)
    assert result.right == (logits.argmax(axis=1) == LABELS).sum()


def test_targets_are_learnt_instead_of_labels() -> None:
    model, step = make(soft=True)
    batch = replace(BATCH, targets=np.eye(2, dtype=np.float32)[1 - LABELS])
    for number in range(60):
        step(batch, number)
    assert np.asarray(model({"input_ids": IDS})).argmax(axis=1).tolist() == (1 - LABELS).tolist()


def test_a_label_that_counts_nothing_is_not_learnt() -> None:
    model, step = make(np.asarray([0.0, 2.0], np.float32))
    losses(step, 60)
    assert np.asarray(model({"input_ids": IDS})).argmax(axis=1).tolist() == [1, 1, 1, 1]


def test_a_transformer_learns_the_batch() -> None:
    _, step = tune(Compute())
    assert losses(step, 40)[-1] < 0.1


def test_dropout_follows_the_seed_and_the_step() -> None:
    first, again, other = (losses(tune(Compute(), seed)[1]) for seed in (1, 1, 2))
    assert first == again
    assert first[0] != other[0]
    _, step = tune(Compute())
    assert step(BATCH, 7).loss != first[0]


@pytest.mark.parametrize("compute", [Compute(xla=True), Compute("float16"), Compute("bfloat16")])
def test_xla_and_reduced_precision_give_nearly_the_same_losses(compute: Compute) -> None:
    exact = losses(tune(Compute(), **STILL)[1])
    found = losses(tune(compute, **STILL)[1])
    assert exact[-1] < 0.8 * exact[0]
    np.testing.assert_allclose(found, exact, rtol=2e-4 if compute.xla else 0.1)


def test_float16_scales_its_loss_and_tells_the_plain_one() -> None:
    model, step = tune(Compute("float16"))
    assert step.scale is not None
    assert tune(Compute("bfloat16"))[1].scale is None
    assert step(BATCH, 0).loss < 10
    assert {weight.dtype for weight in model.weights} == {"float32"}


@pytest.mark.parametrize("micro_batch", [4, 3])
def test_float16_leaves_out_a_step_that_overflows(micro_batch: int) -> None:
    model, step = tune(Compute("float16"))
    step.micro_batch = micro_batch
    step.scale.factor.assign(2.0**40)
    before = model.get_weights()
    assert np.isfinite(step(BATCH, 0).loss)
    assert step.weights_unchanged
    assert all(np.array_equal(*pair) for pair in zip(before, model.get_weights(), strict=True))
    assert float(step.scale.factor) == 2.0**39
    step.scale.factor.assign(2.0**10)
    step(BATCH, 1)
    assert not step.weights_unchanged
    assert not np.array_equal(before[0], model.get_weights()[0])
    assert float(step.scale.factor) == 2.0**10


def test_a_worker_s_stop_is_told_with_the_step() -> None:
    _, step = make()
    assert not step(BATCH, 0, lambda: False).stopping
    assert step(BATCH, 1, lambda: True).stopping


LABELLED = np.asarray([0, 0, 0, 0, 0, 0, 2, 2], np.int32)
NAMES = ["joy", "fear", "anger"]


def weights(labels: NDArray[np.int32] = LABELLED, **params: Any) -> list[float]:
    from emotion.training.label_weights import label_weights

    found = label_weights(TrainingTable(**params).class_weights, NAMES, labels)
    assert found.dtype == np.float32
    return [float(weight) for weight in found]


def test_without_weights_every_label_counts_one() -> None:
    assert weights() == [1.0, 1.0, 1.0]


def test_balanced_labels_count_the_same_in_sum() -> None:
    joy, _, anger = weights(class_weights="balanced")
    assert joy * 6 == pytest.approx(anger * 2)
    assert [joy, anger] == pytest.approx([8 / 12, 2.0])


def test_a_table_counts_one_for_labels_that_it_leaves_out() -> None:
    joy, fear, anger = weights(class_weights={"anger": 3.0})
    assert anger == pytest.approx(3 * joy)
    assert fear == pytest.approx(joy)


@pytest.mark.parametrize("asked", ["balanced", {"anger": 3.0}, {"joy": 0.01, "fear": 50.0}])
def test_the_mean_over_the_rows_of_train_is_one(asked: Any) -> None:
    for labels in (LABELLED, np.arange(3, dtype=np.int32)):
        assert np.take(weights(labels, class_weights=asked), labels).mean() == pytest.approx(1)


def test_a_label_that_train_lacks_changes_nothing_for_the_others() -> None:
    found = weights(class_weights="balanced")
    assert np.isfinite(found).all()
    assert weights(LABELLED[LABELLED != 1], class_weights="balanced") == found
