"""Builds a transformer classifier: embeddings, encoder and head as one Keras model."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from emotion.models.backend import load_keras
from emotion.models.config import EncoderConfig

# Input names of the model and of its ONNX file, all (batch, length).
IDS, MASK, TYPES = "input_ids", "attention_mask", "token_type_ids"


def input_names(config: EncoderConfig) -> tuple[str, ...]:
    """Name the model's inputs: the outputs of the family's tokenizer."""
    return (IDS, MASK, TYPES) if config.token_types > 1 else (IDS, MASK)


def build_transformer(config: EncoderConfig, labels: int, name: str, precision: str = "float32") -> Any:
    """Build the model with random weights, float32; it computes in `precision`.

    The model takes a dictionary of `input_names`, int32 (batch, length), and gives logits float32 (batch, labels).
    `dropout_seed` seeds all dropout.
    """
    keras = load_keras()
    from emotion.models.encoder import Block, Embeddings, Encoder
    from emotion.models.layers import Classification, DropoutSeed, MaskBias
    from emotion.models.mobilebert import MobileBlock, MobileEmbeddings

    policy = precision if precision == "float32" else f"mixed_{precision}"
    dropout_seed = DropoutSeed()
    embeddings, block = (MobileEmbeddings, MobileBlock) if config.mobile else (Embeddings, Block)
    with _dtype_policy(keras, policy):
        inputs = {key: keras.Input((None,), dtype="int32", name=key) for key in input_names(config)}
        types = inputs.get(TYPES, keras.ops.zeros_like(inputs[IDS]))
        hidden = embeddings(config, dropout_seed, name="embeddings")(inputs[IDS], types)
        bias = MaskBias(name="mask_bias")(inputs[MASK])
        hidden = Encoder(config, dropout_seed, block, name="encoder")(hidden, bias, first_only=True)
        logits = Classification(config.head, labels, config, dropout_seed, name="head")(hidden)
        model = keras.Model(inputs, logits, name=name)
    model.dropout_seed = dropout_seed
    return model


@contextmanager
def _dtype_policy(keras: Any, name: str) -> Iterator[None]:
    """Set the dtype policy for layers created in the block."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(name)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)
