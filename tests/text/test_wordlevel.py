"""The word-level tokenizer: what a word is, which words are kept, and that its JSON is all that is needed."""

from pathlib import Path
from typing import Literal

import numpy as np
import pytest
from tokenizers import Tokenizer

from emotion.params import TextParams
from emotion.text.wordlevel import Coverage, coverage, encode, learn_tokenizer

TEXTS = ["I feel fine today, don't you?", "you feel   FURIOUS; really!", "naïve café", "日本語 ไทย 😀"]


def learn(
    *texts: str, vocabulary: int = 100, max_length: int = 8, padding: Literal["left", "right"] = "right"
) -> Tokenizer:
    return learn_tokenizer(texts, TextParams(vocabulary=vocabulary, max_length=max_length, padding=padding))


def words(text: str) -> list[str]:
    """Give the words that a tokenizer learnt from `text` alone sees in it."""
    encoding = learn(text, max_length=64).encode(text)
    return encoding.tokens[: sum(encoding.attention_mask)]


def vocabulary(tokenizer: Tokenizer) -> list[str]:
    ids = tokenizer.get_vocab()
    return sorted(ids, key=lambda word: ids[word])


class TestVocabulary:
    def test_padding_and_the_unknown_word_come_first(self) -> None:
        assert vocabulary(learn("a b"))[:2] == ["[PAD]", "[UNK]"]

    def test_the_commonest_words_come_next_and_ties_in_alphabetical_order(self) -> None:
        assert vocabulary(learn("c b a", "a c b d", "a", "aa e")) == [
            "[PAD]",
            "[UNK]",
            *"abc",
            "aa",
            *"de",
        ]

    def test_ties_never_depend_on_chance(self) -> None:
        letters = "qwertzuiopasdfghjklyxcvbnm"
        for _ in range(5):
            assert vocabulary(learn(" ".join(letters)))[2:] == sorted(letters)

    def test_the_limit_counts_the_special_tokens(self) -> None:
        tokenizer = learn("c b a a c b a", "d", vocabulary=4)
        assert vocabulary(tokenizer) == ["[PAD]", "[UNK]", "a", "b"]
        assert encode(tokenizer, ["a b c d"]).tolist() == [[2, 3, 1, 1, 0, 0, 0, 0]]

    def test_words_of_other_texts_are_unknown(self) -> None:
        assert encode(learn("a b"), ["b z a"]).tolist() == [[3, 1, 2, 0, 0, 0, 0, 0]]

    def test_encoding_teaches_nothing(self) -> None:
        tokenizer = learn("a b")
        encode(tokenizer, ["z z z"])
        assert encode(tokenizer, ["z"])[0, 0] == 1


class TestWords:
    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("I feel FINE", ["i", "feel", "fine"]),
            ("  tabs\tand\nnewlines  ", ["tabs", "and", "newlines"]),
            ("well,then...", ["well", ",", "then", ".", ".", "."]),
            ("don't", ["don't"]),
            ("don’t y’all'd", ["don’t", "y’all'd"]),  # noqa: RUF001  the typographic apostrophe is meant
            ("'quoted' words'", ["'", "quoted", "'", "words", "'"]),
            ("snake_case x2", ["snake_case", "x2"]),
            ("#joy @me", ["#", "joy", "@", "me"]),
            ("Naïve CAFÉ Ångström", ["naïve", "café", "ångström"]),
            ("привет ΚΌΣΜΟΣ".upper(), ["привет", "κόσμοσ"]),
            ("हिन्दी", ["हिन्दी"]),
            ("so happy😀😀!", ["so", "happy", "😀", "😀", "!"]),
            ("日本語です", ["日", "本", "語", "で", "す"]),
            ("コーヒー", ["コ", "ー", "ヒ", "ー"]),
            ("ไทย", ["ไ", "ท", "ย"]),
            ("น้ำ", ["น้", "ำ"]),
            ("i love 東京!", ["i", "love", "東", "京", "!"]),
            ("a\x00b\u200bc", ["abc"]),
        ],
    )
    def test_what_a_word_is(self, text: str, expected: list[str]) -> None:
        assert words(text) == expected

    @pytest.mark.parametrize(
        ("text", "same"), [("cafe\u0301", "caf\u00e9"), ("か\u3099", "が"), ("\u212b", "å"), ("CAFÉ", "café")]
    )
    def test_different_ways_to_write_a_word_are_one_word(self, text: str, same: str) -> None:
        tokenizer = learn(text)
        assert encode(tokenizer, [same]).tolist() == encode(tokenizer, [text]).tolist()
        assert encode(tokenizer, [same])[0, 0] > 1

    def test_an_accent_makes_another_word(self) -> None:
        assert encode(learn("résumé"), ["resume"])[0, 0] == 1


