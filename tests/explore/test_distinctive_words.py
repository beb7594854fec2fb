"""Distinctive words: z-scores against the paper's formulas, and data in which no word is distinctive."""

from collections import Counter
from math import log, sqrt

import pytest

from emotion.explore.distinctive_words import DistinctiveWord, distinctive_words
from emotion.explore.word_counts import words_by_label
from tests.explore.scenes import make_words

CORPUS = {
    "joy": "so happy so glad the day is fine happy happy",
    "fear": "the night is dark so afraid so afraid the the",
    "anger": "the fool is mad at the day",
}


def distinctive(corpus: dict[str, str]) -> dict[str, list[DistinctiveWord]]:
    words = make_words(list(corpus.values()))
    return distinctive_words(words, words_by_label(words, list(corpus)))


def z_by_the_paper(word: str, label: str) -> float:
    """Equations 16 to 22 for one word, alpha_w its count in the corpus; nothing is vectorised."""
    all_counts = Counter(" ".join(CORPUS.values()).split())
    here = Counter(CORPUS[label].split())
    alpha, alpha_0 = all_counts[word], sum(all_counts.values())
    y_i, y_j = here[word], all_counts[word] - here[word]
    n_i = sum(here.values())
    n_j = alpha_0 - n_i
    delta = log((y_i + alpha) / (n_i + alpha_0 - y_i - alpha)) - log((y_j + alpha) / (n_j + alpha_0 - y_j - alpha))
    return delta / sqrt(1 / (y_i + alpha) + 1 / (y_j + alpha))


@pytest.mark.parametrize("label", list(CORPUS))
def test_scores_are_those_of_the_paper(label: str) -> None:
    vocabulary = set(" ".join(CORPUS.values()).split())
    expected = {word: z for word in vocabulary if (z := z_by_the_paper(word, label)) > 0}

    found = distinctive(CORPUS)[label]

    assert {word.word: word.z for word in found} == pytest.approx(expected)
    assert [word.z for word in found] == sorted(expected.values(), reverse=True)


def test_the_most_distinctive_word_is_frequent_here_and_absent_elsewhere() -> None:
    found = distinctive(CORPUS)
    assert (found["joy"][0].word, found["joy"][0].in_label, found["joy"][0].in_train) == ("happy", 3, 3)
    assert found["fear"][0].word == "afraid"


def test_at_most_ten_words_a_label() -> None:
    found = distinctive({"a": " ".join(f"w{number}" for number in range(40)), "b": "x"})
    assert len(found["a"]) == 10
    assert [word.word for word in found["b"]] == ["x"]


@pytest.mark.parametrize("corpus", [{}, {"only": "a b c"}, {"a": "same", "b": "same"}, {"a": "\u200b", "b": "\u200b"}])
def test_where_nothing_can_be_told_apart(corpus: dict[str, str]) -> None:
    assert distinctive(corpus) == {label: [] for label in corpus}


def test_a_label_whose_texts_have_no_words() -> None:
    assert distinctive({"a": "x y", "b": "\u200b"})["b"] == []
