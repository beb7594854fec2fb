"""The encoder of the BERT family: BERT, DistilBERT, ALBERT, RoBERTa, XLM-RoBERTa, CamemBERT, ELECTRA, MiniLM.

Devlin et al., NAACL 2019, after Vaswani et al., 2017: embeddings, then blocks. A block has attention and a feed-forward
network, both followed by a residual connection and normalization. `EncoderConfig` holds the differences between
families.

Hidden states are (batch x length, size), one row per token: matrix products and normalizations export as single
ONNX operators.
"""

from typing import Any

from keras import ops

from emotion.models.config import EncoderConfig
from emotion.models.layers import Composite, Dropout, DropoutSeed, Embedding, Norm, activate, attend, dense, first_token


class Embeddings(Composite):
    """Sum of word, position and token type embeddings, normalized, and projected to the hidden size if sizes differ."""

    def __init__(self, config: EncoderConfig, dropout_seed: DropoutSeed, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.config, size = config, config.embedding_size
        self.word = Embedding(config.vocabulary, size, config, name="word")
        self.position = Embedding(config.positions, size, config, name="position")
        self.token_type = Embedding(config.token_types, size, config, name="token_type") if config.token_types else None
        self.norm = Norm(config.epsilon, name="norm")
        self.dropout = Dropout(config.dropout, dropout_seed, name="dropout")
        self.detail = f"{config.vocabulary:,} tokens, {size} features"
        self.projection = dense(config.hidden_size, config, "projection") if config.projection else None

    def call(self, ids: Any, types: Any, training: bool = False) -> Any:
        """Embed token ids and token types, int32 (batch, length), as (batch x length, hidden size)."""
        first = self.config.first_position
        hidden = self.word(ids) + self.position(ops.arange(first, first + ops.shape(ids)[1]))
        if self.token_type:
            hidden = hidden + self.token_type(types)
        hidden = ops.reshape(hidden, (-1, hidden.shape[-1]))
        hidden = self.dropout(self.norm(hidden), training=training)
        return self.projection(hidden) if self.projection else hidden


class Block(Composite):
    """An encoder layer: attention, then a feed-forward network."""

    def __init__(self, config: EncoderConfig, dropout_seed: DropoutSeed, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.config = config
        size = config.hidden_size
        self.query, self.key, self.value = (dense(size, config, name) for name in ("query", "key", "value"))
        self.attention_dropout = Dropout(config.attention_dropout, dropout_seed, name="attention_dropout")
        self.attention_output = dense(size, config, "attention_output")
        self.attention_norm = Norm(config.epsilon, name="attention_norm")
        self.intermediate = dense(config.intermediate_size, config, "intermediate")
        self.output_dense = dense(size, config, "output")
        self.output_norm = Norm(config.epsilon, name="output_norm")
        self.dropouts = [Dropout(config.dropout, dropout_seed, name=f"dropout_{index}") for index in range(2)]

    def call(self, hidden: Any, bias: Any, first_only: bool = False, training: bool = False) -> Any:
        """Transform hidden states (batch x length, size); with `first_only`, return the first token's (batch, size)."""
        length = ops.shape(bias)[-1]
        queried = first_token(hidden, length) if first_only else hidden
        context = attend(
            self.query(queried),
            self.key(hidden),
            self.value(hidden),
            bias,
            heads=self.config.heads,
            query_length=1 if first_only else length,
            dropout=self.attention_dropout,
            training=training,
        )
        attended = self.dropouts[0](self.attention_output(context), training=training)
        attended = self.attention_norm(attended + queried)
        intermediate = activate(self.config.activation, self.intermediate(attended))
        return self.output_norm(self.dropouts[1](self.output_dense(intermediate), training=training) + attended)


class Encoder(Composite):
    """The stack of blocks; ALBERT repeats blocks.

    With `first_only`, the last block computes only the first token, because the head reads no other. With six layers,
    this saves a seventh of the work.
    """

    def __init__(
        self, config: EncoderConfig, dropout_seed: DropoutSeed, block: type[Any] = Block, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.order = config.order
        self.blocks = [block(config, dropout_seed, name=f"layer_{index}") for index in range(max(config.order) + 1)]
        shared = f" that share {len(self.blocks)}" if len(self.blocks) < len(self.order) else ""
        kinds = f"{config.heads} attention heads, feed-forward {config.intermediate_size:,}"
        self.detail = f"{len(self.order)} layers{shared}: {kinds}"

    def call(self, hidden: Any, bias: Any, first_only: bool = False, training: bool = False) -> Any:
        """Transform hidden states (batch x length, size); `bias` (batch, 1, 1, length) is added to attention scores."""
        for layer, index in enumerate(self.order, start=1):
            last = first_only and layer == len(self.order)
            hidden = self.blocks[index](hidden, bias, first_only=last, training=training)
        return hidden
