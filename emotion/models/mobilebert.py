"""MobileBERT (Sun et al., ACL 2020): thin blocks between bottlenecks, several feed-forwards each, no normalisation.

Its inputs and outputs are those of the BERT family's encoder, so that heads, training and export are the same.
"""

from typing import Any

import keras
from keras import ops

from emotion.models.config import EncoderConfig, MobileConfig
from emotion.models.layers import Composite, Dropout, DropoutSeed, Embedding, Norm, activate, attend, dense, first_token

# PyTorch's default, which the checkpoints were made with where config.json's own is not used.
EPSILON = 1e-5


class Scale(keras.layers.Layer):
    """Elementwise scale and shift in the place of layer normalisation ("NoNorm", section 3.4)."""

    def build(self, shape: tuple[int | None, ...]) -> None:
        """Make scale and shift."""
        self.gamma = self.add_weight(shape=(shape[-1],), initializer="ones", name="gamma")
        self.beta = self.add_weight(shape=(shape[-1],), initializer="zeros", name="beta")

    def call(self, values: Any) -> Any:
        """Values (..., size), to the same."""
        return values * self.gamma + self.beta


def _norm(mobile: MobileConfig, epsilon: float, name: str = "norm") -> Any:
    return Scale(name=name) if mobile.no_norm else Norm(epsilon, name=name)


