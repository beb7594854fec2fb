"""ANN: every word at its place, straight into dense layers."""

from typing import Any

from emotion.models.backend import load_keras
from emotion.params import AnnParams


def build(params: AnnParams, vocabulary: int, length: int, labels: int) -> Any:
    """Embedding(vocabulary, 128) - Flatten over `length` places - Dense 64 - Dense 32 - Dense `labels`.

    Takes token ids int32 (batch, length), gives logits float32 (batch, labels). A vocabulary of 8,126, 35
    places and six labels make 1,329,190 parameters.
    """
    keras = load_keras()
    inputs = keras.Input((length,), dtype="int32", name="input_ids")
    words = keras.layers.Embedding(vocabulary, params.embedding_dim, name="embedding")(inputs)
    flat = keras.layers.Flatten(name="flatten")(words)
    hidden = flat
    for index, units in enumerate(params.hidden, start=1):
        hidden = keras.layers.Dense(units, activation="relu", name=f"dense_{index}")(hidden)
    outputs = keras.layers.Dense(labels, name="logits")(hidden)
    return keras.Model(inputs, outputs, name="ann")
