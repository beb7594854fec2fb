"""Fitting: epoch by epoch over arrays in memory, keeping the weights that are best on validation."""

import math
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from emotion.models.compute import Compute
from emotion.params import TrainingParams
from emotion.text.encoded import Encoded
from emotion.training.batches import Examples, batches
from emotion.training.progress import Epoch, Listener
from emotion.training.step import Step

# What a forward pass takes at once: 500 rows of the reference task's 35 words.
EVALUATION_TOKENS = 17_500


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
    *,
    weights: NDArray[np.float32],
    compute: Compute,
) -> Fitted:
    """Train `model` and leave it with the weights of the epoch that was best on validation.

    Best is the highest validation accuracy; a tie goes to the lower validation loss. `weights` float32
    (labels,) are what each label counts.
    """
    started = time.monotonic()
    size = min(params.batch_size, len(train))
    steps = math.ceil(len(train) / size)
    step = Step(model, params, steps * params.epochs, weights, compute)
    forward = Forward(model)
    best, kept, epochs = None, model.get_weights(), []
    listener.on_start(params.epochs, steps * size)
    for number in range(1, params.epochs + 1):
        begun = time.monotonic()
        trained = _train_epoch(step, batches(train, params, number, compute.multiple), listener)
        step.optimizer.swap_in_average()
        validation_loss, accuracy = _scores(forward.predict(validation.texts), validation.labels)
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
            best, kept = epoch, model.get_weights()
        step.optimizer.swap_in_average()
        if number - best.epoch >= params.patience:
            break
    model.set_weights(kept)
    assert best is not None  # noqa: S101  there is at least one epoch
    return Fitted(epochs, best, time.monotonic() - started)


def _train_epoch(step: Step, epoch: Iterable[Examples], listener: Listener) -> dict[str, float]:
    """Train on every batch; return loss, accuracy and throughput of the epoch."""
    begun = time.monotonic()
    rows = right = 0
    loss = 0.0
    for batch in epoch:
        batch_loss, batch_right = step(batch)
        rows += len(batch)
        right += batch_right
        loss += batch_loss * len(batch)
        listener.on_rows(len(batch))
    return {
        "loss": loss / rows,
        "accuracy": right / rows,
        "samples_per_second": rows / (time.monotonic() - begun),
    }


class Forward:
    """A model's logits, compiled once for batches of any number of rows."""

    def __init__(self, model: Any) -> None:
        self.inputs = [each.name for each in model.inputs]
        signature = {each.name: tf.TensorSpec(each.shape, "int32") for each in model.inputs}
        self._run = tf.function(
            lambda inputs: model(inputs, training=False), input_signature=[signature], autograph=False
        )

    def predict(self, texts: Encoded) -> NDArray[np.float32]:
        """Logits float32 (rows, labels). Where padding is masked, rows of about one length run together."""
        masked = "attention_mask" in self.inputs
        order = np.argsort(texts.lengths, kind="stable") if masked else np.arange(len(texts))
        logits = []
        for rows in _portions(texts.lengths[order] if masked else np.full(len(texts), texts.ids.shape[1])):
            batch = texts.rows(order[rows])
            if masked:
                batch = batch.narrowed(max(int(batch.lengths.max()), 1))
            logits.append(np.asarray(self._run(batch.inputs(self.inputs))))
        together = np.concatenate(logits)
        back = np.empty_like(together)
        back[order] = together
        return back


def _portions(lengths: NDArray[np.int32]) -> Iterator[slice]:
    """Slices of rows, shortest first, that hold about EVALUATION_TOKENS each."""
    first = 0
    while first < len(lengths):
        last = min(first + max(1, EVALUATION_TOKENS // max(int(lengths[first]), 1)), len(lengths))
        # The last row of a portion is its longest.
        last = min(last, first + max(1, EVALUATION_TOKENS // max(int(lengths[last - 1]), 1)))
        yield slice(first, last)
        first = last


def _scores(logits: NDArray[np.float32], labels: NDArray[np.int32]) -> tuple[float, float]:
    """Mean cross-entropy and accuracy."""
    losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits)
    return float(tf.reduce_mean(losses)), float((logits.argmax(axis=1) == labels).mean())
