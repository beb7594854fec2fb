"""Texts that two splits share, counted by hand."""

from emotion.data.dataset import Split
from emotion.data.overlap import Overlap, measure_overlap, overlap_sentences

TRAIN = Split(["a", "a", "b"], ["joy", "anger", "joy"])


def test_rows_are_counted_with_their_share_and_other_labels() -> None:
    split = Split(["a", "b", "b", "c"], ["anger", "anger", "joy", "joy"])
    assert measure_overlap(split, TRAIN) == Overlap(texts=3, share=0.75, other_label=1)


def test_a_split_without_rows_shares_none() -> None:
    assert measure_overlap(Split([], []), TRAIN) == Overlap(0, 0.0, 0)


def test_only_splits_that_share_texts_are_named() -> None:
    splits = {"train": TRAIN, "validation": Split(["c"], ["joy"]), "test": Split(["c", "b", "d"], ["joy"] * 3)}
    assert overlap_sentences(splits) == [
        "texts of test in train: 1 of 3 (33.33%), 0 of them with another label",
        "texts of test in validation: 1 of 3 (33.33%), 0 of them with another label",
    ]
