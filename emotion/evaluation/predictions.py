"""What a model said of each row of a split, as it is kept in a run's `predictions/`."""

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
    """Row digests S16 (rows,), labels int (rows,), logits float32 (rows, classes)."""

    row: NDArray[np.bytes_]
    label: NDArray[np.int32]
    logits: NDArray[np.float32]

    @property
    def predicted(self) -> NDArray[np.intp]:
        """The label with the highest logit, int (rows,)."""
        found: NDArray[np.intp] = np.argmax(self.logits, axis=1)
        return found

    @property
    def correct(self) -> NDArray[np.bool_]:
        """Whether each row's label was predicted, (rows,)."""
        return np.equal(self.predicted, self.label)


def write_predictions(
    path: Path, texts: Sequence[str], labels: NDArray[np.int32], logits: NDArray[np.float32]
) -> Predictions:
    """Write row digests (first 16 hex digits of the text's SHA-256), labels and logits, without pickled objects."""
    digests = np.asarray([hashlib.sha256(text.encode()).hexdigest()[:16] for text in texts], dtype="S16")
    with replacing(path) as temporary:
        np.savez_compressed(temporary, row=digests, label=labels, logits=logits)
    return Predictions(digests, labels, logits)


def read_predictions(path: Path, classes: int) -> Predictions:
    """Read and check the predictions of a run with so many classes; nothing is unpickled.

    Raises:
        InputMissingError: there are none.
        BadDataError: the file is damaged, or not that of a run with so many classes.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            # What is no array in there is given as bytes.
            found = Predictions(*(np.asarray(file[key]) for key in ("row", "label", "logits")))
    except FileNotFoundError as error:
        raise InputMissingError(f"no such file: {path}") from error
    except Exception as error:  # those of zip, deflate and NumPy's headers have no base class
        raise BadDataError(f"{path} holds no predictions: {error}") from error
    _check(path, found, classes)
    return found


def _check(path: Path, found: Predictions, classes: int) -> None:
    rows = len(found.row) if found.row.ndim == 1 else -1
    kinds = (found.row.dtype.kind, found.label.dtype.kind, found.logits.dtype.kind)
    if kinds != ("S", "i", "f") or found.label.shape != (rows,) or found.logits.shape != (rows, classes) or not rows:
        raise BadDataError(f"{path}: rows, labels and logits do not belong together, or to {classes} classes")
    if not ((found.label >= 0) & (found.label < classes)).all():
        raise BadDataError(f"{path} has labels that are none of the {classes} classes")
    if not np.isfinite(found.logits).all():
        raise BadDataError(f"{path} has logits that are not finite")
