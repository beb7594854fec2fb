"""Scalars of a training: which there are, at which steps, by whom, and that they change nothing."""

from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from emotion.params.schema import WordTrainingTable
from emotion.signals import DeferredSignals
from emotion.training.progress import Epoch
from tests.events import read_scalars
from tests.training.small import ANN, build_words, differing, examples, fitting, make_step, ready, reset, state

if TYPE_CHECKING:
    from emotion.training.scalars import Scalars

TRAIN, VALIDATION = examples(28, 1), examples(12, 2)
STEP = ("loss", "accuracy", "rows_per_second", "learning_rate", "gradient_norm")
EPOCH = ("loss", "accuracy", "validation_loss", "validation_accuracy", "rows_per_second")


def make(folder: Path, *, steps_per_epoch: int = 3, epochs: int = 2, **options: bool) -> "Scalars":
    ready()
    from emotion.training.scalars import Scalars

    return Scalars(folder, steps_per_epoch, steps_per_epoch * epochs, print, **options)


def train(scalars: "Scalars", steps_per_epoch: int, epochs: int) -> None:
    """Give the scalars of a whole training."""
    from emotion.training.step import StepResult

    with closing(scalars.files):
        scalars.resume(0, 0)
        for step in range(1, steps_per_epoch * epochs + 1):
            scalars.add_step(step, StepResult(step / 8, 2, False, 0.5, float("nan")), 4, 0.5)
            if step % steps_per_epoch == 0:
                number = step // steps_per_epoch
                scalars.add_epoch(Epoch(number, 1.5, 0.5, 1.25, 0.75, 8.0, 1.0, 1.0, best=True))


def by_tag(folder: Path) -> dict[str, list[tuple[int, float]]]:
    found: dict[str, list[tuple[int, float]]] = {}
    for tag, step, value in read_scalars(folder):
        found.setdefault(tag, []).append((step, value))
    return found


def test_a_short_training_has_every_step_and_every_epoch(tmp_path: Path) -> None:
    train(make(tmp_path), 3, 2)
    found = by_tag(tmp_path)
    assert found["step/loss"] == [(step, step / 8) for step in range(1, 7)]
    assert found["step/accuracy"][0] == (1, 0.5)
    assert found["epoch/validation_accuracy"] == [(1, 0.75), (2, 0.75)]
    # What a step lacks has no point, and NaN none either.
    assert set(found) == {f"step/{name}" for name in STEP[:-1]} | {f"epoch/{name}" for name in EPOCH}


def test_a_long_training_has_one_of_several_steps_and_the_last_of_every_epoch(tmp_path: Path) -> None:
    train(make(tmp_path, steps_per_epoch=1001, epochs=2), 1001, 2)
    steps = [step for step, _ in by_tag(tmp_path)["step/loss"]]
    assert steps == sorted({*range(3, 2003, 3), 1001, 2002})


def test_events_that_may_need_a_pass_for_the_norm_are_few(tmp_path: Path) -> None:
    scalars = make(tmp_path, steps_per_epoch=1001, epochs=2)
    assert [step for step in range(1, 200) if scalars.measures_norm(step)] == [75, 150]


@pytest.mark.parametrize("options", [{"on": False}, {"chief": False}])
def test_who_writes_no_scalars(tmp_path: Path, options: dict[str, bool]) -> None:
    scalars = make(tmp_path / "none", **options)
    train(scalars, 3, 2)
    assert not any(map(scalars.measures_norm, range(1, 100)))
    assert not (tmp_path / "none").exists()


def test_only_the_chief_removes_what_training_repeats(tmp_path: Path) -> None:
    train(make(tmp_path), 3, 2)
    whole = read_scalars(tmp_path)
    make(tmp_path, chief=False).resume(1, 0)
    assert read_scalars(tmp_path) == whole
    make(tmp_path, on=False).resume(1, 0)
    assert by_tag(tmp_path).keys() == {f"step/{name}" for name in STEP[:-1]}


def test_a_checkpoint_before_validation_covers_the_steps_of_its_epoch_alone(tmp_path: Path) -> None:
    train(make(tmp_path), 3, 2)
    make(tmp_path).resume(3, 1)
    assert [step for step, _ in by_tag(tmp_path)["epoch/loss"]] == [1]
    make(tmp_path).resume(3, 0)
    found = by_tag(tmp_path)
    assert "epoch/loss" not in found
    assert [step for step, _ in found["step/loss"]] == [1, 2, 3]


def expected_norm(step: Any, data: Any) -> float:
    """Norm of the gradients of the next step, by a tape of its own."""
    import tensorflow as tf

    with tf.GradientTape() as tape:
        logits = step.model(data.texts.inputs(step.inputs), training=True)
        losses = tf.nn.sparse_softmax_cross_entropy_with_logits(data.labels, logits)
        loss = tf.reduce_mean(losses)
    gradients = map(tf.convert_to_tensor, tape.gradient(loss, step.model.trainable_variables))
    return float(np.sqrt(sum(float(np.square(gradient.numpy()).sum()) for gradient in gradients)))


@pytest.mark.parametrize("micro_batch", [10_000, 5])
@pytest.mark.parametrize("clip_norm", [0.0, 0.01])
def test_the_norm_is_that_before_clipping(clip_norm: float, micro_batch: int) -> None:
    ready()
    step = make_step(build_words(ANN), WordTrainingTable(clip_norm=clip_norm), micro_batch=micro_batch)
    expected = expected_norm(step, TRAIN)
    assert expected > 0.01
    result = step(TRAIN, 0, measure=True)
    assert result is not None
    assert result.gradient_norm == pytest.approx(expected, rel=1e-4)
    assert result.learning_rate == pytest.approx(1e-3)
    unasked = step(TRAIN, 1)
    assert unasked is not None
    assert np.isnan(unasked.gradient_norm) == (clip_norm == 0)


def test_a_training_is_the_same_with_and_without_scalars(tmp_path: Path) -> None:
    ready()
    params = WordTrainingTable(epochs=12, batch_size=8)
    steps = [make_step(build_words(ANN), params, steps=48) for _ in range(2)]
    reset(steps[1], state(steps[0]))
    for step, name in zip(steps, ("on", "off"), strict=True):
        training = fitting(step, TRAIN, VALIDATION, params, tmp_path / name)
        training.scalars.writes = name == "on"
        training.run(DeferredSignals())
    assert differing(*map(state, steps)) == []
    assert not (tmp_path / "off" / "tensorboard").exists()
    norms = by_tag(tmp_path / "on" / "tensorboard")["step/gradient_norm"]
    assert [step for step, _ in norms] == [25]
    assert all(norm > 0 for _, norm in norms)
