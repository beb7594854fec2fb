"""The layers of the encoders: normalization, repeatable dropout, activations, attention, and the head."""

import math
from typing import Any

import keras
import tensorflow as tf
from keras import ops

from emotion.models.config import Activation, EncoderConfig, Head

# Added to the attention scores of padding: softmax gives zero, and float16 can hold this number.
MASKED = -10_000.0
# More random draws than any model makes in a step.
MAX_DRAWS = 4096
# Distance between the seeds of two rows: consecutive training seeds do not collide.
ROW_STRIDE = 1_000_003


class DropoutSeed:
    """The seed of all dropout in a model: one seed per call of the model, and the draw's number in the call.

    Only these two numbers decide what is dropped, so training can be repeated and resumed. The state of Keras' own
    generator cannot be saved.
    """

    def __init__(self) -> None:
        self.seed: Any = None
        self.draws = 0

    def start(self, seed: int, step: Any, row: Any) -> None:
        """Seed the next call of the model, in the same trace, from the training's seed, the step and the first row.

        `step` and `row` are int32 scalars. `row` distinguishes the micro-batches of a batch.
        """
        self.seed = tf.stack([seed + row * ROW_STRIDE, step * MAX_DRAWS])
        self.draws = 0

    def draw(self) -> Any:
        """Give the next seed, int32 (2,)."""
        self.draws += 1
        return self.seed + tf.constant([0, self.draws])


