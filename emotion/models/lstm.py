"""LSTM: reads the words in order, from both ends."""

from typing import Any

from emotion.models.backend import load_keras
from emotion.params.schema import LstmTable


def build(params: LstmTable, vocabulary: int, labels: int) -> Any:
    """Embedding(vocabulary, 128) - Bidirectional(LSTM 128) - Dense 64 - Dense 32 - Dense `labels`.

    Takes token ids int32 (batch, any length), gives logits float32 (batch, labels). A vocabulary of 8,126 and
    six labels make 1,322,022 parameters. There is no masking layer: padding stands in front, and a mask
    would turn the one ONNX LSTM operator into two loops. Its `chance` is what dropout draws from.
    """
    keras = load_keras()
    from emotion.models.layers import Dropout, DropoutSeed

    chance = DropoutSeed()
    inputs = keras.Input((None,), dtype="int32", name="input_ids")
    words = keras.layers.Embedding(vocabulary, params.embedding_dim, name="embedding")(inputs)
    words = Dropout(params.feature_dropout, chance, features=True, name="feature_dropout")(words)
    words = Dropout(params.embedding_dropout, chance, name="embedding_dropout")(words)
    hidden = keras.layers.Bidirectional(keras.layers.LSTM(params.units, name="lstm"), name="bidirectional")(words)
    hidden = Dropout(params.units_dropout, chance, name="units_dropout")(hidden)
    for index, units in enumerate(params.hidden, start=1):
        hidden = keras.layers.Dense(units, activation="relu", name=f"dense_{index}")(hidden)
    outputs = keras.layers.Dense(labels, name="logits")(hidden)
    model = keras.Model({"input_ids": inputs}, outputs, name="lstm")
    model.chance = chance
    return model
