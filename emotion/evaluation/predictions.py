"""Writes and reads a model's predictions for a split, in a run's `predictions/`."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from emotion.errors import BadDataError, InputMissingError
from emotion.store.atomic import replacing


@dataclass(frozen=True)
class Predictions:
    """Digests of the texts S16 (rows,), true labels int (rows,), logits float32 (rows, classes)."""

    row: NDArray[np.bytes_]
    label: NDArray[np.int32]
    logits: NDArray[np.float32]

    @property
    def predicted(self) -> NDArray[np.intp]:
        """The label with the highest logit, int (rows,)."""
        labels: NDArray[np.intp] = np.argmax(self.logits, axis=1)
        return labels

    @property
    def correct(self) -> NDArray[np.bool_]:
        """Whether the prediction is the true label, bool (rows,)."""
        return np.equal(self.predicted, self.label)


def write_predictions(
    path: Path, texts: Sequence[str], labels: NDArray[np.int32], logits: NDArray[np.float32]
) -> Predictions:
    """Write digests (first 16 hex digits of a text's SHA-256), labels and logits, without pickled objects."""
    digests = np.asarray([hashlib.sha256(text.encode()).hexdigest()[:16] for text in texts], dtype="S16")
    with replacing(path) as temporary:
        np.savez_compressed(temporary, row=digests, label=labels, logits=logits)
    return Predictions(digests, labels, logits)


def read_predictions(path: Path, classes: int) -> Predictions:
    """Read and check the predictions of a run with `classes` labels, without unpickling.

    Raises:
        InputMissingError: the file does not exist.
        BadDataError: the file is damaged, or has another number of labels.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            # NumPy returns a member that is not an array as bytes.
            found = Predictions(*(np.asarray(file[key]) for key in ("row", "label", "logits")))
    except FileNotFoundError as error:
        raise InputMissingError(f"no such file: {path}") from error
    except Exception as error:  # errors from zip, deflate and NumPy's headers have no common class
        raise BadDataError(f"{path} holds no predictions: {error}") from error
    _check(path, found, classes)
    return found


def _check(path: Path, found: Predictions, classes: int) -> None:
    rows = len(found.row) if found.row.ndim == 1 else -1
    kinds = (found.row.dtype.kind, found.label.dtype.kind, found.logits.dtype.kind)
    if kinds != ("S", "i", "f") or found.label.shape != (rows,) or found.logits.shape != (rows, classes) or not rows:
        raise BadDataError(f"{path}: rows, labels, logits and {classes} classes do not match")
    if not ((found.label >= 0) & (found.label < classes)).all():
        raise BadDataError(f"{path} has labels outside of the {classes} classes")
    if not np.isfinite(found.logits).all():
        raise BadDataError(f"{path} has logits that are not finite")
