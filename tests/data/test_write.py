"""Writing the sample: once, whole, and never over or beside another data set."""

import json
from pathlib import Path

import pytest

from emotion.data.dataset import load_dataset
from emotion.data.sample import generate
from emotion.data.write import FILES, as_lines, write_sample
from emotion.errors import CannotWriteError, UsageError
from emotion.params.schema import DataTable
from tests.builders import write_dataset


def write(folder: Path, seed: int = 0, *, force: bool = False) -> None:
    """Write the sample as the command does."""
    contents = {FILES[split]: as_lines(FILES[split], rows) for split, rows in generate(seed).items()}
    write_sample(folder, contents, seed, force=force)


def test_an_interrupted_sample_is_completed(tmp_path: Path) -> None:
    write(tmp_path)
    (tmp_path / "test.txt").unlink()

    write(tmp_path)

    assert load_dataset(tmp_path, DataTable()).sample


def test_another_seed_is_another_corpus_and_replaces_the_first_only_by_force(tmp_path: Path) -> None:
    write(tmp_path)
    first = (tmp_path / "train.txt").read_bytes()

    with pytest.raises(UsageError, match=r"train\.txt"):
        write(tmp_path, 3)

    assert (tmp_path / "train.txt").read_bytes() == first
    write(tmp_path, 3, force=True)
    assert (tmp_path / "train.txt").read_bytes() != first
    assert json.loads((tmp_path / "dataset.json").read_bytes())["seed"] == 3


def test_a_folder_with_another_data_set_is_never_mixed(tmp_path: Path) -> None:
    write_dataset(tmp_path, ".csv")

    with pytest.raises(UsageError, match=r"train\.csv"):
        write(tmp_path, force=True)

    assert not (tmp_path / "train.txt").exists()


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(CannotWriteError):
        write(tmp_path / "file" / "sample")
