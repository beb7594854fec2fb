"""Loads TensorFlow and Keras once, quiet, seeded, and on the threads that the job may use."""

import contextlib
import os
from collections.abc import Iterator
from typing import Any

from emotion.errors import UnavailableError
from emotion.hardware import usable_cores


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
            f"training needs TensorFlow and Keras: {error}", "pip install 'emotion[train]'"
        ) from error
    return keras


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Drop what TensorFlow's libraries say while they load: they write before any log level holds."""
    kept = os.dup(2)
    with open(os.devnull, "wb") as nowhere:  # noqa: PTH123  a device, not a path of ours
        os.dup2(nowhere.fileno(), 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)


def prepare(seed: int, threads: int, *, deterministic: bool = False) -> None:
    """Seed every generator and set the number of threads (0: all usable cores). Call before any operation.

    `deterministic` operations give the same bits every time, on the same hardware and with as many threads.
    """
    keras = load_keras()
    import tensorflow as tf

    keras.utils.set_random_seed(seed)
    tf.config.threading.set_intra_op_parallelism_threads(threads or usable_cores())
    if deterministic:
        tf.config.experimental.enable_op_determinism()
