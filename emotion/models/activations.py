"""Estimates a row's activations, in bytes, during the gradient computation.

The factors count the tensors that the backward pass reads, by size. tests/benchmarks/memory.py compares the sums with
the memory of a process.
"""

from emotion.models.compute import Precision
from emotion.models.config import EncoderConfig
from emotion.params.schema import AnnTable, LstmTable

# Bytes of a float32.
FLOAT = 4


def transformer_row(config: EncoderConfig, length: int, precision: Precision) -> int:
    """Estimate the bytes for a row of `length` tokens in all blocks of an encoder."""
    size = FLOAT if precision == "float32" else FLOAT // 2
    hidden, intermediate = config.hidden_size, config.intermediate_size
    # The size inside a block; in MobileBERT it is smaller than the size between blocks.
    inner = config.mobile.intra_bottleneck_size if config.mobile else hidden
    feedforwards = config.mobile.feedforwards if config.mobile else 1
    feedforward = 3.5 * intermediate + 2 * (inner < hidden) * inner
    token = size * (4.5 * hidden + 4.5 * inner + feedforwards * feedforward) + FLOAT * 5 * inner
    attention = 4 * size * config.heads * length
    embeddings = FLOAT * 8 * max(config.embedding_size, hidden)
    return round(length * (len(config.order) * (token + attention) + embeddings))


def word_row(params: AnnTable | LstmTable, length: int) -> int:
    """Estimate the bytes for a row of `length` words in the ANN or the LSTM."""
    embedded = 6 * params.embedding_dim
    if isinstance(params, AnnTable):
        return FLOAT * (length * embedded + 4 * sum(params.hidden))
    return FLOAT * (length * (embedded + 2 * 16 * params.units) + 4 * sum(params.hidden))
