"""A data set: three splits of labeled text, from three files or from one file and a seed."""

import hashlib
import json
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from emotion.data.label_text import name_labels, show_label, unseen_sentence
from emotion.data.labeled import MAX_REPORTED, Row, describe, has_no_columns, read_labeled
from emotion.data.origin import Origin, read_origin
from emotion.data.split_files import data_files, split_files
from emotion.errors import BadDataError, InputMissingError
from emotion.formatting import first_items
from emotion.params.schema import DataTable
from emotion.reader import for_reader

# Memory and the run's predictions hold one logit per row and label.
MAX_LABELS = 10_000


@dataclass(frozen=True)
class Split:
    """One split: texts and labels of its rows, in order.

    `lone_lines` has file and line of labels in `.txt` that only one row has: in a line without a label, a piece of text
    looks like a label.
    """

    texts: list[str]
    labels: list[str]
    lone_lines: dict[str, tuple[str, int]] = field(default_factory=dict, compare=False)

    @property
    def digest(self) -> str:
        """SHA-256 of texts and labels in order; the file format does not matter."""
        content = json.dumps([self.texts, self.labels], ensure_ascii=False).encode()
        return hashlib.sha256(content).hexdigest()

    def __len__(self) -> int:
        return len(self.texts)


@dataclass(frozen=True)
class Dataset:
    """Three splits and their origin."""

    origin: Origin
    path: Path
    splits: dict[str, Split]

    @property
    def name(self) -> str:
        """Name of the data set, for people."""
        return self.origin.name

    @property
    def sample(self) -> bool:
        """Whether this is the built-in sample instead of real data."""
        return self.origin.sample

    @property
    def labels(self) -> list[str]:
        """Labels of train, sorted by code points. A label's index is its number."""
        return sorted(set(self.splits["train"].labels))

    def encoded(self, split: str) -> NDArray[np.int32]:
        """Give the label numbers of `split`, int32 (rows,)."""
        numbers = {label: number for number, label in enumerate(self.labels)}
        return np.asarray([numbers[label] for label in self.splits[split].labels], dtype=np.int32)

    @property
    def digests(self) -> dict[str, str]:
        """SHA-256 of every split."""
        return {name: split.digest for name, split in self.splits.items()}


def load_dataset(path: Path, params: DataTable) -> Dataset:
    """Read a folder with three files, or split one file by seed, and check that the data is fit for training.

    Raises:
        InputMissingError: the path, or a split of the folder, does not exist.
        BadDataError: rows, labels or splits are unfit for training.
    """
    splits = read_splits(path, params)
    _check(path, splits)
    return Dataset(read_origin(path), path, splits)


def read_splits(path: Path, params: DataTable) -> dict[str, Split]:
    """Read the splits without checking that they are fit for training.

    Raises:
        InputMissingError: the path, or a split of the folder, does not exist.
        BadDataError: some rows cannot be used, or one file cannot be split.
    """
    if path.is_dir():
        return {name: _read_split(files, params) for name, files in split_files(path).items()}
    if path.exists():
        return _split_file(path, read_labeled(path, params), params)
    raise InputMissingError(
        f"there is no data set at {path}",
        for_reader(
            "name a folder with train, validation and test files, or one file",
            f"put a data set there: emotion put DIR {path.name}{{flags}}",
        ),
    )


def describe_files(path: Path, params: DataTable) -> list[str]:
    """Describe how the files of a data set are read, as lines for people.

    Raises:
        InputMissingError, BadDataError: a file cannot be read.
    """
    return [line for file in data_files(path) for line in describe(file, params)]


def _read_split(files: Sequence[Path], params: DataTable) -> Split:
    rows = {file: read_labeled(file, params) for file in files}
    split = _split([row for part in rows.values() for row in part])
    counts = Counter(split.labels)
    lone_lines = {
        row.label: (file.name, row.line)
        for file, part in rows.items()
        for row in part
        if counts[row.label] == 1 and has_no_columns(file)
    }
    return Split(split.texts, split.labels, lone_lines)


def _split(rows: Sequence[Row]) -> Split:
    return Split([row.text for row in rows], [row.label for row in rows])


def _split_file(path: Path, rows: list[Row], params: DataTable) -> dict[str, Split]:
    """Split one file by seed, stratified by label."""
    from sklearn.model_selection import train_test_split

    if not rows:
        raise BadDataError(f"{path} has no rows")
    labels = np.asarray([row.label for row in rows])
    indices = np.arange(len(rows))
    try:
        rest, test = train_test_split(
            indices, test_size=params.test_fraction, random_state=params.split_seed, stratify=labels
        )
        validation_rows = round(params.validation_fraction * len(rows))
        train, validation = train_test_split(
            rest, test_size=validation_rows, random_state=params.split_seed, stratify=labels[rest]
        )
    except ValueError as error:
        raise BadDataError(
            f"{path} cannot be split with equal shares of labels: {error!s:.300}{_lone_labels(rows)}",
            "every label needs rows in train, validation and test: add rows, or give the splits as three files",
        ) from error
    chosen = {"train": train, "validation": validation, "test": test}
    # Rows keep the file's order: training shuffles.
    return {name: _split([rows[index] for index in sorted(numbers)]) for name, numbers in chosen.items()}


def _lone_labels(rows: Sequence[Row]) -> str:
    """Name labels with only one row, with their lines: some may be pieces of a text."""
    counts = Counter(row.label for row in rows)
    found = [f"{row.label!r:.60} (line {row.line})" for row in rows if counts[row.label] == 1]
    return f"; labels with one row: {', '.join(first_items(found, MAX_REPORTED))}" if found else ""


def _check(path: Path, splits: dict[str, Split]) -> None:
    """Raise BadDataError if the splits are unfit for training."""
    for name, split in splits.items():
        if not len(split):
            raise BadDataError(f"{path}: the {name} split has no rows")
    known = set(splits["train"].labels)
    if wrong := wrong_number_of_labels(known, len(splits["train"])):
        problem, hint = wrong
        raise BadDataError(f"{path}: {problem}", hint)
    for name in ("validation", "test"):
        unseen = set(splits[name].labels) - known
        if unseen:
            raise BadDataError(
                f"{path}: {unseen_sentence(name, unseen, known)}",
                f"train has {name_labels(sorted(known))}",
            )


def wrong_number_of_labels(labels: Collection[str], rows: int) -> tuple[str, str] | None:
    """Describe too few or too many `labels` in train's `rows` rows, and what to do; None if the number is right."""
    if len(labels) == 1:
        return f"train has only the label {show_label(min(labels))}", "a classifier needs two labels or more"
    if len(labels) > MAX_LABELS:
        return (
            f"train has {len(labels):,} labels in {rows:,} rows; the limit is {MAX_LABELS:,}",
            "check that [data] label_column (--label-column) has classes, not numbers or ids",
        )
    return None
