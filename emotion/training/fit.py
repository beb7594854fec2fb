"""Fitting: epoch by epoch over arrays in memory, keeping the weights that are best on validation."""

import math
import time
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from emotion.params import TrainingParams
from emotion.training.batches import Examples, batches
from emotion.training.progress import Epoch, Listener
from emotion.training.step import Step

EVALUATION_ROWS = 500


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


def fit(model: Any, train: Examples, validation: Examples, params: TrainingParams, listener: Listener) -> Fitted:
    """Train `model` and leave it with the weights of the epoch that was best on validation.

    Best is the highest validation accuracy; a tie goes to the lower validation loss.
    """
    started = time.monotonic()
    steps = math.ceil(len(train.labels) / min(params.batch_size, len(train.labels)))
    step = Step(model, params, steps * params.epochs)
    forward = tf.function(lambda ids: model(ids, training=False), reduce_retracing=True)
    best, weights, epochs = None, model.get_weights(), []
    listener.on_start(params.epochs, steps * min(params.batch_size, len(train.labels)))
    for number in range(1, params.epochs + 1):
        begun = time.monotonic()
        trained = _train_epoch(step, train, params, number, listener)
        step.optimizer.swap_in_average()
        validation_loss, accuracy = _scores(predict(forward, validation.ids), validation.labels)
        better = best is None or (accuracy, -validation_loss) > (best.validation_accuracy, -best.validation_loss)
        now = time.monotonic()
        epoch = Epoch(
            epoch=number,
            **trained,
            validation_loss=validation_loss,
            validation_accuracy=accuracy,
            seconds=now - started,
            # At the pace of this epoch: the first one compiled.
            seconds_left=(now - begun) * (params.epochs - number),
            best=better,
        )
        epochs.append(epoch)
        listener.on_epoch(epoch)
        if best is None or better:
            best, weights = epoch, model.get_weights()
        step.optimizer.swap_in_average()
        if number - best.epoch >= params.patience:
            break
    model.set_weights(weights)
    assert best is not None  # noqa: S101  there is at least one epoch
    return Fitted(epochs, best, time.monotonic() - started)


def _train_epoch(
    step: Step, train: Examples, params: TrainingParams, number: int, listener: Listener
) -> dict[str, float]:
    """Train on every batch; return loss, accuracy and throughput of the epoch."""
    begun = time.monotonic()
    rows = right = 0
    loss = 0.0
    for batch in batches(train, params, number):
        batch_loss, batch_right = step(batch.ids, batch.labels)
        rows += len(batch.labels)
        right += batch_right
        loss += batch_loss * len(batch.labels)
        listener.on_rows(len(batch.labels))
    return {
        "loss": loss / rows,
        "accuracy": right / rows,
        "samples_per_second": rows / (time.monotonic() - begun),
    }


def predict(forward: Any, ids: NDArray[np.int32]) -> NDArray[np.float32]:
    """Logits float32 (rows, labels) of token ids int32 (rows, places); `forward` is a model or a compiled one."""
    starts = range(0, len(ids), EVALUATION_ROWS)
    return np.concatenate(
        [np.asarray(forward(tf.convert_to_tensor(ids[start : start + EVALUATION_ROWS]))) for start in starts]
    )


def _scores(logits: NDArray[np.float32], labels: NDArray[np.int32]) -> tuple[float, float]:
    """Mean cross-entropy and accuracy."""
    losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits)
    return float(tf.reduce_mean(losses)), float((logits.argmax(axis=1) == labels).mean())
