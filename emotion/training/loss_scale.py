"""Loss scaling for float16: scales small gradients up, and skips steps that overflow."""

import math
from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf

from emotion.training.variables import assign

# Micikevicius et al., "Mixed precision training", ICLR 2018; the values are the defaults of Keras and PyTorch.
START = 2.0**15
STEPS_TO_DOUBLE = 2000


class LossScale:
    """A factor that halves when a gradient overflows, and doubles after enough steps without overflow."""

    def __init__(self) -> None:
        self.factor = tf.Variable(START, trainable=False)
        self.good = tf.Variable(0, trainable=False)

    def up(self, loss: Any) -> Any:
        """Scale up a loss."""
        return loss * self.factor

    def apply(self, gradients: Sequence[Any], update: Callable[[Sequence[Any]], Any]) -> Any:
        """Scale gradients down and call `update` with them, unless a gradient is infinite or NaN.

        Returns the figures of `update`, float32 (2,): NaN for a skipped step.
        """
        unscaled = [gradient / self.factor for gradient in gradients]
        finite = tf.reduce_all([tf.reduce_all(tf.math.is_finite(gradient)) for gradient in unscaled])

        def apply_update() -> Any:
            figures = update(unscaled)
            count = self.good + 1
            double = count >= STEPS_TO_DOUBLE
            assign(self.factor, tf.where(double, self.factor * 2, self.factor))
            assign(self.good, tf.where(double, 0, count))
            return figures

        def skip_update() -> Any:
            assign(self.factor, tf.maximum(self.factor / 2, 1.0))
            assign(self.good, 0)
            return tf.fill([2], math.nan)

        return tf.cond(finite, apply_update, skip_update)
