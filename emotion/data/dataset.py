"""A data set: three splits of labelled text, one file each or one file split by seed, and their digests."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from emotion.data.labelled import SUFFIXES, Row, read_labelled
from emotion.data.origin import Origin, read_origin
from emotion.errors import BadDataError, InputMissingError
from emotion.params.schema import DataTable

SPLITS = ("train", "validation", "test")
ALIASES = {"train": ("train",), "validation": ("validation", "valid", "val", "dev"), "test": ("test",)}
# Every row has a logit a label, in memory and in the run's predictions.
MOST_LABELS = 10_000


@dataclass(frozen=True)
class Split:
    """One split: texts, labels, and a digest of both in order."""

    texts: list[str]
    labels: list[str]

    @property
    def digest(self) -> str:
        """SHA-256 of texts and labels in order, whatever the file format."""
        content = json.dumps([self.texts, self.labels], ensure_ascii=False).encode()
        return hashlib.sha256(content).hexdigest()

    def __len__(self) -> int:
        return len(self.texts)


@dataclass(frozen=True)
class Dataset:
    """Three splits, and where they come from."""

    origin: Origin
    path: Path
    splits: dict[str, Split]

    @property
    def name(self) -> str:
        """The data set's name, for people."""
        return self.origin.name

    @property
    def sample(self) -> bool:
        """Whether it is the built-in corpus, not real data."""
        return self.origin.sample

    @property
    def labels(self) -> list[str]:
        """Train's labels in the order in which they are encoded: sorted by code points."""
        return sorted(set(self.splits["train"].labels))

    def encoded(self, split: str) -> NDArray[np.int32]:
        """Labels of `split` as numbers, int32 (rows,)."""
        numbers = {label: number for number, label in enumerate(self.labels)}
        return np.asarray([numbers[label] for label in self.splits[split].labels], dtype=np.int32)

    @property
    def digests(self) -> dict[str, str]:
        """SHA-256 of each split's content."""
        return {name: split.digest for name, split in self.splits.items()}


def load_dataset(path: Path, params: DataTable) -> Dataset:
    """Read a folder with one file a split, or one file that is split by seed, and check it for training.

    Raises:
        InputMissingError: the path, or a split in the folder, is not there.
        BadDataError: rows, labels or splits that cannot be trained on.
    """
    splits = read_splits(path, params)
    _check(path, splits)
    return Dataset(read_origin(path), path, splits)


def read_splits(path: Path, params: DataTable) -> dict[str, Split]:
    """Read the splits without checking that they can be trained on. Raises as `load_dataset` does."""
    if path.is_dir():
        return {name: _split(read_labelled(file, params)) for name, file in split_files(path).items()}
    if path.exists():
        return _split_one(path, read_labelled(path, params), params)
    raise InputMissingError(
        f"no data set at {path}", "name a folder with train, validation and test files, or one file"
    )


def candidates(folder: Path, split: str) -> list[Path]:
    """Files of `folder` that are read as `split` by their name; more than one cannot be told apart."""
    names = {f"{alias}{suffix}" for alias in ALIASES[split] for suffix in SUFFIXES}
    files = sorted(path for path in folder.iterdir() if path.is_file()) if folder.is_dir() else []
    return [path for path in files if path.name.lower().removesuffix(".gz") in names]


def split_files(folder: Path) -> dict[str, Path]:
    """Find the one file of each split by its name.

    Raises:
        InputMissingError: a split has none.
        BadDataError: a split has several.
    """
    return {split: _split_file(folder, split) for split in SPLITS}


def _split_file(folder: Path, split: str) -> Path:
    found = candidates(folder, split)
    if not found:
        files = ", ".join(sorted(path.name for path in folder.iterdir())[:10])
        raise InputMissingError(
            f"{folder} has no {split} split; it holds {files or 'nothing'}",
            f"add {split}.csv (or {', '.join(SUFFIXES)}), or name one file to have it split",
        )
    if len(found) > 1:
        names = ", ".join(path.name for path in found)
        raise BadDataError(f"{folder} has {len(found)} {split} files: {names}", "keep one")
    return found[0]


def _split(rows: Sequence[Row]) -> Split:
    return Split([row.text for row in rows], [row.label for row in rows])


def _split_one(path: Path, rows: list[Row], params: DataTable) -> dict[str, Split]:
    """Split one file by seed so that every split has the labels in the same shares."""
    # Imported here: it takes a second, and a folder of splits does without.
    from sklearn.model_selection import train_test_split

    if not rows:
        raise BadDataError(f"{path} has no rows")
    labels = np.asarray([row.label for row in rows])
    everything = np.arange(len(rows))
    try:
        rest, test = train_test_split(
            everything, test_size=params.test_fraction, random_state=params.split_seed, stratify=labels
        )
        share = round(params.validation_fraction * len(rows))
        train, validation = train_test_split(
            rest, test_size=share, random_state=params.split_seed, stratify=labels[rest]
        )
    except ValueError as error:
        raise BadDataError(
            f"{path} cannot be split with the labels in equal shares: {error}",
            "every label needs rows for train, validation and test; add some, or bring the splits as three files",
        ) from error
    parts = {"train": train, "validation": validation, "test": test}
    # In the file's order: a split is a set of rows, and shuffling belongs to training.
    return {name: _split([rows[index] for index in sorted(chosen)]) for name, chosen in parts.items()}


def _check(path: Path, splits: dict[str, Split]) -> None:
    """Raise BadDataError for splits that cannot be trained on."""
    for name, split in splits.items():
        if not len(split):
            raise BadDataError(f"{path}: the {name} split has no rows")
    known = set(splits["train"].labels)
    if len(known) < 2:  # noqa: PLR2004  one label leaves nothing to tell apart
        raise BadDataError(f"{path}: train has only the label {min(known)!r}", "a classifier needs two labels or more")
    if len(known) > MOST_LABELS:
        raise BadDataError(
            f"{path}: train has {len(known):,} labels in {len(splits['train']):,} rows; {MOST_LABELS:,} are the most",
            "is [data] label_column (--label-column) the column of the classes, not of numbers or ids?",
        )
    for name in ("validation", "test"):
        unseen = sorted(set(splits[name].labels) - known)
        if unseen:
            raise BadDataError(
                f"{path}: {name} has labels that train lacks: {', '.join(unseen[:10])}",
                f"train has {', '.join(sorted(known)[:20])}",
            )
