"""Lengths: percentiles, the share that fits, and the longest texts."""

from emotion.explore.lengths import measure_lengths
from emotion.explore.word_counts import read_words
from tests.explore.scenes import make_splits


def test_lengths_by_hand() -> None:
    train = [("w " * length, "joy") for length in (1, 2, 2, 3, 9)]
    splits = make_splits(train, test=[("a, b", "fear")])
    found = measure_lengths(splits, read_words(splits, lambda _: None), 3)

    assert found.figures["train"] == {"mean": 3.4, "p50": 2, "p90": 9, "p95": 9, "p99": 9, "max": 9}
    assert found.rows["train"] == {"words": [1, 2, 3, 9], "rows": [1, 2, 1, 1]}
    assert found.fits == {"train": 0.8, "validation": None, "test": 1.0}
    assert found.figures["validation"] is None


def test_the_longest_texts_of_all_splits() -> None:
    train = [(f"{number} " + "x " * (number % 7), "joy") for number in range(20)]
    splits = make_splits(train, validation=[("long " * 40, "fear")], test=[("y " * 7, "anger")])
    longest = measure_lengths(splits, read_words(splits, lambda _: None), 35).longest

    assert len(longest) == 10
    assert longest[0] == {"words": 40, "split": "validation", "label": "fear", "text": ("long " * 16)[:80]}
    assert [text["words"] for text in longest] == [40, 7, 7, 7, 6, 6, 6, 5, 5, 5]
    assert [text["split"] for text in longest[1:4]] == ["train", "train", "test"]
