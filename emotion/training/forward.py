"""Computes a model's logits on texts in memory."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from emotion.text.encoded import Encoded

# Tokens per forward pass: 500 rows of the reference task's 35 words.
EVALUATION_TOKENS = 17_500


class Forward:
    """A model's forward pass, compiled once for batches of any number of rows."""

    def __init__(self, model: Any, tokens: int = EVALUATION_TOKENS) -> None:
        self.tokens, self.labels = tokens, model.output_shape[-1]
        self.inputs = [tensor.name for tensor in model.inputs]
        self._masked = "attention_mask" in self.inputs
        self._any_length = model.inputs[0].shape[1] is None
        signature = {tensor.name: tf.TensorSpec(tensor.shape, "int32") for tensor in model.inputs}
        self._run = tf.function(
            lambda inputs: model(inputs, training=False), input_signature=[signature], autograph=False
        )

    def predict(self, texts: Encoded, stopping: Callable[[], bool] = bool) -> NDArray[np.float32]:
        """Compute logits, float32 (rows, labels). After `stopping` returns True, the remaining rows stay NaN.

        If the model masks padding, rows of similar length run together. Otherwise only rows of equal length do, without
        padding.
        """
        lengths = np.maximum(texts.lengths, 1) if self._any_length else np.full(len(texts), texts.ids.shape[1])
        order = np.argsort(lengths, kind="stable")
        logits = np.full((len(texts), self.labels), np.nan, np.float32)
        for rows in self._slices(lengths[order]):
            if stopping():
                break
            batch = texts.rows(order[rows]).padded_to(int(lengths[order[rows]].max()))
            logits[order[rows]] = self._run(batch.inputs(self.inputs))
        return logits

    def _slices(self, lengths: NDArray[np.int32]) -> Iterator[slice]:
        """Cut rows, sorted by length, into slices of at most `tokens` tokens, or of one row."""
        first = 0
        while first < len(lengths):
            end = len(lengths) if self._masked else int(np.searchsorted(lengths, lengths[first], side="right"))
            last = min(first + max(1, self.tokens // int(lengths[first])), end)
            # The last row of a slice is its longest.
            last = min(last, first + max(1, self.tokens // int(lengths[last - 1])))
            yield slice(first, last)
            first = last


def scores(logits: NDArray[np.float32], labels: NDArray[np.int32]) -> tuple[float, float]:
    """Give the mean cross-entropy in nats and the accuracy of logits float32 (rows, labels)."""
    losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits)
    return float(tf.reduce_mean(losses)), float((logits.argmax(axis=1) == labels).mean())