class MobileEmbeddings(Composite):
    """Narrow word embeddings, each with its neighbours' beside it, widened; then positions and token types."""

    def __init__(self, config: EncoderConfig, chance: DropoutSeed, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        assert config.mobile  # noqa: S101  a MobileBERT's config has it
        self.trigrams, self.pad_id = config.mobile.trigrams, config.pad_id
        self.size, wide = config.embedding_size, config.hidden_size
        self.word = Embedding(config.vocabulary, self.size, config, name="word")
        self.position = Embedding(config.positions, wide, config, name="position")
        self.token_type = Embedding(config.token_types, wide, config, name="token_type")
        self.transformation = dense(config.hidden_size, config, "transformation")
        self.widened = self.trigrams or config.embedding_size != config.hidden_size
        self.norm = _norm(config.mobile, EPSILON)
        self.dropout = Dropout(config.dropout, chance, name="dropout")
        self.detail = f"{config.vocabulary:,} tokens, {self.size} features"

    def build(self, *_: Any) -> None:
        """Make the transformation even where it is not used: checkpoints have it."""
        self.transformation.build((None, 3 * self.size if self.trigrams else self.size))

    def call(self, ids: Any, types: Any, training: bool = False) -> Any:
        """Token ids and token types (batch, length) to (batch x length, hidden size)."""
        words = self.word(ids)
        if self.trigrams:
            # Padding is nothing, as the row's end is: the last token's result must not depend on the batch's length.
            words = words * ops.cast(ops.not_equal(ids, self.pad_id), words.dtype)[..., None]
            around = ops.pad(words, ((0, 0), (1, 1), (0, 0)))
            words = ops.concatenate([around[:, 2:], words, around[:, :-2]], axis=-1)
        places = self.position(ops.arange(ops.shape(ids)[1])) + self.token_type(types)
        hidden = ops.reshape(words, (-1, words.shape[-1]))
        hidden = self.transformation(hidden) if self.widened else hidden
        hidden = hidden + ops.reshape(places, (-1, places.shape[-1]))
        return self.dropout(self.norm(hidden), training=training)


class Narrow(Composite):
    """The bottleneck's way in: a dense layer and its normalisation."""

    def __init__(self, config: EncoderConfig, mobile: MobileConfig, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.dense = dense(mobile.inner_size, config, "dense")
        self.norm = _norm(mobile, config.epsilon)

    def call(self, hidden: Any) -> Any:
        """(..., hidden size) to (..., inner size)."""
        return self.norm(self.dense(hidden))


class FeedForward(Composite):
    """Widen, activate, narrow, add, normalise."""

    def __init__(self, config: EncoderConfig, chance: DropoutSeed, epsilon: float, rate: float, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        assert config.mobile  # noqa: S101  a MobileBERT's config has it
        mobile = config.mobile
        self.activation = config.activation
        self.intermediate = dense(config.intermediate_size, config, "intermediate")
        self.output_dense = dense(mobile.inner_size, config, "output")
        self.dropout = Dropout(rate, chance, name="dropout")
        self.norm = _norm(mobile, epsilon)

    def call(self, hidden: Any, training: bool = False) -> Any:
        """(..., inner size), to the same."""
        wide = activate(self.activation, self.intermediate(hidden))
        return self.norm(self.dropout(self.output_dense(wide), training=training) + hidden)


class MobileBlock(Composite):
    """One layer: through the bottleneck, attention, several feed-forwards, and out again."""

    def __init__(self, config: EncoderConfig, chance: DropoutSeed, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        assert config.mobile  # noqa: S101  a MobileBERT's config has it
        mobile = self.mobile = config.mobile
        self.heads = config.heads
        size = mobile.inner_size
        # Without the bottleneck a block drops where BERT's does; with it, only at the way out.
        rate = 0.0 if mobile.bottleneck else config.dropout
        if mobile.bottleneck:
            self.narrow_input = Narrow(config, mobile, name="narrow_input")
            self.narrow_shared = Narrow(config, mobile, name="narrow_shared") if mobile.shared_bottleneck else None
            self.widen = dense(config.hidden_size, config, "widen")
            self.widen_norm = _norm(mobile, config.epsilon, "widen_norm")
            self.widen_dropout = Dropout(config.dropout, chance, name="widen_dropout")
        self.query, self.key, self.value = (dense(size, config, name) for name in ("query", "key", "value"))
        self.attention_dropout = Dropout(config.attention_dropout, chance, name="attention_dropout")
        self.attention_output = dense(size, config, "attention_output")
        self.output_dropout = Dropout(rate, chance, name="output_dropout")
        self.attention_norm = _norm(mobile, config.epsilon, "attention_norm")
        self.feedforwards = [
            FeedForward(config, chance, config.epsilon, 0.0, name=f"feedforward_{index}")
            for index in range(mobile.feedforwards - 1)
        ]
        self.last = FeedForward(config, chance, EPSILON, rate, name="last")

    def _inputs(self, hidden: Any) -> tuple[Any, Any, Any]:
        """What query and key, value, and the residual connection are made from (table 1, "shared")."""
        if not self.mobile.bottleneck:
            return hidden, hidden, hidden
        narrow = self.narrow_input(hidden)
        # Checkpoints have it even where it is not used; the graph leaves out what nobody reads.
        shared = self.narrow_shared(hidden) if self.narrow_shared else hidden
        return (narrow, narrow, narrow) if self.mobile.bottleneck_attention else (shared, hidden, narrow)

    def call(self, hidden: Any, bias: Any, first_only: bool = False, training: bool = False) -> Any:
        """Hidden states (batch x length, size) to the same, or to (batch, size) for the first token alone."""
        length = ops.shape(bias)[-1]
        shared, values, narrow = self._inputs(hidden)
        asking = shared
        if first_only:
            asking, narrow, hidden = (first_token(each, length) for each in (shared, narrow, hidden))
        mixed = attend(
            self.query(asking),
            self.key(shared),
            self.value(values),
            bias,
            heads=self.heads,
            places=1 if first_only else length,
            dropout=self.attention_dropout,
            training=training,
        )
        attended = self.output_dropout(self.attention_output(mixed), training=training)
        inner = self.attention_norm(attended + narrow)
        for feedforward in (*self.feedforwards, self.last):
            inner = feedforward(inner, training=training)
        if not self.mobile.bottleneck:
            return inner
        wide = self.widen_dropout(self.widen(inner), training=training)
        return self.widen_norm(wide + hidden)
