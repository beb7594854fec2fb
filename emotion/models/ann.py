"""ANN: every word at its place, straight into dense layers."""

from typing import Any

from emotion.models.backend import load_keras
from emotion.params.schema import AnnTable


def build(params: AnnTable, vocabulary: int, length: int, labels: int) -> Any:
    """Embedding(vocabulary, 128) - Flatten over `length` places - Dense 64 - Dense 32 - Dense `labels`.

    Takes token ids int32 (batch, length), gives logits float32 (batch, labels). A vocabulary of 8,126, 35
    places and six labels make 1,329,190 parameters.
    """
    keras = load_keras()
    from emotion.models.layers import Dropout, DropoutSeed

    chance = DropoutSeed()
    inputs = keras.Input((length,), dtype="int32", name="input_ids")
    words = keras.layers.Embedding(vocabulary, params.embedding_dim, name="embedding")(inputs)
    words = Dropout(params.feature_dropout, chance, features=True, name="feature_dropout")(words)
    words = Dropout(params.embedding_dropout, chance, name="embedding_dropout")(words)
    flat = keras.layers.Flatten(name="flatten")(words)
    hidden = flat
    for index, units in enumerate(params.hidden, start=1):
        start = _same_at_every_place(length) if index == 1 and params.same_start else "glorot_uniform"
        hidden = keras.layers.Dense(units, activation="relu", kernel_initializer=start, name=f"dense_{index}")(hidden)
    outputs = keras.layers.Dense(labels, name="logits")(hidden)
    model = keras.Model({"input_ids": inputs}, outputs, name="ann")
    model.chance = chance
    return model


def _same_at_every_place(length: int) -> Any:
    """Start the first dense layer with the same weights at every place: it then begins as a bag of words.

    Where a word stands says little in a short text, and so little has to be unlearnt. Glorot's bounds are
    those of one place.
    """
    keras = load_keras()

    def start(shape: tuple[int, int], dtype: str | None = None) -> Any:
        one = keras.initializers.GlorotUniform(seed=keras.random.SeedGenerator())((shape[0] // length, shape[1]), dtype)
        return keras.ops.tile(one, (length, 1))

    return start
