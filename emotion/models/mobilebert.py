"""MobileBERT (Sun et al., ACL 2020): blocks with bottlenecks, stacked feed-forward networks, and NoNorm.

Inputs and outputs are the same as in `encoder.py`: heads, training and export are shared.
"""

from typing import Any

import keras
from keras import ops

from emotion.models.config import EncoderConfig, MobileConfig
from emotion.models.layers import Composite, Dropout, DropoutSeed, Embedding, Norm, activate, attend, dense, first_token

# PyTorch's default. Some parts of Hugging Face's MobileBERT use this and ignore the value in config.json.
EPSILON = 1e-5


class NoNorm(keras.layers.Layer):
    """Elementwise scale and shift instead of layer normalization (section 3.4)."""

    def build(self, shape: tuple[int | None, ...]) -> None:
        """Create scale and shift."""
        self.gamma = self.add_weight(shape=(shape[-1],), initializer="ones", name="gamma")
        self.beta = self.add_weight(shape=(shape[-1],), initializer="zeros", name="beta")

    def call(self, values: Any) -> Any:
        """Scale and shift values (..., size); the shape stays."""
        return values * self.gamma + self.beta


def _norm(mobile: MobileConfig, epsilon: float, name: str = "norm") -> Any:
    return NoNorm(name=name) if mobile.no_norm else Norm(epsilon, name=name)


