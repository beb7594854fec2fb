"""What an encoder is built from: sizes and switches, in one form for every family."""

from dataclasses import dataclass
from typing import Literal

# Families by `model_type`; the value is the prefix of the tensors' names in a checkpoint with a head.
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
    """What stands between the first token's hidden state and the logits.

    `pooler` is a dense layer of the hidden size with that activation, or None; `drop_first` drops values
    before it too.
    """

    pooler: Activation | None
    drop_first: bool
    dropout: float


@dataclass(frozen=True)
class MobileConfig:
    """What only MobileBERT has; sizes as in table 1 of Sun et al., ACL 2020."""

    inner_size: int
    feedforwards: int
    trigrams: bool
    bottleneck: bool
    bottleneck_attention: bool
    shared_bottleneck: bool
    no_norm: bool


@dataclass(frozen=True)
class EncoderConfig:
    """Sizes and switches of one encoder.

    `order` names the block that stands at each layer: ALBERT repeats its blocks, `inner` of which are a group.
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
    inner: int
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
        """The most tokens of a text, special ones counted, that there are positions for."""
        return self.positions - self.first_position
