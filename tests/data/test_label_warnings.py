"""Doubtful labels are warned of with their rows; usual labels are not."""

from pathlib import Path

import pytest

from emotion.data.dataset import Split, read_splits
from emotion.data.label_warnings import find_warnings
from emotion.params.schema import DataTable


def warnings_of(*labels: str) -> list[str]:
    """Give the warnings about a data set of these labels in train alone."""
    train = Split([f"text {row}" for row in range(len(labels))], list(labels))
    return find_warnings({"train": train, "validation": Split([], []), "test": Split([], [])})


def write(folder: Path, train: str, validation: str, test: str) -> dict[str, Split]:
    for name, content in (("train", train), ("validation", validation), ("test", test)):
        (folder / f"{name}.txt").write_text(content, encoding="utf-8")
    return read_splits(folder, DataTable())


@pytest.mark.parametrize(
    "labels",
    [
        ("joy", "anger", "größte Wut", "страх", "very happy"),
        ("0", "1", "2", "10"),
        ("True", "False"),
        ("yes", "no"),
        ("1.0", "2.5", "3.0"),
        ("Washington, DC", "New York, NY"),
        ("Washington, D.C.", "Boston", "Chicago"),
        ("Washington, D.C.", "Seattle, Washington", "Spokane, Washington", "Boston"),
        ("Washington, Georgia", "Atlanta, Georgia", "Seattle, Washington", "Washington, Oregon"),
        ("Portland, Oregon", "Salem, Oregon", "Portland, Maine"),
        ("New York, New York", "Albany, New York", "New York, USA"),
        ("Munich, Bavaria, Germany", "Berlin, Germany"),
        ("food, fruit", "food, meat", "drink, juice"),
        ("joy, sadness", "anger", "fear"),
        ("EUR / USD", "USD / JPY", "JPY / EUR"),
        ("red/green", "R&B", "C++", "arts, crafts & culture"),
        ("[neutral]", "(other)", "joy"),
        ("naïve", "naive"),
        ("\U0001f600", "\U0001f621"),
        ("B-PER", "I-PER", "+1", "-1"),
    ],
)
def test_usual_labels_give_no_warning(labels: tuple[str, ...]) -> None:
    assert warnings_of(*labels, *labels) == []


@pytest.mark.parametrize(
    "label",
    ["nan", "NaN", "None", "NULL", "null", "N/A", "n/a", "N.A.", "(null)", "#REF!", "NA", "<NA>", "-", "\u2014", "?"],
)
def test_labels_like_a_missing_value(label: str) -> None:
    (warning,) = warnings_of("joy", "anger", label, label)
    assert warning.startswith(f"labels that look like a missing value: '{label}' (2 rows)")


@pytest.mark.parametrize(
    ("label", "shown"),
    [
        ("\u200b", "'\\u200b'"),
        ("\ufeff\u200d", "'\\ufeff\\u200d'"),
        ("\u2800", "'\\u2800'"),
        ('""', "'\"\"'"),
    ],
)
def test_labels_that_look_empty(label: str, shown: str) -> None:
    (warning,) = warnings_of("joy", "anger", label)
    assert warning.startswith(f"labels that look empty: {shown} (1 row)")


def test_labels_that_look_alike_are_named_with_their_rows() -> None:
    (warning,) = warnings_of("joy", "joy", "Joy", "jo\u200by", "anger")
    assert "differ only in case" in warning
    assert "'Joy' (1 row), 'joy' (2 rows), 'jo\\u200by' (1 row)" in warning
    assert "anger" not in warning


@pytest.mark.parametrize("labels", [("true", "false", "1", "0"), ("True", "0"), ("TRUE", "1.0")])
def test_truth_in_words_and_in_numbers(labels: tuple[str, ...]) -> None:
    (warning,) = warnings_of(*labels)
    assert "true and false as words and as numbers" in warning
    assert all(f"'{label}' (1 row)" in warning for label in labels)


@pytest.mark.parametrize("labels", [("1", "1.0"), ("0", "00"), ("7", "007"), ("2.50", "2.5")])
def test_one_number_in_two_forms(labels: tuple[str, ...]) -> None:
    (warning,) = warnings_of(*labels, "5")
    assert warning.startswith("labels with equal numbers: ")
    assert all(f"'{label}' (1 row)" in warning for label in labels)
    assert "'5'" not in warning


