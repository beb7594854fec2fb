"""Predictions of a split: what is written is read back, and no file, however hostile, is taken for them or run."""

import hashlib
import io
import os
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from emotion.errors import BadDataError, InputMissingError
from emotion.evaluation.predictions import Predictions, read_predictions, write_predictions

TEXTS = ["i feel fine", "so \U0001f600 happy", "", "grün\n" * 1000]
LABELS = np.asarray([0, 1, 2, 1], np.int32)
LOGITS = np.asarray([[3, 1, 2], [0, 5, 1], [2, 1, 0], [-1, 4, 4]], np.float32)
GOOD: dict[str, Any] = {"row": np.asarray([b"0123456789abcdef"] * 4), "label": LABELS, "logits": LOGITS}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "predictions" / "test.npz"


def put(path: Path, **changes: Any) -> Path:
    """Write a good file but for changes; None leaves an array out."""
    path.parent.mkdir(exist_ok=True)
    np.savez(path, **{key: value for key, value in (GOOD | changes).items() if value is not None})
    return path


def refused(path: Path, classes: int = 3) -> str:
    with pytest.raises(BadDataError) as caught:
        read_predictions(path, classes)
    assert caught.value.exit_code == 65
    assert str(path) in caught.value.message
    return caught.value.message


def test_what_was_written_is_read_back(path: Path) -> None:
    written = write_predictions(path, TEXTS, LABELS, LOGITS)
    found = read_predictions(path, 3)
    assert found.row.tolist() == [hashlib.sha256(text.encode()).hexdigest()[:16].encode() for text in TEXTS]
    for read, expected in ((found.row, written.row), (found.label, LABELS), (found.logits, LOGITS)):
        np.testing.assert_array_equal(read, expected)
        assert read.dtype == expected.dtype
    assert found.predicted.tolist() == [0, 1, 0, 1]
    assert found.correct.tolist() == [True, True, False, True]


def test_nothing_else_is_left_beside_it(path: Path) -> None:
    write_predictions(path, TEXTS, LABELS, LOGITS)
    assert [file.name for file in path.parent.iterdir()] == ["test.npz"]


@pytest.mark.parametrize("kind", ["<i8", ">i4", "i1"])
def test_integers_of_any_size_are_labels(path: Path, kind: str) -> None:
    assert read_predictions(put(path, label=LABELS.astype(kind)), 3).correct.sum() == 3


def test_a_file_that_is_not_there(path: Path) -> None:
    with pytest.raises(InputMissingError, match=r"test\.npz") as caught:
        read_predictions(path, 3)
    assert caught.value.exit_code == 66


WRONG = {
    "no rows": {"row": GOOD["row"][:0], "label": LABELS[:0], "logits": LOGITS[:0]},
    "fewer rows": {"row": GOOD["row"][:3]},
    "fewer labels": {"label": LABELS[:3]},
    "fewer logits": {"logits": LOGITS[:3]},
    "logits of other classes": {"logits": LOGITS[:, :2]},
    "logits in one row": {"logits": LOGITS.ravel()},
    "labels in a table": {"label": LABELS.reshape(4, 1)},
    "rows in a table": {"row": GOOD["row"].reshape(2, 2)},
    "a single number": {"row": np.asarray(b"x"), "label": np.asarray(1), "logits": np.asarray(1.0)},
    "labels that are floats": {"label": LABELS.astype(np.float32)},
    "labels that are truths": {"label": LABELS > 0},
    "labels that are names": {"label": np.asarray(["a", "b", "c", "a"])},
    "logits that are integers": {"logits": LOGITS.astype(np.int32)},
    "logits that are complex": {"logits": LOGITS.astype(np.complex64)},
    "rows that are numbers": {"row": np.arange(4)},
    "a record": {"logits": np.zeros((4, 3), [("x", np.float32)])},
    "a negative label": {"label": LABELS - 1},
    "a label beyond": {"label": LABELS + 1},
    "logits that are NaN": {"logits": np.where(LOGITS == 5, np.nan, LOGITS)},
    "logits that are infinite": {"logits": np.where(LOGITS == 5, np.inf, LOGITS)},
    "no row": {"row": None},
    "no label": {"label": None},
    "no logits": {"logits": None},
}


