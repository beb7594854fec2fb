"""The training step: loss, gradients and update as one compiled function."""

from typing import Any

import tensorflow as tf

from emotion.models.backend import load_keras
from emotion.params import TrainingParams
from emotion.training.adam import Adam


class Step:
    """Trains a Keras model one batch at a time; `ids` int32 (batch, places), `labels` int32 (batch,)."""

    def __init__(self, model: Any, params: TrainingParams, steps: int) -> None:
        self.model = model
        self.optimizer = Adam(model.trainable_variables, params, steps)
        self.loss = load_keras().losses.CategoricalCrossentropy(
            from_logits=True, label_smoothing=params.label_smoothing
        )
        self._run = tf.function(self._train, reduce_retracing=True)

    def __call__(self, ids: Any, labels: Any) -> tuple[float, int]:
        """Update the weights by one batch; return the mean loss and the number of right answers."""
        loss, right = self._run(tf.convert_to_tensor(ids), tf.convert_to_tensor(labels))
        return float(loss), int(right)

    def _train(self, ids: Any, labels: Any) -> tuple[Any, Any]:
        with tf.GradientTape() as tape:
            logits = self.model(ids, training=True)
            loss = self.loss(tf.one_hot(labels, logits.shape[-1]), logits)
        self.optimizer.apply(tape.gradient(loss, self.model.trainable_variables))
        right = tf.equal(tf.argmax(logits, axis=-1, output_type=tf.int32), labels)
        return loss, tf.reduce_sum(tf.cast(right, tf.int32))
