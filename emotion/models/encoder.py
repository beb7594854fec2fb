"""The encoder of the BERT family: BERT, DistilBERT, ALBERT, RoBERTa, XLM-RoBERTa, CamemBERT, ELECTRA, MiniLM.

Devlin et al., NAACL 2019, after Vaswani et al., 2017: embeddings, then blocks of attention and feed-forward, each
followed by a residual connection and normalisation. What differs among the families is in `EncoderConfig`.

Hidden states are (batch x length, size), a row a token: matrix products and normalisations are then plain, and
export as such.
"""

from typing import Any

from keras import ops

from emotion.models.config import EncoderConfig
from emotion.models.layers import Composite, Dropout, DropoutSeed, Embedding, Norm, activate, attend, dense, first_token


class Embeddings(Composite):
    """Word + position + token type, normalised; projected to the hidden size where that is another."""

    def __init__(self, config: EncoderConfig, chance: DropoutSeed, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.config, size = config, config.embedding_size
        self.word = Embedding(config.vocabulary, size, config, name="word")
        self.position = Embedding(config.positions, size, config, name="position")
        self.token_type = Embedding(config.token_types, size, config, name="token_type") if config.token_types else None
        self.norm = Norm(config.epsilon, name="norm")
        self.dropout = Dropout(config.dropout, chance, name="dropout")
        self.detail = f"{config.vocabulary:,} tokens, {size} features"
        self.projection = dense(config.hidden_size, config, "projection") if config.projection else None

    def call(self, ids: Any, types: Any, training: bool = False) -> Any:
        """Token ids and token types (batch, length) to (batch x length, hidden size)."""
        first = self.config.first_position
        hidden = self.word(ids) + self.position(ops.arange(first, first + ops.shape(ids)[1]))
        if self.token_type:
            hidden = hidden + self.token_type(types)
        hidden = ops.reshape(hidden, (-1, hidden.shape[-1]))
        hidden = self.dropout(self.norm(hidden), training=training)
        return self.projection(hidden) if self.projection else hidden


class Block(Composite):
    """One layer of the encoder: attention, then feed-forward."""

    def __init__(self, config: EncoderConfig, chance: DropoutSeed, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.config = config
        size = config.hidden_size
        self.query, self.key, self.value = (dense(size, config, name) for name in ("query", "key", "value"))
        self.attention_dropout = Dropout(config.attention_dropout, chance, name="attention_dropout")
        self.attention_output = dense(size, config, "attention_output")
        self.attention_norm = Norm(config.epsilon, name="attention_norm")
        self.intermediate = dense(config.intermediate_size, config, "intermediate")
        self.output_dense = dense(size, config, "output")
        self.output_norm = Norm(config.epsilon, name="output_norm")
        self.dropouts = [Dropout(config.dropout, chance, name=f"dropout_{index}") for index in range(2)]

    def call(self, hidden: Any, bias: Any, first_only: bool = False, training: bool = False) -> Any:
        """Hidden states (batch x length, size) to the same, or to (batch, size) for the first token alone."""
        length = ops.shape(bias)[-1]
        asking = first_token(hidden, length) if first_only else hidden
        mixed = attend(
            self.query(asking),
            self.key(hidden),
            self.value(hidden),
            bias,
            heads=self.config.heads,
            places=1 if first_only else length,
            dropout=self.attention_dropout,
            training=training,
        )
        attended = self.dropouts[0](self.attention_output(mixed), training=training)
        attended = self.attention_norm(attended + asking)
        wide = activate(self.config.activation, self.intermediate(attended))
        return self.output_norm(self.dropouts[1](self.output_dense(wide), training=training) + attended)


class Encoder(Composite):
    """The stack of blocks; in ALBERT the same block stands at many layers.

    With `first_only` the last block computes the first token alone, which is all that the head reads: for six
    layers a seventh of the work less.
    """

    def __init__(self, config: EncoderConfig, chance: DropoutSeed, block: type[Any] = Block, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.order = config.order
        self.blocks = [block(config, chance, name=f"layer_{index}") for index in range(max(config.order) + 1)]
        shared = f" that share {len(self.blocks)}" if len(self.blocks) < len(self.order) else ""
        kinds = f"{config.heads} attention heads, feed-forward {config.intermediate_size:,}"
        self.detail = f"{len(self.order)} layers{shared}: {kinds}"

    def call(self, hidden: Any, bias: Any, first_only: bool = False, training: bool = False) -> Any:
        """Hidden states (batch x length, size) and the mask's bias (batch, 1, 1, length) to hidden states."""
        for place, index in enumerate(self.order, start=1):
            last = first_only and place == len(self.order)
            hidden = self.blocks[index](hidden, bias, first_only=last, training=training)
        return hidden
