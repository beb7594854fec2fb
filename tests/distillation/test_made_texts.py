"""Made texts: repeatable, of train's words alone, never empty, with as many changes as the parameters say."""

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


def test_without_changes_they_are_a_beginning_and_an_end() -> None:
    beginnings = {tuple(text.split()[:stop]) for text in TEXTS for stop in range(1, 5)}
    ends = {tuple(text.split()[start:]) for text in TEXTS for start in range(4)}
    made = make(dropped=0.0, replaced=0.0)
    assert all(
        any(words[:cut] in beginnings and words[cut:] in ends for cut in range(1, len(words)))
        for words in (tuple(text.split()) for text in made)
    )
    assert len(set(made)) > 30


def test_a_word_is_replaced_by_words_of_the_same_place() -> None:
    """Between l and r stand x and y: no beginning and end make `s l y r l y r`, and no place takes z."""
    found = [set(make(["s l x r l y r", "z"], dropped=0.0, replaced=share, made=200)) for share in (0.0, 0.9)]
    assert ["s l y r l y r" in made for made in found] == [False, True]
    assert not any("l z r" in text for made in found for text in made)


def test_the_share_of_dropped_words() -> None:
    text = [" ".join(f"w{number}" for number in range(200))]
    whole, cut = (
        sum(len(made.split()) for made in make(text, dropped=share, replaced=0.0, made=200)) for share in (0.0, 0.3)
    )
    assert cut / whole == pytest.approx(0.7, abs=0.1)