@pytest.mark.parametrize("name", WRONG)
def test_arrays_that_are_no_predictions(path: Path, name: str) -> None:
    refused(put(path, **WRONG[name]))


@pytest.mark.parametrize("classes", [2, 4])
def test_predictions_of_a_run_with_other_labels(path: Path, classes: int) -> None:
    assert f"{classes} classes" in refused(put(path), classes)


def _bare_array(path: Path) -> None:
    np.save(path.open("wb"), LOGITS)


def _pickled(path: Path) -> None:
    path.write_bytes(b"\x80\x04N.")


def _member(content: bytes) -> Callable[[Path], None]:
    """Something else under the name of an array."""

    def write(path: Path) -> None:
        with zipfile.ZipFile(path, "w") as file:
            for key in ("row", "label"):
                array = io.BytesIO()
                np.save(array, GOOD[key])
                file.writestr(f"{key}.npy", array.getvalue())
            file.writestr("logits.npy", content)

    return write


def _header(shape: str) -> bytes:
    """An array's file that announces a shape, without any of it."""
    header = f"{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}}}".ljust(117).encode() + b"\n"
    return b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header


FOREIGN: dict[str, Callable[[Path], Any]] = {
    "nothing": lambda path: path.write_bytes(b""),
    "words": lambda path: path.write_text("not a zip"),
    "a folder": lambda path: path.mkdir(),
    "an array": _bare_array,
    "a pickle": _pickled,
    "a member that is no array": _member(b"words"),
    "an empty member": _member(b""),
    "a header alone": _member(_header("(4, 3)")),
    "more than there is memory": _member(_header("(1000000000000000, 3)")),
    "a negative shape": _member(_header("(-4, 3)")),
    "a header that does not parse": _member(_header("(4, 3")),
}


@pytest.mark.parametrize("name", FOREIGN)
def test_files_that_are_something_else(path: Path, name: str) -> None:
    path.parent.mkdir()
    FOREIGN[name](path)
    refused(path)


@pytest.mark.parametrize("kept", [0.1, 0.5, 0.9, 0.999])
def test_a_truncated_file(path: Path, kept: float) -> None:
    write_predictions(path, TEXTS, LABELS, LOGITS)
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * kept)])
    refused(path)


def test_any_damaged_byte_is_told_or_does_no_damage(path: Path) -> None:
    written = write_predictions(path, TEXTS, LABELS, LOGITS)
    content = path.read_bytes()
    refusals = 0
    for index in range(len(content)):
        path.write_bytes(content[:index] + bytes([content[index] ^ 0xFF]) + content[index + 1 :])
        try:
            found = read_predictions(path, 3)
        except BadDataError:
            refusals += 1
        else:
            assert found.label.tolist() == written.label.tolist()
            assert found.logits.tolist() == written.logits.tolist()
    assert refusals > len(content) / 2


class Trap:
    """Whoever unpickles it makes a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __reduce__(self) -> tuple[Callable[..., None], tuple[str]]:
        return os.mkdir, (str(self.folder),)


@pytest.mark.parametrize("key", ["row", "label", "logits"])
def test_nothing_is_unpickled(path: Path, tmp_path: Path, key: str) -> None:
    trap = tmp_path / "sprung"
    put(path, **{key: np.asarray([Trap(trap)] * 4, dtype=object)})
    refused(path)
    assert not trap.exists()
    with np.load(path, allow_pickle=True) as file:
        file[key]
    assert trap.exists()


def test_a_split_of_which_nothing_is_right() -> None:
    found = Predictions(GOOD["row"], ((LOGITS.argmax(axis=1) + 1) % 3).astype(np.int32), LOGITS)
    assert not found.correct.any()
