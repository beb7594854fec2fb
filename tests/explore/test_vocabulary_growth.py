"""Growth and coverage: against counts by hand, and against the tokenizer itself."""

import pytest

from emotion.data.sample import generate
from emotion.explore.vocabulary_growth import measure_vocabulary
from emotion.params.schema import WordTextTable
from emotion.text.vocabulary import UNKNOWN_ID, learn_tokenizer
from tests.explore.scenes import make_words


def test_growth_and_coverage_by_hand() -> None:
    words = make_words(["a b a", "c a d"], validation=["a z"], test=["d d b z"])
    found = measure_vocabulary(words, 4)

    assert (found.kept, found.distinct) == (2, 4)
    assert found.growth == {"running": [0, 1, 2, 3, 4, 5, 6], "distinct": [0, 1, 2, 2, 3, 3, 4]}
    assert found.at == [1, 2, 3, 4]
    assert found.coverage["train"] == pytest.approx([3 / 6, 4 / 6, 5 / 6, 1])
    assert found.coverage["validation and test"] == pytest.approx([1 / 6, 2 / 6, 2 / 6, 4 / 6])
    assert found.covered == pytest.approx(
        {"train": 4 / 6, "validation": 1 / 2, "test": 1 / 4, "validation and test": 2 / 6}
    )
    assert found.running == {"train": 6, "validation": 2, "test": 4, "validation and test": 6}


def test_what_is_covered_is_what_the_tokenizer_knows() -> None:
    texts = {split: [text for text, _ in rows[:500]] for split, rows in generate(3).items()}
    words = make_words(**texts)
    for vocabulary in (3, 50, 100_000):
        found = measure_vocabulary(words, vocabulary)
        tokenizer = learn_tokenizer(texts["train"], WordTextTable(vocabulary=vocabulary), None)
        tokenizer.no_truncation()
        tokenizer.no_padding()
        for split, part in texts.items():
            ids = [number for encoding in tokenizer.encode_batch(part) for number in encoding.ids]
            assert found.covered[split] == pytest.approx(sum(number != UNKNOWN_ID for number in ids) / len(ids))


def test_a_vocabulary_larger_than_train_keeps_all_of_it() -> None:
    found = measure_vocabulary(make_words(["a b"]), 8126)
    assert (found.chosen, found.kept, found.covered["train"], found.covered["test"]) == (8126, 2, 1.0, None)


def test_nothing_is_covered_where_there_is_nothing() -> None:
    found = measure_vocabulary(make_words([], validation=["a"]), 8126)
    assert (found.kept, found.distinct, found.at) == (0, 0, [])
    assert set(found.covered.values()) == {None}
