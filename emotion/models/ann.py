"""ANN: dense layers over the concatenated embeddings of all words."""

from typing import Any

from emotion.models.backend import load_keras
from emotion.params.schema import AnnTable


def build(params: AnnTable, vocabulary: int, length: int, labels: int) -> Any:
    """Build Embedding(vocabulary, 128) - Flatten over `length` words - Dense 64 - Dense 32 - Dense `labels`.

    The model takes token ids int32 (batch, length) and gives logits float32 (batch, labels). With 8,126 words in the
    vocabulary, a length of 35 and six labels, it has 1,329,190 parameters. `dropout_seed` seeds all dropout.
    """
    keras = load_keras()
    from emotion.models.layers import Dropout, DropoutSeed

    dropout_seed = DropoutSeed()
    inputs = keras.Input((length,), dtype="int32", name="input_ids")
    words = keras.layers.Embedding(vocabulary, params.embedding_dim, name="embedding")(inputs)
    words = Dropout(params.feature_dropout, dropout_seed, features=True, name="feature_dropout")(words)
    words = Dropout(params.embedding_dropout, dropout_seed, name="embedding_dropout")(words)
    flat = keras.layers.Flatten(name="flatten")(words)
    hidden = flat
    for index, units in enumerate(params.hidden, start=1):
        start = _same_at_every_position(length) if index == 1 and params.same_start else "glorot_uniform"
        hidden = keras.layers.Dense(units, activation="relu", kernel_initializer=start, name=f"dense_{index}")(hidden)
    outputs = keras.layers.Dense(labels, name="logits")(hidden)
    model = keras.Model({"input_ids": inputs}, outputs, name="ann")
    model.dropout_seed = dropout_seed
    return model


def _same_at_every_position(length: int) -> Any:
    """Start the first dense layer with the same weights at every position, like a bag of words.

    A word's position means little in a short text, so training starts close to a good solution. Glorot's bounds are
    computed for one position.
    """
    keras = load_keras()

    def start(shape: tuple[int, int], dtype: str | None = None) -> Any:
        glorot = keras.initializers.GlorotUniform(seed=keras.random.SeedGenerator())
        return keras.ops.tile(glorot((shape[0] // length, shape[1]), dtype), (length, 1))

    return start
