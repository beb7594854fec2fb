"""Bigrams: which are learned, and that others are never taken for them."""

import itertools

import numpy as np
import pytest
from numpy.typing import NDArray

from emotion.text.bigrams import Bigrams, learn_bigrams
from emotion.text.encoded import PART_ROWS, Encoded

WORDS = 50


def encoded(rows: list[list[int]]) -> Encoded:
    """Pad rows of word ids with 0."""
    width = max(map(len, rows))
    ids = np.asarray([[*row, *[0] * (width - len(row))] for row in rows], np.int32)
    return Encoded(ids, np.asarray([len(row) for row in rows], np.int32), 0)


def pairs(bigrams: Bigrams) -> set[tuple[int, int]]:
    """The learned bigrams as pairs of word ids."""
    return {divmod(key, WORDS) for key in bigrams.keys.tolist() if key >= 0}


def drawn(seed: int, rows: int) -> Encoded:
    random = np.random.default_rng(seed)
    return encoded([random.integers(1, WORDS, random.integers(1, 12)).tolist() for _ in range(rows)])


def test_bigrams_of_two_texts_are_learned() -> None:
    """5 6 is in one text, twice; 1 is the unknown word and 0 padding."""
    texts = encoded([[2, 3, 4], [9, 2, 3], [5, 6, 5, 6], [1, 7, 1], [1, 7, 1], [8, 0], [8, 0]])
    assert pairs(learn_bigrams(texts, WORDS, 100)) == {(2, 3)}


def test_of_many_bigrams_the_most_frequent_are_learned() -> None:
    texts = encoded([[2, 3]] * 2 + [[4, 5]] * 4 + [[6, 7]] * 3)
    assert pairs(learn_bigrams(texts, WORDS, 2)) == {(4, 5), (6, 7)}


@pytest.mark.parametrize("seed", range(3))
def test_a_bigram_is_found_exactly_where_it_is(seed: int) -> None:
    bigrams = learn_bigrams(drawn(seed, 300), WORDS, 1000)
    known = pairs(bigrams)
    texts = drawn(seed + 100, 300).ids
    found = bigrams.find(texts)
    for row, places in zip(texts.tolist(), found.tolist(), strict=True):
        for pair, place in zip(itertools.pairwise(row), places, strict=True):
            assert (place > 0) == (pair in known)
            assert place == 0 or divmod(int(bigrams.keys[place]), WORDS) == pair


def test_few_are_lost_where_two_share_a_slot() -> None:
    texts = drawn(1, 3000)
    counts: NDArray[np.int64] = np.zeros((WORDS, WORDS), np.int64)
    for row in texts.ids.tolist():
        for pair in set(itertools.pairwise(row)):
            counts[pair] += 1
    frequent = {(a, b) for a, b in np.argwhere(counts >= 2).tolist() if a > 1 and b > 1}
    learned = pairs(learn_bigrams(texts, WORDS, 10_000))
    assert learned <= frequent
    assert len(learned) > 0.9 * len(frequent)


def test_parts_of_the_texts_are_added_up() -> None:
    """The two texts of a bigram are in different parts."""
    rows = [[2, 3]] + [[4]] * PART_ROWS + [[2, 3]]
    assert pairs(learn_bigrams(encoded(rows), WORDS, 10)) == {(2, 3)}


def test_texts_without_bigrams_give_an_empty_table() -> None:
    bigrams = learn_bigrams(encoded([[2], [3]]), WORDS, 10)
    assert pairs(bigrams) == set()
    assert bigrams.find(np.asarray([[2, 3, 4]], np.int32)).tolist() == [[0, 0]]
