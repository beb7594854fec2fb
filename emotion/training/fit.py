"""Fitting: epoch by epoch over arrays in memory, keeping the weights that are best on validation."""

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from emotion.params import TrainingParams
from emotion.text.wordlevel import PAD_ID, UNKNOWN_ID
from emotion.training.augment import drop_words, shift_words
from emotion.training.progress import Epoch, Listener
from emotion.training.step import Step

EVALUATION_ROWS = 512


@dataclass(frozen=True)
class Examples:
    """Token ids int32 (rows, places) and labels int32 (rows,)."""

    ids: NDArray[np.int32]
    labels: NDArray[np.int32]


@dataclass(frozen=True)
class Fitted:
    """What fitting took and gave; the model holds the weights of `best`."""

    epochs: list[Epoch]
    best: Epoch
    seconds: float

    @property
    def samples_per_second(self) -> float:
        """Throughput of the last epoch's training steps, which no compilation slows down."""
        return self.epochs[-1].samples_per_second


def fit(
    model: Any,
    train: Examples,
    validation: Examples,
    params: TrainingParams,
    listener: Listener,
) -> Fitted:
    """Train `model` and leave it with the weights of the epoch that was best on validation.

    Best is the highest validation accuracy; a tie goes to the lower validation loss.
    """
    started = time.monotonic()
    batch = min(params.batch_size, len(train.labels))
    steps = math.ceil(len(train.labels) / batch)
    step = Step(model, params, steps * params.epochs)
    logits = tf.function(lambda ids: model(ids, training=False), reduce_retracing=True)
    epochs: list[Epoch] = []
    best, best_weights = None, model.get_weights()
    listener.on_start(params.epochs, steps * batch)
    for number in range(1, params.epochs + 1):
        begun = time.monotonic()
        loss, right = 0.0, 0.0
        for ids, labels in _batches(train, batch, params, number):
            batch_loss, batch_right = map(float, step(ids, labels))
            loss, right = loss + batch_loss / steps, right + batch_right
            listener.on_rows(batch)
        trained = time.monotonic()
        current = step.swap_in_average()
        validation_loss, accuracy = _scores(logits, validation)
        better = best is None or (accuracy, -validation_loss) > (
            best.validation_accuracy,
            -best.validation_loss,
        )
        ended = time.monotonic()
        epoch = Epoch(
            epoch=number,
            loss=loss,
            accuracy=right / (steps * batch),
            validation_loss=validation_loss,
            validation_accuracy=accuracy,
            samples_per_second=steps * batch / (trained - begun),
            seconds=ended - started,
            # The last epoch's pace: the first one compiled.
            seconds_left=(ended - begun) * (params.epochs - number),
            best=better,
        )
        epochs.append(epoch)
        listener.on_epoch(epoch)
        if better:
            best, best_weights = epoch, model.get_weights()
        model.set_weights(current)
        if number - best.epoch >= params.patience:
            break
    model.set_weights(best_weights)
    return Fitted(epochs, best, time.monotonic() - started)


def _batches(
    train: Examples, batch: int, params: TrainingParams, epoch: int
) -> Iterator[tuple[NDArray[np.int32], NDArray[np.int32]]]:
    """Shuffled, augmented batches of one epoch, a function of (seed, epoch) alone.

    All have the same shape, so that nothing is compiled twice: the last one is filled up from the first.
    """
    random = np.random.default_rng([params.seed, epoch])
    order = random.permutation(len(train.labels))
    order = np.resize(order, math.ceil(len(order) / batch) * batch)
    ids = train.ids[order]
    if params.word_dropout:
        ids = drop_words(ids, params.word_dropout, PAD_ID, UNKNOWN_ID, random)
    if params.shift:
        ids = shift_words(ids, PAD_ID, random)
    for start in range(0, len(order), batch):
        yield ids[start : start + batch], train.labels[order[start : start + batch]]


def predict(logits: Any, ids: NDArray[np.int32]) -> NDArray[np.float32]:
    """Logits float32 (rows, labels) of token ids (rows, places)."""
    parts = [
        logits(tf.convert_to_tensor(ids[start : start + EVALUATION_ROWS])).numpy()
        for start in range(0, len(ids), EVALUATION_ROWS)
    ]
    return np.concatenate(parts)


def _scores(logits: Any, examples: Examples) -> tuple[float, float]:
    """Mean cross-entropy and accuracy."""
    given = tf.convert_to_tensor(predict(logits, examples.ids))
    losses = tf.nn.sparse_softmax_cross_entropy_with_logits(examples.labels, given)
    right = given.numpy().argmax(axis=1) == examples.labels
    return float(tf.reduce_mean(losses)), float(right.mean())
