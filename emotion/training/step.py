"""The training step: loss, gradients and update as one compiled function."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from emotion.models.backend import load_keras
from emotion.models.compute import Compute
from emotion.params import TrainingParams
from emotion.training.batches import Examples
from emotion.training.loss_scale import LossScale
from emotion.training.optimizer import AdamW


class Step:
    """Trains a Keras model one batch at a time; `weights` float32 (labels,) are what each label counts."""

    def __init__(
        self, model: Any, params: TrainingParams, steps: int, weights: NDArray[np.float32], compute: Compute
    ) -> None:
        self.model = model
        self.weights = tf.constant(weights)
        self.optimizer = AdamW(model.trainable_variables, params, steps)
        self.scale = LossScale() if compute.precision == "float16" else None
        self.chance = getattr(model, "chance", None)
        if self.chance:
            self.chance.seed.assign(params.seed % 2**31)
        self.loss = load_keras().losses.CategoricalCrossentropy(
            from_logits=True, label_smoothing=params.label_smoothing, reduction="none"
        )
        self.inputs = [each.name for each in model.inputs]
        signature = {each.name: tf.TensorSpec(each.shape, "int32") for each in model.inputs}
        labels = tf.TensorSpec([None], "int32")
        self._run = tf.function(
            self._train, input_signature=[signature, labels], autograph=False, jit_compile=compute.xla
        )

    def __call__(self, batch: Examples) -> tuple[float, int]:
        """Update the weights by one batch; return the mean loss and the number of right answers."""
        loss, right = self._run(batch.texts.inputs(self.inputs), batch.labels)
        return float(loss), int(right)

    def _train(self, inputs: Any, labels: Any) -> tuple[Any, Any]:
        gradients, loss, right = self._gradients(inputs, labels)
        if self.scale:
            self.scale.apply(gradients, self.optimizer.apply)
        else:
            self.optimizer.apply(gradients)
        if self.chance:
            self.chance.step.assign_add(1)
        return loss, right

    def _gradients(self, inputs: Any, labels: Any) -> tuple[Sequence[Any], Any, Any]:
        """Gradients of the weighted mean loss, that loss, and the number of right answers."""
        if self.chance:
            self.chance.restart()
        variables = self.model.trainable_variables
        with tf.GradientTape() as tape:
            logits = self.model(inputs, training=True)
            losses = self.loss(tf.one_hot(labels, logits.shape[-1]), logits) * tf.gather(self.weights, labels)
            loss = tf.reduce_mean(losses)
            scaled = self.scale.up(loss) if self.scale else loss
        gradients = tape.gradient(scaled, variables, unconnected_gradients="zero")
        right = tf.equal(tf.argmax(logits, axis=-1, output_type=tf.int32), labels)
        return gradients, loss, tf.reduce_sum(tf.cast(right, tf.int32))


def label_weights(params: TrainingParams, names: Sequence[str], labels: NDArray[np.int32]) -> NDArray[np.float32]:
    """What each label counts, float32 (labels,), so that the mean over the rows of train is 1."""
    counts = np.bincount(labels, minlength=len(names))
    if params.class_weights == "none":
        return np.ones(len(names), np.float32)
    if params.class_weights == "balanced":
        weights = 1 / np.maximum(counts, 1)
    else:
        weights = np.asarray([params.class_weights.get(name, 1.0) for name in names])
    return np.asarray(weights * counts.sum() / (weights * counts).sum(), np.float32)
