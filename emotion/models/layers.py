"""What the encoders are made of: normalisation, dropout that can be repeated, activations, attention, the head."""

import math
from typing import Any

import keras
import tensorflow as tf
from keras import ops

from emotion.models.config import Activation, EncoderConfig, Head

# Added to the scores of padding. Softmax makes it nothing, and float16 still holds it.
MASKED = -10_000.0
# More than any model draws in a step.
MOST_DRAWS = 4096
# Between the seeds of two rows, so that seeds that a person counts up do not meet them.
ROW_STRIDE = 1_000_003


class DropoutSeed:
    """What every dropout draws from: a seed a call of the model, and the number of the draw within it.

    What is dropped is a function of these two alone, so that a training can be repeated and resumed; the
    state of Keras' own generator cannot be saved.
    """

    def __init__(self) -> None:
        self.seed: Any = None
        self.draws = 0

    def start(self, seed: int, step: Any, row: Any) -> None:
        """Seed the next call of the model, in the same trace: by the training's seed, its step, and its first row.

        `step` and `row` are int32 scalars. `row` tells the parts of a batch apart.
        """
        self.seed = tf.stack([seed + row * ROW_STRIDE, step * MOST_DRAWS])
        self.draws = 0

    def draw(self) -> Any:
        """The next seed, int32 (2,)."""
        self.draws += 1
        return self.seed + tf.constant([0, self.draws])


