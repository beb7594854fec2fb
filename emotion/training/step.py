"""The training step: loss, gradients, update, and the running average of the weights."""

from typing import Any

import tensorflow as tf

from emotion.models.backend import load_keras
from emotion.params import TrainingParams

keras = load_keras()
# The average starts as the mean of the first steps and slows down to `[training] average` (Polyak, with the
# ramp of TensorFlow's ExponentialMovingAverage), so that it is of use from the first epoch.
RAMP = 10.0
LAST_RATE = 0.02


class Step:
    """Trains a Keras model one batch at a time; `ids` int32 (batch, places), `labels` int32 (batch,)."""

    def __init__(self, model: Any, params: TrainingParams, steps: int) -> None:
        self.model = model
        self.average = params.average
        self.optimizer = keras.optimizers.Adam(_schedule(params, steps))
        self.optimizer.build(model.trainable_variables)
        self.loss = keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=params.label_smoothing)
        self.averages = [tf.Variable(variable) for variable in model.trainable_variables]
        # Adam reads and writes four arrays of the embedding's size: XLA makes that one pass (1.7 times as fast
        # for the ANN). The model itself stays outside, where dropout's random numbers are cheap.
        self._apply = tf.function(self._update, jit_compile=True)
        self._run = tf.function(self._train, reduce_retracing=True)

    def __call__(self, ids: Any, labels: Any) -> tuple[float, int]:
        """Update the weights by one batch; return the mean loss and the number of right answers."""
        loss, right = self._run(tf.convert_to_tensor(ids), tf.convert_to_tensor(labels))
        return float(loss), int(right)

    def _train(self, ids: Any, labels: Any) -> tuple[Any, Any]:
        with tf.GradientTape() as tape:
            logits = self.model(ids, training=True)
            loss = self.loss(tf.one_hot(labels, logits.shape[-1]), logits)
        gradients = tape.gradient(loss, self.model.trainable_variables)
        self._apply(*(tf.convert_to_tensor(gradient) for gradient in gradients))
        right = tf.equal(tf.argmax(logits, axis=-1, output_type=tf.int32), labels)
        return loss, tf.reduce_sum(tf.cast(right, tf.int32))

    def _update(self, *gradients: Any) -> None:
        self.optimizer.apply(list(gradients))
        if not self.average:
            return
        done = tf.cast(self.optimizer.iterations, tf.float32)
        keep = tf.minimum(self.average, done / (done + RAMP))
        for average, variable in zip(self.averages, self.model.trainable_variables, strict=True):
            average.assign(keep * average + (1 - keep) * tf.convert_to_tensor(variable))

    def swap_in_average(self) -> None:
        """Exchange the model's weights for their running average; called again, it exchanges them back."""
        if not self.average:
            return
        for average, variable in zip(self.averages, self.model.trainable_variables, strict=True):
            current = tf.identity(variable)
            variable.assign(average)
            average.assign(current)


def _schedule(params: TrainingParams, steps: int) -> Any:
    """Learning rate: linear warm-up over a share of the steps, then a cosine down to a fiftieth."""
    warmup = round(params.warmup * steps)
    return keras.optimizers.schedules.CosineDecay(
        initial_learning_rate=params.learning_rate / max(warmup, 1),
        decay_steps=max(steps - warmup, 1),
        alpha=LAST_RATE,
        warmup_target=params.learning_rate if warmup else None,
        warmup_steps=warmup,
    )
