"""Changes of variables on one replica: every replica makes the same, so that its copy stays equal to the others'.

TensorFlow's own methods would have them averaged over the replicas first.
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
    """Give this replica's copy of `variable`, also of one that is not the same on all."""
    return tf.raw_ops.ReadVariableOp(resource=variable.handle, dtype=variable.dtype)