class Dropout(keras.layers.Layer):
    """In training, zeroes values with probability `rate` and scales up the other values.

    With `features`, it drops a feature at all positions of a row; values are then (batch, length, features).
    """

    def __init__(self, rate: float, dropout_seed: DropoutSeed, features: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.rate, self.dropout_seed, self.features = rate, dropout_seed, features

    def call(self, values: Any, training: bool = False) -> Any:
        """Drop values of any shape; the shape stays."""
        if not training or not self.rate:
            return values
        shape = tf.shape(values)
        if self.features:
            shape = tf.stack([shape[0], 1, shape[2]])
        kept = _bits(shape, self.dropout_seed.draw()) >= round(self.rate * 65536)
        return values * tf.cast(kept, values.dtype) * (1 / (1 - self.rate))


def _bits(shape: Any, seed: Any) -> Any:
    """Draw numbers below 65,536, int32 with `shape`: one generated number gives two values."""
    count = tf.reduce_prod(shape)
    drawn = tf.random.stateless_uniform([(count + 1) // 2], seed, None, None, tf.uint32)
    halves = tf.reshape(tf.bitcast(drawn, tf.uint16), [-1])[:count]
    return tf.reshape(tf.cast(halves, tf.int32), shape)


class Composite(keras.layers.Layer):
    """A layer of layers, which are built at their first call.

    Without this `build`, Keras would try the call of every nested layer, which takes half a minute for MobileBERT.
    """

    def build(self, *_: Any) -> None:
        """Do nothing."""


class Norm(keras.layers.Layer):
    """Layer normalization over the last axis, in float32 (Ba et al., 2016), written so that onnxruntime fuses it."""

    def __init__(self, epsilon: float, **kwargs: Any) -> None:
        super().__init__(autocast=False, **kwargs)
        self.epsilon = epsilon

    def build(self, shape: tuple[int | None, ...]) -> None:
        """Create scale and shift."""
        self.gamma = self.add_weight(shape=(shape[-1],), initializer="ones", name="gamma")
        self.beta = self.add_weight(shape=(shape[-1],), initializer="zeros", name="beta")

    def call(self, values: Any) -> Any:
        """Normalize values (..., size); the shape stays."""
        exact = ops.cast(values, "float32")
        centered = exact - ops.mean(exact, axis=-1, keepdims=True)
        variance = ops.mean(tf.pow(centered, 2.0), axis=-1, keepdims=True)
        scaled = centered / ops.sqrt(variance + self.epsilon) * self.gamma + self.beta
        return ops.cast(scaled, self.compute_dtype)


def activate(name: Activation, values: Any) -> Any:
    """Apply an activation. tf2onnx cannot convert Keras' own GELU."""
    if name == "gelu":
        return values * 0.5 * (1 + ops.erf(values / math.sqrt(2)))
    if name == "gelu_tanh":
        return values * 0.5 * (1 + ops.tanh(math.sqrt(2 / math.pi) * (values + 0.044715 * ops.power(values, 3))))
    return {"relu": ops.relu, "silu": ops.silu, "tanh": ops.tanh, "linear": lambda unchanged: unchanged}[name](values)


def dense(units: int, config: EncoderConfig, name: str) -> Any:
    """Make a dense layer with BERT's initialization."""
    return keras.layers.Dense(units, kernel_initializer=initializer(config), name=name)


def initializer(config: EncoderConfig) -> Any:
    """Make the truncated normal distribution of initial weights."""
    return keras.initializers.TruncatedNormal(stddev=config.initializer_range)


class Embedding(keras.layers.Layer):
    """Looks up rows of a table. Keras' own layer handles negative indices, which would clutter the exported graph."""

    def __init__(self, rows: int, size: int, config: EncoderConfig, **kwargs: Any) -> None:
        super().__init__(autocast=False, **kwargs)
        self.shape, self.start = (rows, size), initializer(config)

    def build(self, _: Any) -> None:
        """Create the table."""
        self.table = self.add_weight(shape=self.shape, initializer=self.start, name="embeddings")

    def call(self, indices: Any) -> Any:
        """Look up indices (...) as rows (..., size)."""
        return ops.cast(tf.gather(self.table.value, indices), self.compute_dtype)


def attend(
    query: Any, key: Any, value: Any, bias: Any, *, heads: int, query_length: Any, dropout: Dropout, training: bool
) -> Any:
    """Compute scaled dot-product attention (Vaswani et al., 2017, section 3.2) with `heads` heads.

    `query` is (batch x query length, size), `key` and `value` (batch x length, size); `bias` (batch, 1, 1, length)
    is added to the scores. Returns (batch x query length, size).
    """
    size = query.shape[-1] // heads
    length = ops.shape(bias)[-1]
    query = _split(query, query_length, heads)
    key, value = _split(key, length, heads), _split(value, length, heads)
    scores = ops.matmul(query * (1 / math.sqrt(size)), ops.transpose(key, (0, 1, 3, 2))) + bias
    weights = dropout(ops.softmax(scores, axis=-1), training=training)
    context = ops.transpose(ops.matmul(weights, value), (0, 2, 1, 3))
    return ops.reshape(context, (-1, size * heads))


def _split(values: Any, length: Any, heads: int) -> Any:
    """Split (batch x length, size) into heads: (batch, heads, length, size / heads)."""
    shape = (-1, length, heads, values.shape[-1] // heads)
    return ops.transpose(ops.reshape(values, shape), (0, 2, 1, 3))


def first_token(hidden: Any, length: Any) -> Any:
    """Select the first token of every row: (batch x length, size) to (batch, size)."""
    return ops.reshape(hidden, (-1, length, hidden.shape[-1]))[:, 0]


class MaskBias(keras.layers.Layer):
    """Converts an attention mask (batch, length), 1 for tokens and 0 for padding, to a bias on attention scores."""

    def call(self, mask: Any) -> Any:
        """Give (batch, 1, 1, length): 0 for tokens, a large negative number for padding."""
        return ((1 - ops.cast(mask, self.compute_dtype)) * MASKED)[:, None, None, :]


class Classification(keras.layers.Layer):
    """The head: from the first token's hidden state to the logits; most families have a pooler between them."""

    def __init__(
        self, head: Head, labels: int, config: EncoderConfig, dropout_seed: DropoutSeed, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.head = head
        self.first = Dropout(head.dropout if head.drop_first else 0.0, dropout_seed, name="first_dropout")
        self.pooler = dense(config.hidden_size, config, "pooler") if head.pooler else None
        self.dropout = Dropout(head.dropout, dropout_seed, name="dropout")
        self.classifier = dense(labels, config, "classifier")
        self.detail = (
            f"pooler {config.hidden_size} {head.pooler}, {labels:,} units" if head.pooler else f"{labels:,} units"
        )

    def build(self, shape: tuple[int | None, ...]) -> None:
        """Create the weights for loading."""
        if self.pooler:
            self.pooler.build((None, shape[-1]))
        self.classifier.build((None, shape[-1]))

    def call(self, hidden: Any, training: bool = False) -> Any:
        """Compute logits float32 (batch, labels) from hidden states of the first token (batch, size)."""
        first = self.first(hidden, training=training)
        if self.pooler and self.head.pooler:
            first = activate(self.head.pooler, self.pooler(first))
        return ops.cast(self.classifier(self.dropout(first, training=training)), "float32")
