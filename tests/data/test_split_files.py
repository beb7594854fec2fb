"""Finding the files of a split: the hub's numbered names, and sets that are not whole."""

import shutil
from pathlib import Path

import pytest

from emotion.data.check import check_data
from emotion.data.dataset import load_dataset
from emotion.data.split_files import SPLITS, split_files
from emotion.data.write import check_overwrite
from emotion.errors import BadDataError, InputMissingError, UsageError
from emotion.params.schema import DataTable
from tests.builders import TRAIN, write_dataset, write_rows

HUB = ("train-00000-of-00001", "validation-00000-of-00001", "test-00000-of-00001")


def write_hub(folder: Path, suffix: str = ".parquet", ending: str = "") -> Path:
    """Write a data set under the hub's names, with train in two files; `ending` follows every number."""
    plain = write_dataset(folder / "plain", suffix)
    for name, split in zip(HUB[1:], SPLITS[1:], strict=True):
        (plain / f"{split}{suffix}").rename(folder / f"{name}{ending}{suffix}")
    write_rows(folder / f"train-00001-of-00002{ending}{suffix}", TRAIN[1:])
    write_rows(folder / f"train-00000-of-00002{ending}{suffix}", TRAIN[:1])
    shutil.rmtree(plain)
    return folder


@pytest.mark.parametrize("suffix", [".parquet", ".csv", ".jsonl", ".csv.gz", ".txt"])
@pytest.mark.parametrize("ending", ["", "-a09b74b3ef9c3b56"])
def test_the_hubs_names_give_the_same_data_set(tmp_path: Path, suffix: str, ending: str) -> None:
    found = load_dataset(write_hub(tmp_path / "hub", suffix, ending), DataTable())
    expected = load_dataset(write_dataset(tmp_path / "plain"), DataTable())
    assert found.splits == expected.splits
    assert found.digests == expected.digests


def test_files_are_read_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    for number in range(12):
        (tmp_path / f"train-{number}-of-12.csv").touch()
    for split in ("dev", "test"):
        (tmp_path / f"{split}-0-of-1.csv").touch()
    assert [path.name for path in split_files(tmp_path)["train"]] == [f"train-{n}-of-12.csv" for n in range(12)]


def test_the_digests_of_all_files_are_listed(tmp_path: Path) -> None:
    files = check_data(write_hub(tmp_path), DataTable()).files
    assert list(files) == [f"train-0000{number}-of-00002.parquet" for number in (0, 1)] + [
        f"{name}.parquet" for name in HUB[1:]
    ]
    assert len(set(files.values())) == 4


@pytest.mark.parametrize("number", [0, 1])
def test_a_number_that_is_missing_is_named(tmp_path: Path, number: int) -> None:
    write_hub(tmp_path)
    (tmp_path / f"train-0000{number}-of-00002.parquet").unlink()
    with pytest.raises(InputMissingError, match="1 of 2 train files") as caught:
        load_dataset(tmp_path, DataTable())
    assert caught.value.exit_code == 66
    assert f"missing: train-0000{number}-of-00002.parquet" in caught.value.message


def test_of_many_missing_numbers_ten_are_named(tmp_path: Path) -> None:
    write_hub(tmp_path)
    (tmp_path / "test-00000-of-00001.parquet").rename(tmp_path / "test-00003-of-900000000.parquet")
    with pytest.raises(InputMissingError) as caught:
        load_dataset(tmp_path, DataTable())
    assert caught.value.message.count("test-000") == 10
    assert "test-00004-of-900000000.parquet" in caught.value.message
    assert caught.value.message.endswith(", ...")


@pytest.mark.parametrize(
    "other",
    [
        "train.csv",
        "train-00000-of-00003.parquet",
        "train-00000-of-00002.csv",
        "train-00002-of-00002.parquet",
        "train-00001-of-00002-a09b74b3ef9c3b56.parquet",
        "train-1-of-00002.parquet",
    ],
)
def test_files_that_are_not_one_set_are_ambiguous(tmp_path: Path, other: str) -> None:
    write_rows(write_hub(tmp_path) / other, TRAIN)
    with pytest.raises(BadDataError, match="3 train files") as caught:
        load_dataset(tmp_path, DataTable())
    assert caught.value.exit_code == 65
    assert other in caught.value.message
    assert "train-00000-of-00002.parquet" in caught.value.message


def test_other_files_are_passed_over(tmp_path: Path) -> None:
    write_hub(tmp_path)
    for name in ("unsupervised-00000-of-00001.parquet", "train-00000-of.parquet", "train-extra.parquet", "README.md"):
        (tmp_path / name).touch()
    assert [len(files) for files in split_files(tmp_path).values()] == [2, 1, 1]


def test_the_folder_inside_of_a_repository_is_named(tmp_path: Path) -> None:
    write_hub(tmp_path / "data")
    (tmp_path / "README.md").touch()
    with pytest.raises(InputMissingError, match=r"no train split; found: README\.md, data") as caught:
        load_dataset(tmp_path, DataTable())
    assert str(tmp_path / "data") in caught.value.hint


def test_no_other_data_set_is_written_beside_them(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="train-00000-of-00002"):
        check_overwrite(write_hub(tmp_path), {}, force=True)
