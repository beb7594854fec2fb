"""LSTM: reads the words in order, in both directions."""

from typing import Any

from emotion.models.backend import load_keras
from emotion.params.schema import LstmTable


def build(params: LstmTable, vocabulary: int, length: int | None, labels: int) -> Any:
    """Build Embedding(vocabulary, 128) - Bidirectional(LSTM 128) - Dense 64 - Dense 32 - Dense `labels`.

    The model takes token ids int32 (batch, length) and gives logits float32 (batch, labels); length None means any
    length. With 8,126 words in the vocabulary and six labels, it has 1,322,022 parameters. A masking layer would turn
    the single ONNX LSTM operator into two loops, so the model reads padding instead. At inference, rows have no
    padding. `dropout_seed` seeds all dropout.
    """
    keras = load_keras()
    from emotion.models.layers import Dropout, DropoutSeed

    dropout_seed = DropoutSeed()
    inputs = keras.Input((length,), dtype="int32", name="input_ids")
    words = keras.layers.Embedding(vocabulary, params.embedding_dim, name="embedding")(inputs)
    words = Dropout(params.feature_dropout, dropout_seed, features=True, name="feature_dropout")(words)
    words = Dropout(params.embedding_dropout, dropout_seed, name="embedding_dropout")(words)
    hidden = keras.layers.Bidirectional(keras.layers.LSTM(params.units, name="lstm"), name="bidirectional")(words)
    hidden = Dropout(params.units_dropout, dropout_seed, name="units_dropout")(hidden)
    for index, units in enumerate(params.hidden, start=1):
        hidden = keras.layers.Dense(units, activation="relu", name=f"dense_{index}")(hidden)
    outputs = keras.layers.Dense(labels, name="logits")(hidden)
    model = keras.Model({"input_ids": inputs}, outputs, name="lstm")
    model.dropout_seed = dropout_seed
    return model
