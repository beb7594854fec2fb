"""Made texts: repeatable, of train's words alone, never empty, with as many changes as the parameters say."""

import itertools
import random
from typing import Any

import pytest

from emotion.distillation.made_texts import make_texts
from emotion.params.schema import TeacherTable

TEXTS = ["i feel happy today", "i feel mad today", "what a lovely day", "she left", "never"]


def make(texts: list[str] = TEXTS, **table: Any) -> list[str]:
    return make_texts(texts, TeacherTable(run="ann/s1", **{"made": 40, **table}))


def test_only_texts_and_parameters_decide_them() -> None:
    assert make() == make()
    assert make() != make(TEXTS[::-1])
    assert make() != make(dropped=0.5)


def test_more_texts_begin_with_the_fewer_ones() -> None:
    assert make(made=3) == make()[: 3 * len(TEXTS)]


@pytest.mark.parametrize("table", [{}, {"dropped": 0.99}, {"replaced": 0.99}, {"dropped": 0.5, "replaced": 0.5}])
def test_they_have_words_of_the_texts_alone_and_at_least_one(table: dict[str, Any]) -> None:
    words = {word for text in TEXTS for word in text.split()}
    made = make(**table)
    assert len(made) == 40 * len(TEXTS)
    assert all(text.split() and set(text.split()) <= words for text in made)


def test_none_are_made_of_texts_without_words_or_if_none_are_asked_for() -> None:
    assert make(["", " \t "]) == []
    assert len(make(["", "one word"])) == 40
    assert make(made=0) == []


def pairs(text: str) -> set[tuple[str, str]]:
    """Neighboring words, with an empty word on both sides."""
    return set(itertools.pairwise(["", *text.split(), ""]))


def test_without_changes_all_neighbors_are_neighbors_in_a_text() -> None:
    draw = random.Random(1)  # noqa: S311  no secret
    train = [" ".join(draw.choices("abcdefgh", k=9)) for _ in range(30)]
    made = make(train, dropped=0.0, replaced=0.0)
    assert set().union(*map(pairs, made)) <= set().union(*map(pairs, train))
    assert len(set(made) - set(train)) > len(made) / 2


def test_texts_cross_at_a_pair_that_they_share_before_a_word() -> None:
    """After `b c` stand d and e, and after any c also f: a text with `b c` goes on as the others with it."""
    made = set(make(["a b c d", "g b c e", "h c f"], dropped=0.0, replaced=0.0, made=200))
    assert made == {"a b c d", "a b c e", "g b c d", "g b c e", "h c f", "h c d", "h c e"}


def test_a_word_is_replaced_by_words_of_the_same_place() -> None:
    """Words of the other text in the second and the fourth place take three crossings, or a replaced word."""
    texts = ["l a m b n c o d p", "l A m B n C o D p", "z"]
    found = [set(make(texts, dropped=0.0, replaced=share, made=300)) for share in (0.0, 0.5)]
    assert ["l a m B n c o D p" in made for made in found] == [False, True]
    assert all(text == "z" or "z" not in text for made in found for text in made)


def test_the_share_of_dropped_words() -> None:
    text = [" ".join(f"w{number}" for number in range(200))]
    whole, cut = (
        sum(len(made.split()) for made in make(text, dropped=share, replaced=0.0, made=200)) for share in (0.0, 0.3)
    )
    assert cut / whole == pytest.approx(0.7, abs=0.1)