def test_true_and_1_and_1_0_are_all_named() -> None:
    truth, numbers = warnings_of("true", "1", "1.0")
    assert all(label in truth for label in ("'true'", "'1'", "'1.0'"))
    assert "'1' (1 row), '1.0' (1 row)" in numbers


@pytest.mark.parametrize(
    "label",
    [
        *("joy,sadness", "2,20", "2, 20", "joy, sadness", "joy;fear", "joy|fear", "joy/anger", "joy & anger"),
        *("['joy', 'sadness']", '["joy"]', "[27]", "[2 20]", "[]", "{1, 2}"),
    ],
)
def test_labels_that_look_like_several(label: str) -> None:
    (warning,) = warnings_of("joy", "anger", label, label)
    assert warning.startswith("labels that look like several")
    assert "(2 rows)" in warning


@pytest.mark.parametrize(
    "labels",
    [
        ("joy, sadness", "sadness, anger", "anger, joy"),
        ("anger, fear", "anger, joy", "fear, joy"),
        ("joy; sadness", "sadness; joy"),
        ("joy | sadness", "sadness | fear | anger", "anger | joy", "trust | joy", "fear | trust"),
    ],
)
def test_labels_that_mix_the_same_parts_look_like_several(labels: tuple[str, ...]) -> None:
    """No part occurs alone."""
    (warning,) = warnings_of(*labels, "neutral")
    assert warning.startswith("labels that look like several")
    assert all(f"'{label}' (1 row)" in warning for label in labels)
    assert "neutral" not in warning


def test_labels_in_quotes_are_named() -> None:
    (warning,) = warnings_of('"joy"', '"anger"')
    assert warning.startswith("""labels in quotes: '"joy"' (1 row), '"anger"' (1 row); call a .txt file""")


def test_a_long_label_in_brackets_is_read_once() -> None:
    assert warnings_of("(" + "a" * 100_000, "b", "c") == []
    assert len(warnings_of("(" + "a," * 100_000 + ")", "b", "c")) == 1


def test_of_many_doubtful_labels_ten_are_named() -> None:
    (warning,) = warnings_of(*(f"{number},{number + 1}" for number in range(100)))
    assert warning.count("(1 row)") == 10
    assert warning.endswith(", and 90 more")


def test_of_many_groups_of_labels_ten_are_named_and_the_others_are_counted() -> None:
    found = warnings_of(*(spelled for letter in "abcdefghijklm" for spelled in (letter, letter.upper())))
    assert len(found) == 11
    assert found[-1].endswith(": 3 more groups")


def test_a_line_without_a_label_is_named_with_its_file_and_line(tmp_path: Path) -> None:
    train = "a;joy\nb;joy\n\nc;anger\nshe left; and never came back\nd;rare\n"
    (warning,) = find_warnings(write(tmp_path, train, "e;joy\n", "f;joy\n"))
    assert "no label" in warning
    assert "train.txt line 5 ('and never came back')" in warning
    assert "rare" not in warning


def test_a_label_of_several_rows_may_have_spaces(tmp_path: Path) -> None:
    assert find_warnings(write(tmp_path, "a;very happy\nb;very happy\nc;sad\n", "d;sad\n", "e;sad\n")) == []


def test_a_header_of_other_names_is_named(tmp_path: Path) -> None:
    header = "tweet;mood of it\n"
    warning, *others = find_warnings(write(tmp_path, f"{header}a;joy\nb;sad\n", f"{header}d;joy\n", f"{header}e;joy\n"))
    assert "'mood of it'" in warning
    assert "--label-column" in warning
    assert all(other.startswith("texts of") for other in others)


def test_texts_that_splits_share_are_warned_of(tmp_path: Path) -> None:
    splits = write(tmp_path, "a;joy\nb;sad\n", "a;sad\nc;joy\n", "d;joy\n")
    assert find_warnings(splits) == ["texts of validation in train: 1 of 2 (50.00%), 1 of them with another label"]
