"""Data sets: three files or one that is split by seed, checked before anything is trained on them."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from emotion.data.dataset import MAX_LABELS, Dataset, load_dataset
from emotion.errors import BadDataError, EmotionError, InputMissingError
from emotion.params.schema import DataTable
from tests.builders import TEST, TRAIN, VALIDATION, Rows, write_dataset, write_rows

SUFFIXES = [".txt", ".csv", ".tsv", ".jsonl", ".ndjson", ".parquet", ".txt.gz", ".csv.gz", ".jsonl.gz"]
MANY: Rows = [
    (f"text number {number}", label) for number, label in enumerate(["joy"] * 60 + ["anger"] * 30 + ["fear"] * 10)
]


def load(path: Path, **params: Any) -> Dataset:
    return load_dataset(path, DataTable(**params))


def refused(path: Path, kind: type[EmotionError] = BadDataError, code: int = 65) -> EmotionError:
    with pytest.raises(kind) as caught:
        load(path)
    assert caught.value.exit_code == code
    assert str(path) in caught.value.message
    return caught.value


class TestFolder:
    @pytest.mark.parametrize("suffix", SUFFIXES)
    def test_every_format_gives_the_same_splits(self, tmp_path: Path, suffix: str) -> None:
        data = load(write_dataset(tmp_path / "mine", suffix))
        assert data.name == "mine"
        assert not data.sample
        for name, rows in (("train", TRAIN), ("validation", VALIDATION), ("test", TEST)):
            assert list(zip(data.splits[name].texts, data.splits[name].labels, strict=True)) == rows

    def test_digests_are_those_of_the_content_not_of_the_format(self, tmp_path: Path) -> None:
        digests = [load(write_dataset(tmp_path / suffix, suffix)).digests for suffix in SUFFIXES]
        assert digests == [digests[0]] * len(SUFFIXES)
        assert set(digests[0]) == {"train", "validation", "test"}
        assert len(set(digests[0].values())) == 3
        assert {len(digest) for digest in digests[0].values()} == {64}

    @pytest.mark.parametrize(
        "test",
        [
            [*TEST[::-1]],
            [*TEST, TEST[0]],
            [(TEST[0][0], "joy"), TEST[1]],
            [(TEST[0][0] + "!", TEST[0][1]), TEST[1]],
        ],
    )
    def test_any_change_of_a_split_changes_its_digest_alone(self, tmp_path: Path, test: Rows) -> None:
        before = load(write_dataset(tmp_path / "a")).digests
        after = load(write_dataset(tmp_path / "b", test=test)).digests
        assert after["test"] != before["test"]
        assert after["train"] == before["train"]
        assert after["validation"] == before["validation"]

    @pytest.mark.parametrize("alias", ["validation", "valid", "val", "dev"])
    def test_validation_has_several_names(self, tmp_path: Path, alias: str) -> None:
        folder = write_dataset(tmp_path)
        (folder / "validation.csv").rename(folder / f"{alias}.csv")
        assert load(folder).splits["validation"].texts == [text for text, _ in VALIDATION]

    def test_splits_may_be_of_different_formats(self, tmp_path: Path) -> None:
        write_rows(tmp_path / "train.txt", TRAIN)
        write_rows(tmp_path / "val.parquet", VALIDATION)
        write_rows(tmp_path / "test.jsonl.gz", TEST)
        assert load(tmp_path).digests == load(write_dataset(tmp_path / "all")).digests

    @pytest.mark.parametrize("split", ["train", "validation", "test"])
    def test_a_split_that_is_missing(self, tmp_path: Path, split: str) -> None:
        folder = write_dataset(tmp_path)
        (folder / f"{split}.csv").rename(folder / f"{split}.csv.bak")
        (folder / f"{split}.jsonl").mkdir()
        error = refused(folder, InputMissingError, 66)
        assert f"no {split} split" in error.message
        assert f"{split}.csv.bak" in error.message
        assert f"{split}.csv" in error.hint

    def test_an_empty_folder(self, tmp_path: Path) -> None:
        assert "found: nothing" in refused(tmp_path, InputMissingError, 66).message

    @pytest.mark.parametrize(
        ("first", "second"),
        [("train.csv", "train.txt"), ("test.csv", "test.csv.gz"), ("validation.csv", "dev.csv")],
    )
    def test_two_files_for_one_split(self, tmp_path: Path, first: str, second: str) -> None:
        folder = write_dataset(tmp_path)
        write_rows(folder / second, TEST)
        error = refused(folder)
        assert first in error.message
        assert second in error.message

    def test_a_bad_row_is_told_with_the_splits_file(self, tmp_path: Path) -> None:
        folder = write_dataset(tmp_path, ".txt")
        (folder / "test.txt").write_text("a;joy\nno label\n")
        error = refused(folder)
        assert str(folder / "test.txt") in error.message
        assert "line 2" in error.message


@pytest.mark.parametrize("name", ["absent", "absent.csv"])
def test_a_path_that_is_not_there(tmp_path: Path, name: str) -> None:
    refused(tmp_path / name, InputMissingError, 66)


class TestOneFile:
    @pytest.fixture
    def path(self, tmp_path: Path) -> Path:
        return write_rows(tmp_path / "all.csv", MANY)

    def test_splits_are_disjoint_complete_and_in_the_files_order(self, path: Path) -> None:
        splits = load(path).splits
        rows = [row for split in splits.values() for row in zip(split.texts, split.labels, strict=True)]
        assert sorted(rows) == sorted(MANY)
        positions = {text: number for number, (text, _) in enumerate(MANY)}
        for split in splits.values():
            found = [positions[text] for text in split.texts]
            assert found == sorted(found)

    def test_every_split_has_the_labels_in_the_same_shares(self, path: Path) -> None:
        counts = {name: Counter(split.labels) for name, split in load(path).splits.items()}
        assert counts["test"] == counts["validation"] == {"joy": 6, "anger": 3, "fear": 1}
        assert counts["train"] == {"joy": 48, "anger": 24, "fear": 8}

    def test_fractions_are_those_of_the_whole_file(self, path: Path) -> None:
        splits = load(path, validation_fraction=0.2, test_fraction=0.4).splits
        assert {name: len(split) for name, split in splits.items()} == {
            "train": 40,
            "validation": 20,
            "test": 40,
        }

    def test_the_split_seed_alone_decides(self, path: Path) -> None:
        assert load(path).splits == load(path).splits
        assert load(path, split_seed=1).splits == load(path, split_seed=1).splits
        for name in ("train", "validation", "test"):
            assert load(path, split_seed=1).digests[name] != load(path).digests[name]

    def test_the_format_does_not_change_the_splits(self, path: Path, tmp_path: Path) -> None:
        assert load(write_rows(tmp_path / "all.parquet", MANY)).digests == load(path).digests

    def test_a_label_with_too_few_rows(self, tmp_path: Path) -> None:
        error = refused(write_rows(tmp_path / "all.csv", [*MANY, ("once", "rare")]))
        assert "cannot be split" in error.message
        assert "every label" in error.hint

    def test_a_line_without_a_label_is_named(self, tmp_path: Path) -> None:
        error = refused(
            write_rows(tmp_path / "all.txt", [*MANY, ("she left", "and never came back"), ("once", "rare")])
        )
        assert "labels with one row: 'and never came back' (line 101), 'rare' (line 102)" in error.message

    @pytest.mark.parametrize("seed", range(5))
    def test_a_rare_label_is_trained_on_first_of_all(self, tmp_path: Path, seed: int) -> None:
        path = write_rows(tmp_path / "all.csv", [*MANY, ("once", "rare"), ("twice", "rare")])
        assert "rare" in load(path, split_seed=seed).labels

    def test_fewer_rows_than_splits_need(self, tmp_path: Path) -> None:
        refused(write_rows(tmp_path / "all.csv", TRAIN))

    @pytest.mark.parametrize("content", ["", "text,label\n"])
    def test_no_rows(self, tmp_path: Path, content: str) -> None:
        (tmp_path / "all.csv").write_text(content)
        assert "no rows" in refused(tmp_path / "all.csv").message

    def test_one_label_only(self, tmp_path: Path) -> None:
        path = write_rows(tmp_path / "all.csv", [(f"text {n}", "joy") for n in range(50)])
        assert "only the label 'joy'" in refused(path).message

    def test_it_is_named_after_its_file(self, path: Path) -> None:
        assert load(path).name == "all.csv"


class TestChecks:
    @pytest.mark.parametrize("split", ["train", "validation", "test"])
    def test_an_empty_split(self, tmp_path: Path, split: str) -> None:
        folder = write_dataset(tmp_path)
        (folder / f"{split}.csv").write_text("text,label\n")
        assert f"the {split} split has no rows" in refused(folder).message

    def test_one_label_only(self, tmp_path: Path) -> None:
        folder = write_dataset(tmp_path, train=[("a", "joy"), ("b", "joy")])
        assert "only the label 'joy'" in refused(folder).message

    def test_a_column_of_numbers_is_no_column_of_labels(self, tmp_path: Path) -> None:
        folder = write_dataset(tmp_path, train=[(f"text {number}", str(number)) for number in range(MAX_LABELS + 1)])
        error = refused(folder)
        assert "10,001 labels in 10,001 rows" in error.message
        assert "--label-column" in error.hint

    @pytest.mark.parametrize("split", ["validation", "test"])
    def test_labels_that_train_lacks(self, tmp_path: Path, split: str) -> None:
        rows: Rows = [("a", "joy"), ("b", "Joy"), ("c", "fear")]
        folder = write_dataset(tmp_path)
        write_rows(folder / f"{split}.csv", rows)
        error = refused(folder)
        assert f"{split} has labels that are not in train: Joy, fear" in error.message
        assert "anger, joy" in error.hint

    def test_labels_that_only_train_has_are_no_mistake(self, tmp_path: Path) -> None:
        data = load(write_dataset(tmp_path, train=[*TRAIN, ("a", "love")]))
        assert data.labels == ["anger", "joy", "love"]


def test_labels_are_encoded_in_sorted_order(tmp_path: Path) -> None:
    train: Rows = [("a", "joy"), ("b", "Zorn"), ("c", "ärger"), ("d", "10"), ("e", "9"), ("f", "joy")]
    validation: Rows = [("a", "ärger"), ("b", "10")]
    data = load(write_dataset(tmp_path, train=train, validation=validation, test=train[:1]))
    assert data.labels == ["10", "9", "Zorn", "joy", "ärger"]
    assert data.encoded("train").tolist() == [3, 2, 4, 0, 1, 3]
    assert data.encoded("validation").tolist() == [4, 0]
    assert data.encoded("test").dtype == "int32"


def test_labels_that_differ_in_a_null_character_alone_are_two(tmp_path: Path) -> None:
    rows: Rows = [("a", "joy"), ("b", "joy\0"), ("c", "anger")]
    data = load(write_dataset(tmp_path, ".jsonl", train=rows, validation=rows, test=rows))
    assert data.labels == ["anger", "joy", "joy\0"]
    assert data.encoded("test").tolist() == [1, 2, 0]


class TestCard:
    def card(self, folder: Path, content: str | bytes) -> Dataset:
        write_dataset(folder)
        path = folder / "dataset.json"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return load(folder)

    def test_it_names_the_data_set_and_tells_the_sample(self, tmp_path: Path) -> None:
        data = self.card(tmp_path, '{"name": "sample", "sample": true}')
        assert (data.name, data.sample) == ("sample", True)

    @pytest.mark.parametrize("sample", ['"true"', "1", "null", '"false"', "[true]"])
    def test_only_true_makes_a_sample(self, tmp_path: Path, sample: str) -> None:
        assert not self.card(tmp_path, '{"name": "mine", "sample": ' + sample + "}").sample

    @pytest.mark.parametrize(
        "content",
        [
            "",
            "{",
            "[]",
            "null",
            '"name"',
            b"\xff\xfe",
            "[" * 100_000,
            "{}",
            '{"name": null}',
            '{"name": ["a"]}',
        ],
    )
    def test_a_card_that_is_none_leaves_the_folders_name(self, tmp_path: Path, content: str | bytes) -> None:
        data = self.card(tmp_path / "mine", content)
        assert (data.name, data.sample) == ("mine", False)

    @pytest.mark.parametrize(
        "name",
        ["a" * 10_000, "half \ud800 a character", "two\nlines", "\x1b[31mred\x1b]0;title\x07", "", "a\rb"],
    )
    def test_a_hostile_name_does_no_harm_where_it_is_printed_and_stored(self, tmp_path: Path, name: str) -> None:
        data = self.card(tmp_path, json.dumps({"name": name}))
        assert 1 <= len(data.name) <= 80
        assert data.name.isprintable()
        assert data.name.encode()
