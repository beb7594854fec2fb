"""Changes variables on one replica. All replicas make the same changes, so all copies stay equal.

TensorFlow's own methods would average the values over the replicas first.
"""

from typing import Any

import tensorflow as tf


def assign(variable: Any, value: Any) -> None:
    """Replace this replica's copy of `variable`."""
    tf.raw_ops.AssignVariableOp(resource=variable.handle, value=tf.cast(value, variable.dtype))


def add(variable: Any, value: Any) -> None:
    """Add to this replica's copy of `variable`."""
    tf.raw_ops.AssignAddVariableOp(resource=variable.handle, value=value)


def read(variable: Any) -> Any:
    """Read this replica's copy of `variable`; other replicas may have other values."""
    return tf.raw_ops.ReadVariableOp(resource=variable.handle, dtype=variable.dtype)