class MobileEmbeddings(Composite):
    """Word embeddings, concatenated with both neighbors' embeddings and projected; plus positions and token types."""

    def __init__(self, config: EncoderConfig, dropout_seed: DropoutSeed, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        assert config.mobile  # noqa: S101  a MobileBERT's config has it
        self.trigrams, self.pad_id = config.mobile.trigrams, config.pad_id
        self.size, hidden_size = config.embedding_size, config.hidden_size
        self.word = Embedding(config.vocabulary, self.size, config, name="word")
        self.position = Embedding(config.positions, hidden_size, config, name="position")
        self.token_type = Embedding(config.token_types, hidden_size, config, name="token_type")
        self.transformation = dense(hidden_size, config, "transformation")
        self.transformed = self.trigrams or config.embedding_size != hidden_size
        self.norm = _norm(config.mobile, EPSILON)
        self.dropout = Dropout(config.dropout, dropout_seed, name="dropout")
        self.detail = f"{config.vocabulary:,} tokens, {self.size} features"

    def build(self, *_: Any) -> None:
        """Create the transformation's weights even if unused: pretrained models have them."""
        self.transformation.build((None, 3 * self.size if self.trigrams else self.size))

    def call(self, ids: Any, types: Any, training: bool = False) -> Any:
        """Embed token ids and token types, int32 (batch, length), as (batch x length, hidden size)."""
        words = self.word(ids)
        if self.trigrams:
            # Padding counts as zero, like the row's end: the last token's result must not depend on the padded length.
            words = words * ops.cast(ops.not_equal(ids, self.pad_id), words.dtype)[..., None]
            padded = ops.pad(words, ((0, 0), (1, 1), (0, 0)))
            words = ops.concatenate([padded[:, 2:], words, padded[:, :-2]], axis=-1)
        positions = self.position(ops.arange(ops.shape(ids)[1])) + self.token_type(types)
        hidden = ops.reshape(words, (-1, words.shape[-1]))
        hidden = self.transformation(hidden) if self.transformed else hidden
        hidden = hidden + ops.reshape(positions, (-1, positions.shape[-1]))
        return self.dropout(self.norm(hidden), training=training)


class Bottleneck(Composite):
    """The linear layer before a block, from the hidden size to the block's inner size, with normalization."""

    def __init__(self, config: EncoderConfig, mobile: MobileConfig, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.dense = dense(mobile.intra_bottleneck_size, config, "dense")
        self.norm = _norm(mobile, config.epsilon)

    def call(self, hidden: Any) -> Any:
        """Project (..., hidden size) to (..., intra-bottleneck size)."""
        return self.norm(self.dense(hidden))


class FeedForward(Composite):
    """A feed-forward network with residual connection and normalization."""

    def __init__(
        self, config: EncoderConfig, dropout_seed: DropoutSeed, epsilon: float, rate: float, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        assert config.mobile  # noqa: S101  a MobileBERT's config has it
        mobile = config.mobile
        self.activation = config.activation
        self.intermediate = dense(config.intermediate_size, config, "intermediate")
        self.output_dense = dense(mobile.intra_bottleneck_size, config, "output")
        self.dropout = Dropout(rate, dropout_seed, name="dropout")
        self.norm = _norm(mobile, epsilon)

    def call(self, hidden: Any, training: bool = False) -> Any:
        """Transform hidden states (..., intra-bottleneck size); the shape stays."""
        intermediate = activate(self.activation, self.intermediate(hidden))
        return self.norm(self.dropout(self.output_dense(intermediate), training=training) + hidden)


class MobileBlock(Composite):
    """An encoder layer: input bottleneck, attention, feed-forward networks, output bottleneck."""

    def __init__(self, config: EncoderConfig, dropout_seed: DropoutSeed, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        assert config.mobile  # noqa: S101  a MobileBERT's config has it
        mobile = self.mobile = config.mobile
        self.heads = config.heads
        size = mobile.intra_bottleneck_size
        # Without bottlenecks, a block has dropout in the same places as BERT; with bottlenecks, only after the output.
        rate = 0.0 if mobile.use_bottleneck else config.dropout
        if mobile.use_bottleneck:
            shared = mobile.key_query_shared_bottleneck
            self.input_bottleneck = Bottleneck(config, mobile, name="input_bottleneck")
            self.shared_bottleneck = Bottleneck(config, mobile, name="shared_bottleneck") if shared else None
            self.output_bottleneck = dense(config.hidden_size, config, "output_bottleneck")
            self.output_bottleneck_norm = _norm(mobile, config.epsilon, "output_bottleneck_norm")
            self.output_bottleneck_dropout = Dropout(config.dropout, dropout_seed, name="output_bottleneck_dropout")
        self.query, self.key, self.value = (dense(size, config, name) for name in ("query", "key", "value"))
        self.attention_dropout = Dropout(config.attention_dropout, dropout_seed, name="attention_dropout")
        self.attention_output = dense(size, config, "attention_output")
        self.output_dropout = Dropout(rate, dropout_seed, name="output_dropout")
        self.attention_norm = _norm(mobile, config.epsilon, "attention_norm")
        self.feedforwards = [
            FeedForward(config, dropout_seed, config.epsilon, 0.0, name=f"feedforward_{index}")
            for index in range(mobile.feedforwards - 1)
        ]
        self.last = FeedForward(config, dropout_seed, EPSILON, rate, name="last")

    def _inputs(self, hidden: Any) -> tuple[Any, Any, Any]:
        """Give the inputs for query and key, for value, and for the residual connection (table 1)."""
        if not self.mobile.use_bottleneck:
            return hidden, hidden, hidden
        reduced = self.input_bottleneck(hidden)
        # Pretrained models have the shared bottleneck even if unused; then the exported graph does not have it.
        shared = self.shared_bottleneck(hidden) if self.shared_bottleneck else hidden
        return (reduced, reduced, reduced) if self.mobile.use_bottleneck_attention else (shared, hidden, reduced)

    def call(self, hidden: Any, bias: Any, first_only: bool = False, training: bool = False) -> Any:
        """Transform hidden states (batch x length, size); with `first_only`, return the first token's (batch, size)."""
        length = ops.shape(bias)[-1]
        shared, values, reduced = self._inputs(hidden)
        queried = shared
        if first_only:
            queried, reduced, hidden = (first_token(states, length) for states in (shared, reduced, hidden))
        context = attend(
            self.query(queried),
            self.key(shared),
            self.value(values),
            bias,
            heads=self.heads,
            query_length=1 if first_only else length,
            dropout=self.attention_dropout,
            training=training,
        )
        attended = self.output_dropout(self.attention_output(context), training=training)
        inner = self.attention_norm(attended + reduced)
        for feedforward in (*self.feedforwards, self.last):
            inner = feedforward(inner, training=training)
        if not self.mobile.use_bottleneck:
            return inner
        output = self.output_bottleneck_dropout(self.output_bottleneck(inner), training=training)
        return self.output_bottleneck_norm(output + hidden)
