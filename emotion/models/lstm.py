"""LSTM: reads the words in order, from both ends."""

from typing import Any

from emotion.models.backend import load_keras
from emotion.params import LstmParams


def build(params: LstmParams, vocabulary: int, labels: int) -> Any:
    """Embedding(vocabulary, 128) - Bidirectional(LSTM 128) - Dense 64 - Dense 32 - Dense `labels`.

    Takes token ids int32 (batch, any length), gives logits float32 (batch, labels). A vocabulary of 8,126 and
    six labels make 1,322,022 parameters. There is no masking layer: padding stands in front, and a mask
    would turn the one ONNX LSTM operator into two loops.
    """
    keras = load_keras()
    inputs = keras.Input((None,), dtype="int32", name="input_ids")
    words = keras.layers.Embedding(vocabulary, params.embedding_dim, name="embedding")(inputs)
    words = keras.layers.SpatialDropout1D(params.feature_dropout, name="feature_dropout")(words)
    words = keras.layers.Dropout(params.embedding_dropout, name="embedding_dropout")(words)
    hidden = keras.layers.Bidirectional(keras.layers.LSTM(params.units, name="lstm"), name="bidirectional")(words)
    hidden = keras.layers.Dropout(params.units_dropout, name="units_dropout")(hidden)
    for index, units in enumerate(params.hidden, start=1):
        hidden = keras.layers.Dense(units, activation="relu", name=f"dense_{index}")(hidden)
    outputs = keras.layers.Dense(labels, name="logits")(hidden)
    return keras.Model({"input_ids": inputs}, outputs, name="lstm")
