"""The ANN for rows without padding: short rows need only a part of the first dense layer, the costliest part."""

from typing import Any

import keras
import numpy as np
import tensorflow as tf

from emotion.text.vocabulary import PAD_ID


def without_padding(ann: Any) -> Any:
    """Give the same model for rows of any length up to its length, with the same result as for padded rows."""
    embedding, dense, *others = (layer for layer in ann.layers if layer.weights)
    inputs = keras.Input((None,), dtype="int32", name="input_ids")
    hidden = FirstLayers(embedding, dense, name=dense.name)(inputs)
    for layer in others:
        hidden = layer(hidden)
    return keras.Model({"input_ids": inputs}, hidden, name=ann.name)


class FirstLayers(keras.layers.Layer):
    """An embedding and a dense layer over all positions, for rows without padding.

    Takes token ids int32 (batch, length), with at most that many positions, and gives float32 (batch, units).
    """

    def __init__(self, embedding: Any, dense: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.activation = dense.activation
        # Arrays: the graph should have them as constants.
        (self.table,), (self.kernel, bias) = embedding.get_weights(), dense.get_weights()
        by_position = self.kernel.astype(np.float64).reshape(-1, self.table.shape[1], dense.units)
        padded = np.einsum("f,pfu->pu", self.table[PAD_ID].astype(np.float64), by_position)
        # The padding's contribution, by the length of the row.
        behind = np.cumsum([np.zeros(dense.units), *padded[::-1]], axis=0)[::-1]
        self.constant = (behind + bias).astype(np.float32)

    def call(self, ids: Any) -> Any:
        """Apply both layers."""
        length, inputs = tf.shape(ids)[1], tf.shape(ids)[1] * self.table.shape[1]
        words = tf.reshape(tf.gather(tf.constant(self.table), ids), [-1, inputs])
        return self.activation(
            tf.matmul(words, tf.constant(self.kernel)[:inputs]) + tf.gather(tf.constant(self.constant), length)
        )
