"""The figures of small data sets, counted by hand, and of the real one, as its README gives them."""

import hashlib
import os
from pathlib import Path

import pytest

from emotion.data.check import Report, as_json, check_data
from emotion.data.dataset import MAX_LABELS
from emotion.errors import BadDataError, InputMissingError
from emotion.params.schema import DataTable

TRAIN = ["i am glad;joy", "i am glad;joy", "so very sad;sadness", "so very sad;anger", "happy;joy"]
VALIDATION = ["i am glad;sadness", "what a day;joy"]
TEST = ["happy;joy", "what a day;sadness", "so very cross;anger"]


def write(folder: Path, train: list[str], validation: list[str], test: list[str]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, lines in (("train", train), ("validation", validation), ("test", test)):
        (folder / f"{name}.txt").write_text("".join(f"{line}\n" for line in lines))
    return folder


@pytest.fixture
def report(tmp_path: Path) -> Report:
    return check_data(write(tmp_path, TRAIN, VALIDATION, TEST), DataTable())


def test_rows_and_labels_with_the_most_frequent_of_train_first(report: Report) -> None:
    assert report.rows == {"train": 5, "validation": 2, "test": 3}
    assert list(report.labels["test"]) == ["joy", "sadness", "anger"]
    assert report.labels["train"] == {"joy": 3, "sadness": 1, "anger": 1}
    assert report.labels["validation"] == {"joy": 1, "sadness": 1, "anger": 0}
    assert as_json(report)["labels"]["train"]["joy"] == {"count": 3, "share": 0.6}


def test_the_digests_are_those_of_the_files(report: Report, tmp_path: Path) -> None:
    assert report.files == {
        name: hashlib.sha256((tmp_path / name).read_bytes()).hexdigest()
        for name in ("train.txt", "validation.txt", "test.txt")
    }


def test_words_and_vocabulary(report: Report) -> None:
    assert report.words["train"] == {"mean": 2.6, "p50": 3, "p90": 3, "p95": 3, "p99": 3, "max": 3}
    assert report.vocabulary == {"types": 7, "seen_twice": 6}
    # Of "i am glad what a day" train lacks what, a and day; of "happy what a day so very cross" also cross.
    assert report.unknown_words == {"validation": 3 / 6, "test": 4 / 7, "both": 7 / 13}


def test_repeated_and_shared_texts(report: Report) -> None:
    assert report.repeated["train"] == {"texts": 2, "two_labels": 1}
    assert report.repeated["test"] == {"texts": 0, "two_labels": 0}
    assert report.shared == {
        "validation in train": {"texts": 1, "share": 1 / 2, "other_label": 1},
        "test in train": {"texts": 1, "share": 1 / 3, "other_label": 0},
        "test in validation": {"texts": 1, "share": 1 / 3, "other_label": 1},
    }
    assert not report.problems
    assert any("validation has no row of anger" in remark for remark in report.remarks)


def test_doubtful_labels_are_remarks(tmp_path: Path) -> None:
    report = check_data(write(tmp_path, [*TRAIN, "odd;Joy", "odder;nan"], VALIDATION, TEST), DataTable())
    assert any("'Joy' (1 row), 'joy' (5 rows)" in remark for remark in report.remarks)
    assert any("missing value: 'nan' (1 row)" in remark for remark in report.remarks)
    assert not report.problems


def test_an_unseen_label_is_named_with_the_label_it_resembles(tmp_path: Path) -> None:
    (problem,) = check_data(write(tmp_path, TRAIN, ["a;jo\u200by"], TEST), DataTable()).problems
    assert "validation has labels that are not in train: 'jo\\u200by'" in problem
    assert "differ only in" in problem


def test_more_labels_than_a_model_can_have_are_a_problem(tmp_path: Path) -> None:
    lines = [f"text;{number}" for number in range(MAX_LABELS + 1)]
    (problem,) = check_data(write(tmp_path, lines, lines[:1], lines[:1]), DataTable()).problems
    assert "10,001 labels in 10,001 rows; the limit is 10,000" in problem
    assert "--label-column" in problem


def test_ten_labels_are_named_and_the_others_counted(tmp_path: Path) -> None:
    """Names are short, too, however long a label is."""
    ids = [f"text;id {'x' * 500 * (number % 2)} {number:04}" for number in range(300)]
    report = check_data(write(tmp_path, TRAIN, [*VALIDATION, *ids], TEST), DataTable())
    (problem,) = report.problems
    assert problem.startswith("validation has labels that are not in train: id  0000, id  0002, ")
    assert problem.endswith("id  0018, and 290 more")
    assert any(remark.startswith("test has no row of ") and "and 290 more" in remark for remark in report.remarks)
    (only,) = check_data(write(tmp_path, [ids[1]], [ids[1]], [ids[1]]), DataTable()).problems
    assert len(only) < 200


@pytest.mark.parametrize(
    ("train", "validation", "test", "expected"),
    [
        (TRAIN, [], TEST, ["the validation split has no rows"]),
        (["a;joy", "b;joy"], ["a;joy"], ["c;joy"], ["train has only the label 'joy'"]),
        (TRAIN, ["a;fear"], ["b;hope"], ["validation has labels that are not in train: fear", "test has labels"]),
        ([], [], ["b;joy"], ["the train split has no rows", "the validation split has no rows", "test has"]),
    ],
)
def test_what_cannot_be_trained_on_is_reported_and_not_raised(
    tmp_path: Path, train: list[str], validation: list[str], test: list[str], expected: list[str]
) -> None:
    problems = check_data(write(tmp_path, train, validation, test), DataTable()).problems

    assert len(problems) >= len(expected)
    assert all(any(part in problem for problem in problems) for part in expected)


def test_one_file_is_split(tmp_path: Path) -> None:
    lines = [f"text {number};{'joy' if number % 2 else 'fear'}" for number in range(40)]
    file = tmp_path / "all.txt"
    file.write_text("\n".join(lines))

    report = check_data(file, DataTable())

    assert report.rows == {"train": 32, "validation": 4, "test": 4}
    assert list(report.files) == ["all.txt"]


def test_bad_rows_and_missing_data_raise(tmp_path: Path) -> None:
    with pytest.raises(BadDataError, match="line 2"):
        check_data(write(tmp_path / "bad", ["a;joy", "no label"], VALIDATION, TEST), DataTable())
    with pytest.raises(InputMissingError):
        check_data(tmp_path / "absent", DataTable())


@pytest.mark.real
def test_the_real_data_set_has_the_figures_of_its_readme() -> None:
    report = check_data(Path(os.environ["REAL_DATA"]), DataTable())

    assert report.files == {
        "train.txt": "3ab03d945a6cb783d818ccd06dafd52d2ed8b4f62f0f85a09d7d11870865b190",
        "validation.txt": "34faaa31962fe63cdf5dbf6c132ef8ab166c640254ab991af78f3aea375e79ef",
        "test.txt": "60f531690d20127339e7f054edc299a82c627b5ec0dd5d552d53d544e0cfcc17",
    }
    assert report.rows == {"train": 16_000, "validation": 2_000, "test": 2_000}
    labels = ["joy", "sadness", "anger", "fear", "love", "surprise"]
    counts = {
        "train": [5362, 4666, 2159, 1937, 1304, 572],
        "validation": [704, 550, 275, 212, 178, 81],
        "test": [695, 581, 275, 224, 159, 66],
    }
    assert report.labels == {name: dict(zip(labels, row, strict=True)) for name, row in counts.items()}
    words = report.words["all"]
    assert words is not None
    assert round(words["mean"]) == 19
    assert [words[key] for key in ("p90", "p95", "p99", "max")] == [35, 41, 52, 66]
    assert report.vocabulary == {"types": 15_212, "seen_twice": 7_399}
    assert {name: round(share or 0, 3) for name, share in report.unknown_words.items()} == {
        "validation": 0.027,
        "test": 0.027,
        "both": 0.027,
    }
    assert report.repeated["train"] == {"texts": 31, "two_labels": 30}
    assert report.shared["validation in train"] == {"texts": 5, "share": 0.0025, "other_label": 5}
    assert report.shared["test in train"] == {"texts": 11, "share": 0.0055, "other_label": 11}
    assert not report.problems
