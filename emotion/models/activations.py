"""Bytes of activations that a row takes while its gradients are computed: estimates, from what the layers keep.

The factors count the tensors of each kind that the backward pass reads; tests/benchmarks/memory.py holds the sums
against what a process really takes.
"""

from emotion.models.compute import Precision
from emotion.models.config import EncoderConfig
from emotion.params.schema import AnnTable, LstmTable

FLOAT = 4


def transformer_row(config: EncoderConfig, length: int, precision: Precision) -> int:
    """A row of `length` tokens through all blocks of an encoder."""
    size = FLOAT if precision == "float32" else FLOAT // 2
    hidden, wide = config.hidden_size, config.intermediate_size
    thin = config.mobile.inner_size if config.mobile else hidden
    feedforwards = config.mobile.feedforwards if config.mobile else 1
    token = (
        size * (4.5 * hidden + 4.5 * thin + feedforwards * (3.5 * wide + 2 * (thin < hidden) * thin)) + FLOAT * 5 * thin
    )
    attention = 4 * size * config.heads * length
    embeddings = FLOAT * 8 * max(config.embedding_size, hidden)
    return round(length * (len(config.order) * (token + attention) + embeddings))


def word_row(params: AnnTable | LstmTable, length: int) -> int:
    """A row of `length` words through the ANN or the LSTM."""
    embedded = 6 * params.embedding_dim
    if isinstance(params, AnnTable):
        return FLOAT * (length * embedded + 4 * sum(params.hidden))
    return FLOAT * (length * (embedded + 2 * 16 * params.units) + 4 * sum(params.hidden))
