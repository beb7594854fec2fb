"""Loads TensorFlow and Keras without messages, seeds them, and sets the number of threads."""

import contextlib
import os
from collections.abc import Iterator
from typing import Any

from emotion.errors import UnavailableError
from emotion.hardware import usable_cores
from emotion.reader import for_reader


def load_keras() -> Any:
    """Import Keras on TensorFlow without its start-up messages.

    Raises:
        UnavailableError: the training packages are not installed.
    """
    os.environ["KERAS_BACKEND"] = "tensorflow"
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    try:
        with _quiet():
            import keras
            import tensorflow  # noqa: F401
    except ImportError as error:
        raise UnavailableError(
            f"training needs TensorFlow and Keras: {error}",
            for_reader("pip install 'emotion[train]'", "use the training image: --image"),
        ) from error
    return keras


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Drop messages of TensorFlow's libraries while they load, before any log level applies."""
    stderr = os.dup(2)
    with open(os.devnull, "wb") as null:  # noqa: PTH123  a device, not a path of ours
        os.dup2(null.fileno(), 2)
    try:
        yield
    finally:
        os.dup2(stderr, 2)
        os.close(stderr)


def prepare(seed: int, threads: int, *, deterministic: bool = False) -> None:
    """Seed all generators and set the number of threads (0: all usable cores). Call it before any operation.

    `deterministic` operations give the same bits in every run on the same hardware with the same number of threads.
    """
    keras = load_keras()
    import tensorflow as tf

    keras.utils.set_random_seed(seed)
    tf.config.threading.set_intra_op_parallelism_threads(threads or usable_cores())
    if deterministic:
        tf.config.experimental.enable_op_determinism()
