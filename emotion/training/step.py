"""The training step: loss, gradients and update as one compiled function."""

from typing import Any

import tensorflow as tf

from emotion.models.backend import load_keras
from emotion.params import TrainingParams

keras = load_keras()


class Step:
    """Trains a Keras model one batch at a time; `ids` int32 (batch, places), `labels` int32 (batch,)."""

    def __init__(self, model: Any, params: TrainingParams, steps: int) -> None:
        self.model = model
        self.optimizer = make_optimizer(params, steps)
        self.optimizer.build(model.trainable_variables)
        self.loss = keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=params.label_smoothing)
        self.averaged = params.average > 0
        self.run = tf.function(self._update, jit_compile=params.xla)

    def __call__(self, ids: Any, labels: Any) -> Any:
        """Update the weights by one batch; return (mean loss, right answers) as a float32 tensor (2,)."""
        return self.run(tf.convert_to_tensor(ids), tf.convert_to_tensor(labels))

    def _update(self, ids: Any, labels: Any) -> Any:
        with tf.GradientTape() as tape:
            logits = self.model(ids, training=True)
            loss = self.loss(tf.one_hot(labels, logits.shape[-1]), logits)
        gradients = tape.gradient(loss, self.model.trainable_variables)
        self.optimizer.apply([tf.convert_to_tensor(gradient) for gradient in gradients])
        right = tf.equal(tf.argmax(logits, axis=-1, output_type=tf.int32), labels)
        return tf.stack([loss, tf.reduce_sum(tf.cast(right, tf.float32))])

    def swap_in_average(self) -> list[Any]:
        """Put the running average into the model, where there is one; return the weights it replaces."""
        replaced = self.model.get_weights()
        if self.averaged:
            self.optimizer.finalize_variable_values(self.model.trainable_variables)
        return replaced


def make_optimizer(params: TrainingParams, steps: int) -> Any:
    """AdamW with linear warm-up and cosine decay to zero over `steps` steps."""
    warmup = round(params.warmup * steps)
    schedule = keras.optimizers.schedules.CosineDecay(
        initial_learning_rate=0.0 if warmup else params.learning_rate,
        decay_steps=max(steps - warmup, 1),
        warmup_target=params.learning_rate if warmup else None,
        warmup_steps=warmup,
    )
    return keras.optimizers.AdamW(
        schedule,
        weight_decay=params.weight_decay,
        global_clipnorm=params.clip_norm or None,
        use_ema=params.average > 0,
        ema_momentum=params.average or 0.99,
    )
