"""Words: what is counted is what the word-level tokenizer reads, and each label's words are its own."""

import numpy as np

from emotion.explore.word_counts import words_by_label
from tests.explore.scenes import make_splits, make_words


def test_words_are_ranked_as_the_tokenizer_ranks_them() -> None:
    words = make_words(["B a! a", "c b"], validation=["a z"], test=["Don't, a"])

    assert words.names == ["a", "b", "!", "c"]
    assert words.ranks["train"].tolist() == [1, 0, 2, 0, 3, 1]
    assert words.ranks["validation"].tolist() == [0, -1]
    assert words.lengths["test"].tolist() == [3]
    assert words.counts("train").tolist() == [2, 2, 1, 1]
    assert words.counts("validation", "test").tolist() == [2, 0, 0, 0]
    assert words.running("validation", "test") == 5


def test_names_of_special_tokens_in_texts_are_words_like_others() -> None:
    words = make_words(["[PAD] [UNK]"], test=["[PAD]"])
    assert sorted(words.names) == ["[", "]", "pad", "unk"]
    assert (words.ranks["test"] >= 0).all()


def test_texts_without_words_and_splits_without_texts() -> None:
    words = make_words(["\u200b", "a"])
    assert words.lengths["train"].tolist() == [0, 1]
    assert words.running("validation") == 0
    assert make_words([]).names == []


def test_progress_counts_every_row() -> None:
    from emotion.explore.word_counts import read_words

    advances: list[int] = []
    read_words(make_splits([("a", "x")] * 5000, [("b", "x")]), advances.append)
    assert sum(advances) == 5001
    assert len(advances) > 2


def test_the_words_of_a_label_are_those_of_its_rows() -> None:
    words = make_words(["a b a", "c", "b", "\u200b"])
    found = words_by_label(words, ["joy", "fear", "joy", "anger"])

    assert list(found) == ["joy", "fear", "anger"]
    names = {label: [words.names[rank] for rank in part.ranks] for label, part in found.items()}
    assert names == {"joy": ["a", "b"], "fear": ["c"], "anger": []}
    assert np.array_equal(found["joy"].counts, [2, 2])
    assert words_by_label(make_words([]), []) == {}
