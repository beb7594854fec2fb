"""Coverage: the shares of unknown tokens and of cut texts, and their warnings."""

import pytest
from tokenizers import Tokenizer

from emotion.params.schema import WordTextTable
from emotion.text.coverage import Coverage, coverage
from emotion.text.encoded import encode
from emotion.text.vocabulary import UNKNOWN_ID, learn_tokenizer


def learn(*texts: str, max_length: int = 8) -> Tokenizer:
    return learn_tokenizer(texts, WordTextTable(max_length=max_length), max_length)


def test_shares_are_counted_before_cutting_and_padding() -> None:
    found = coverage(learn("a b", max_length=3), ["a b", "a z", "a a a a z z", "a b a"], UNKNOWN_ID)
    assert found.unknown_tokens == pytest.approx(3 / 13)
    assert found.truncated_rows == pytest.approx(1 / 4)


def test_a_tokenizer_without_an_unknown_token_knows_everything() -> None:
    found = coverage(learn("a b", max_length=3), ["z z z z", "a"], None)
    assert found == Coverage(unknown_tokens=0.0, truncated_rows=0.5)


def test_the_tokenizer_goes_on_cutting_and_padding() -> None:
    tokenizer = learn("a b", max_length=3)
    coverage(tokenizer, ["a b"], UNKNOWN_ID)
    assert encode(tokenizer, ["a b a b", "a"]).ids.tolist() == [[2, 3, 2], [2, 0, 0]]


@pytest.mark.parametrize("texts", [[], [""], ["  "]])
def test_nothing_to_read_is_nothing_unknown(texts: list[str]) -> None:
    assert coverage(learn("a b"), texts, UNKNOWN_ID) == Coverage(0.0, 0.0)


def test_a_good_fit_needs_no_warning() -> None:
    assert Coverage(unknown_tokens=0.2, truncated_rows=0.05).warnings() == []


def test_many_unknown_words_are_told_with_their_share() -> None:
    (warning,) = Coverage(unknown_tokens=0.213, truncated_rows=0.0).warnings()
    assert "21.3%" in warning
    assert "vocabulary" in warning


def test_many_cut_rows_are_told_with_their_share() -> None:
    (warning,) = Coverage(unknown_tokens=0.0, truncated_rows=0.067).warnings()
    assert "6.7%" in warning
    assert "max_length" in warning