class TestShape:
    def test_ids_are_cut_and_padded_to_one_length(self) -> None:
        ids = encode(learn("a b c", max_length=2), ["a b c", "c", ""])
        assert ids.dtype == np.int32
        assert ids.tolist() == [[2, 3], [4, 0], [0, 0]]

    def test_padding_on_the_left_cuts_the_same_words(self) -> None:
        ids = encode(learn("a b c", max_length=2, padding="left"), ["a b c", "c", ""])
        assert ids.tolist() == [[2, 3], [0, 4], [0, 0]]

    def test_by_default_the_first_35_words_are_kept(self) -> None:
        text = " ".join(f"w{number}" for number in range(50))
        tokenizer = learn_tokenizer([text], TextParams())
        assert tokenizer.encode(text).tokens == [f"w{number}" for number in range(35)]
        assert encode(tokenizer, ["w1"]).shape == (1, 35)


@pytest.mark.parametrize("padding", ["left", "right"])
def test_the_json_gives_the_same_ids(tmp_path: Path, padding: Literal["left", "right"]) -> None:
    tokenizer = learn(*TEXTS, padding=padding, vocabulary=12)
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    texts = [*TEXTS, "", "unknown words " * 20, "Cafe\u0301 日本 😀"]
    stored = Tokenizer.from_file(str(tmp_path / "tokenizer.json"))
    assert encode(stored, texts).tolist() == encode(tokenizer, texts).tolist()
    assert Tokenizer.from_str(tokenizer.to_str()).to_str() == tokenizer.to_str()


def test_the_same_texts_give_the_same_json() -> None:
    assert learn(*TEXTS).to_str() == learn(*TEXTS).to_str()


class TestCoverage:
    def test_shares_are_counted_before_cutting_and_padding(self) -> None:
        found = coverage(learn("a b", max_length=3), ["a b", "a z", "a a a a z z", "a b a"])
        assert found.unknown_tokens == pytest.approx(3 / 13)
        assert found.truncated_rows == pytest.approx(1 / 4)

    def test_the_tokenizer_goes_on_cutting_and_padding(self) -> None:
        tokenizer = learn("a b", max_length=3)
        coverage(tokenizer, ["a b"])
        assert encode(tokenizer, ["a b a b", "a"]).tolist() == [[2, 3, 2], [2, 0, 0]]

    @pytest.mark.parametrize("texts", [[], [""], ["  "]])
    def test_nothing_to_read_is_nothing_unknown(self, texts: list[str]) -> None:
        assert coverage(learn("a b"), texts) == Coverage(0.0, 0.0)

    def test_a_good_fit_needs_no_warning(self) -> None:
        assert Coverage(unknown_tokens=0.2, truncated_rows=0.05).warnings() == []

    def test_many_unknown_words_are_told_with_their_share(self) -> None:
        (warning,) = Coverage(unknown_tokens=0.213, truncated_rows=0.0).warnings()
        assert "21.3%" in warning
        assert "vocabulary" in warning

    def test_many_cut_rows_are_told_with_their_share(self) -> None:
        (warning,) = Coverage(unknown_tokens=0.0, truncated_rows=0.067).warnings()
        assert "6.7%" in warning
        assert "max_length" in warning
