"""The configuration of an encoder: sizes and switches, in one form for all families."""

from dataclasses import dataclass
from typing import Literal

# Families by `model_type` in config.json, with the prefix of the encoder's tensors in a model with a head.
FAMILIES = {
    "bert": "bert",
    "distilbert": "distilbert",
    "albert": "albert",
    "mobilebert": "mobilebert",
    "roberta": "roberta",
    "xlm-roberta": "roberta",
    "camembert": "roberta",
    "electra": "electra",
}
Activation = Literal["gelu", "gelu_tanh", "relu", "silu", "tanh", "linear"]


@dataclass(frozen=True)
class Head:
    """The classification head, from the first token's hidden state to the logits.

    `pooler` is the activation of a dense layer of the hidden size; None means no pooler. `drop_first` adds dropout
    before the pooler.
    """

    pooler: Activation | None
    drop_first: bool
    dropout: float


@dataclass(frozen=True)
class MobileConfig:
    """The configuration specific to MobileBERT (Sun et al., ACL 2020, table 1), with Hugging Face's names.

    `intra_bottleneck_size` is the hidden size inside a block; without bottlenecks, it equals the encoder's hidden size.
    `feedforwards` is the number of feed-forward networks in a block.
    """

    intra_bottleneck_size: int
    feedforwards: int
    trigrams: bool
    use_bottleneck: bool
    use_bottleneck_attention: bool
    key_query_shared_bottleneck: bool
    no_norm: bool


@dataclass(frozen=True)
class EncoderConfig:
    """Sizes and switches of an encoder.

    `order` gives the index of the block at every layer: ALBERT repeats its blocks, in groups of `group_size`.
    """

    family: str
    vocabulary: int
    positions: int
    first_position: int
    token_types: int
    embedding_size: int
    hidden_size: int
    projection: bool
    order: tuple[int, ...]
    group_size: int
    heads: int
    intermediate_size: int
    activation: Activation
    epsilon: float
    dropout: float
    attention_dropout: float
    initializer_range: float
    pad_id: int
    head: Head
    mobile: MobileConfig | None = None

    @property
    def max_length(self) -> int:
        """Most tokens of a text, including special tokens: the encoder's positions."""
        return self.positions - self.first_position
