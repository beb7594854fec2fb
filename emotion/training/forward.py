"""A trained model's logits on rows in memory."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from emotion.text.encoded import Encoded

# What a forward pass takes at once: 500 rows of the reference task's 35 words.
EVALUATION_TOKENS = 17_500


class Forward:
    """A model's logits, compiled once for batches of any number of rows."""

    def __init__(self, model: Any, tokens: int = EVALUATION_TOKENS) -> None:
        self.tokens, self.labels = tokens, model.output_shape[-1]
        self.inputs = [each.name for each in model.inputs]
        signature = {each.name: tf.TensorSpec(each.shape, "int32") for each in model.inputs}
        self._run = tf.function(
            lambda inputs: model(inputs, training=False), input_signature=[signature], autograph=False
        )

    def predict(self, texts: Encoded, stopping: Callable[[], bool] = bool) -> NDArray[np.float32]:
        """Logits float32 (rows, labels); rows that were not reached before `stopping` are NaN.

        Where padding is masked, rows of about one length run together.
        """
        masked = "attention_mask" in self.inputs
        order = np.argsort(texts.lengths, kind="stable") if masked else np.arange(len(texts))
        logits = np.full((len(texts), self.labels), np.nan, np.float32)
        for rows in self._portions(texts.lengths[order] if masked else np.full(len(texts), texts.ids.shape[1])):
            if stopping():
                break
            batch = texts.rows(order[rows])
            if masked:
                batch = batch.narrowed(max(int(batch.lengths.max()), 1))
            logits[order[rows]] = self._run(batch.inputs(self.inputs))
        return logits

    def _portions(self, lengths: NDArray[np.int32]) -> Iterator[slice]:
        """Slices of rows, shortest first, that hold about so many tokens each."""
        first = 0
        while first < len(lengths):
            last = min(first + max(1, self.tokens // max(int(lengths[first]), 1)), len(lengths))
            # The last row of a portion is its longest.
            last = min(last, first + max(1, self.tokens // max(int(lengths[last - 1]), 1)))
            yield slice(first, last)
            first = last


def scores(logits: NDArray[np.float32], labels: NDArray[np.int32]) -> tuple[float, float]:
    """Mean cross-entropy and accuracy."""
    losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits)
    return float(tf.reduce_mean(losses)), float((logits.argmax(axis=1) == labels).mean())
