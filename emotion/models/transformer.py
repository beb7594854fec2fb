"""A transformer that classifies: embeddings, encoder and head as one Keras model."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from emotion.models.backend import load_keras
from emotion.models.config import EncoderConfig

# The inputs of the model and of its ONNX file, all (batch, length).
IDS, MASK, TYPES = "input_ids", "attention_mask", "token_type_ids"


def input_names(config: EncoderConfig) -> tuple[str, ...]:
    """What the model takes: what the family's tokenizer gives."""
    return (IDS, MASK, TYPES) if config.token_types > 1 else (IDS, MASK)


def build_transformer(config: EncoderConfig, labels: int, name: str, precision: str = "float32") -> Any:
    """Build the model with random weights; `precision` is what it computes in, weights are float32.

    Takes a dictionary of `input_names`, int32 (batch, length), and gives logits float32 (batch, labels). Its
    `chance` is what dropout draws from.
    """
    keras = load_keras()
    from emotion.models.encoder import Block, Embeddings, Encoder
    from emotion.models.layers import Classification, DropoutSeed, MaskBias
    from emotion.models.mobilebert import MobileBlock, MobileEmbeddings

    policy = precision if precision == "float32" else f"mixed_{precision}"
    chance = DropoutSeed()
    embeddings, block = (MobileEmbeddings, MobileBlock) if config.mobile else (Embeddings, Block)
    with _policy(keras, policy):
        inputs = {each: keras.Input((None,), dtype="int32", name=each) for each in input_names(config)}
        types = inputs.get(TYPES, keras.ops.zeros_like(inputs[IDS]))
        hidden = embeddings(config, chance, name="embeddings")(inputs[IDS], types)
        bias = MaskBias(name="mask_bias")(inputs[MASK])
        hidden = Encoder(config, chance, block, name="encoder")(hidden, bias, first_only=True)
        logits = Classification(config.head, labels, config, chance, name="head")(hidden)
        model = keras.Model(inputs, logits, name=name)
    model.chance = chance
    return model


@contextmanager
def _policy(keras: Any, name: str) -> Iterator[None]:
    """What layers that are made meanwhile compute in."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(name)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)