class Dropout(keras.layers.Layer):
    """Zeroes values with probability `rate` while training, and scales the others up.

    With `features` whole features go, at all places of a row: values are then (batch, places, features).
    """

    def __init__(self, rate: float, chance: DropoutSeed, features: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.rate, self.chance, self.features = rate, chance, features

    def call(self, values: Any, training: bool = False) -> Any:
        """Values of any shape, to the same."""
        if not training or not self.rate:
            return values
        shape = tf.shape(values)
        if self.features:
            shape = tf.stack([shape[0], 1, shape[2]])
        kept = _bits(shape, self.chance.draw()) >= round(self.rate * 65536)
        return values * tf.cast(kept, values.dtype) * (1 / (1 - self.rate))


def _bits(shape: Any, seed: Any) -> Any:
    """Draw numbers below 65,536, int32 of `shape`: a generated number serves two values."""
    count = tf.reduce_prod(shape)
    drawn = tf.random.stateless_uniform([(count + 1) // 2], seed, None, None, tf.uint32)
    halves = tf.reshape(tf.bitcast(drawn, tf.uint16), [-1])[:count]
    return tf.reshape(tf.cast(halves, tf.int32), shape)


class Composite(keras.layers.Layer):
    """A layer made of layers, which build themselves when they are first called.

    Without a `build` of its own Keras would try the call out, each layer of each: for MobileBERT half a minute.
    """

    def build(self, *_: Any) -> None:
        """Nothing."""


class Norm(keras.layers.Layer):
    """Layer normalisation over the last axis, in float32 (Ba et al., 2016), in the form that onnxruntime fuses."""

    def __init__(self, epsilon: float, **kwargs: Any) -> None:
        super().__init__(autocast=False, **kwargs)
        self.epsilon = epsilon

    def build(self, shape: tuple[int | None, ...]) -> None:
        """Make scale and shift."""
        self.gamma = self.add_weight(shape=(shape[-1],), initializer="ones", name="gamma")
        self.beta = self.add_weight(shape=(shape[-1],), initializer="zeros", name="beta")

    def call(self, values: Any) -> Any:
        """Values (..., size), to the same."""
        wide = ops.cast(values, "float32")
        centred = wide - ops.mean(wide, axis=-1, keepdims=True)
        variance = ops.mean(tf.pow(centred, 2.0), axis=-1, keepdims=True)
        scaled = centred / ops.sqrt(variance + self.epsilon) * self.gamma + self.beta
        return ops.cast(scaled, self.compute_dtype)


def activate(name: Activation, values: Any) -> Any:
    """Apply an activation; Keras' own GELU becomes an operator that tf2onnx cannot convert."""
    if name == "gelu":
        return values * 0.5 * (1 + ops.erf(values / math.sqrt(2)))
    if name == "gelu_tanh":
        return values * 0.5 * (1 + ops.tanh(math.sqrt(2 / math.pi) * (values + 0.044715 * ops.power(values, 3))))
    return {"relu": ops.relu, "silu": ops.silu, "tanh": ops.tanh, "linear": lambda same: same}[name](values)


def dense(units: int, config: EncoderConfig, name: str) -> Any:
    """A dense layer that starts as BERT's do."""
    return keras.layers.Dense(units, kernel_initializer=initializer(config), name=name)


def initializer(config: EncoderConfig) -> Any:
    """The truncated normal distribution that the checkpoint's family starts from."""
    return keras.initializers.TruncatedNormal(stddev=config.initializer_range)


class Embedding(keras.layers.Layer):
    """Rows of a table by their numbers; Keras' own also takes negative ones, which clutters the exported graph."""

    def __init__(self, rows: int, size: int, config: EncoderConfig, **kwargs: Any) -> None:
        super().__init__(autocast=False, **kwargs)
        self.shape, self.start = (rows, size), initializer(config)

    def build(self, _: Any) -> None:
        """Make the table."""
        self.table = self.add_weight(shape=self.shape, initializer=self.start, name="embeddings")

    def call(self, numbers: Any) -> Any:
        """Numbers of any shape to (..., size)."""
        return ops.cast(tf.gather(self.table.value, numbers), self.compute_dtype)


def attend(
    query: Any, key: Any, value: Any, bias: Any, *, heads: int, places: Any, dropout: Dropout, training: bool
) -> Any:
    """Scaled dot-product attention (Vaswani et al., 2017, section 3.2) over `heads` heads.

    `query` is (batch x places, size), `key` and `value` (batch x length, size); `bias` (batch, 1, 1, length) is
    added to the scores. Gives (batch x places, size).
    """
    size = query.shape[-1] // heads
    query = _split(query, places, heads)
    key, value = (_split(each, ops.shape(bias)[-1], heads) for each in (key, value))
    scores = ops.matmul(query * (1 / math.sqrt(size)), ops.transpose(key, (0, 1, 3, 2))) + bias
    weights = dropout(ops.softmax(scores, axis=-1), training=training)
    mixed = ops.transpose(ops.matmul(weights, value), (0, 2, 1, 3))
    return ops.reshape(mixed, (-1, size * heads))


def _split(values: Any, places: Any, heads: int) -> Any:
    """(batch x places, size) to (batch, heads, places, size / heads)."""
    shape = (-1, places, heads, values.shape[-1] // heads)
    return ops.transpose(ops.reshape(values, shape), (0, 2, 1, 3))


def first_token(hidden: Any, length: Any) -> Any:
    """(batch x length, size) to (batch, size)."""
    return ops.reshape(hidden, (-1, length, hidden.shape[-1]))[:, 0]


class MaskBias(keras.layers.Layer):
    """Attention mask (batch, length), 1 for a token and 0 for padding, to what is added to the scores."""

    def call(self, mask: Any) -> Any:
        """(batch, 1, 1, length): 0 for a token, a large negative number for padding."""
        return ((1 - ops.cast(mask, self.compute_dtype)) * MASKED)[:, None, None, :]


class Classification(keras.layers.Layer):
    """The head: the first token's hidden state, a dense layer with an activation in most families, the logits."""

    def __init__(self, head: Head, labels: int, config: EncoderConfig, chance: DropoutSeed, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.head = head
        self.first = Dropout(head.dropout if head.drop_first else 0.0, chance, name="first_dropout")
        self.pooler = dense(config.hidden_size, config, "pooler") if head.pooler else None
        self.dropout = Dropout(head.dropout, chance, name="dropout")
        self.classifier = dense(labels, config, "classifier")
        self.detail = (
            f"pooler {config.hidden_size} {head.pooler}, {labels:,} units" if head.pooler else f"{labels:,} units"
        )

    def build(self, shape: tuple[int | None, ...]) -> None:
        """Make the weights, so that they can be loaded."""
        if self.pooler:
            self.pooler.build((None, shape[-1]))
        self.classifier.build((None, shape[-1]))

    def call(self, hidden: Any, training: bool = False) -> Any:
        """Hidden states of the first token (batch, size) to logits float32 (batch, labels)."""
        first = self.first(hidden, training=training)
        if self.pooler and self.head.pooler:
            first = activate(self.head.pooler, self.pooler(first))
        return ops.cast(self.classifier(self.dropout(first, training=training)), "float32")
