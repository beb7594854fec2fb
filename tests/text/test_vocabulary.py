"""The vocabulary: what a word is, which words are kept, and that the tokenizer's JSON is sufficient."""

from pathlib import Path
from typing import Literal

import numpy as np
import pytest
from tokenizers import Tokenizer

from emotion.params.schema import WordTextTable
from emotion.text.encoded import encode
from emotion.text.vocabulary import learn_tokenizer, with_short_padding

TEXTS = ["I feel fine today, don't you?", "you feel   FURIOUS; really!", "naïve café", "日本語 ไทย 😀"]


def learn(
    *texts: str, vocabulary: int = 100, max_length: int = 8, padding: Literal["left", "right"] = "right"
) -> Tokenizer:
    params = WordTextTable(vocabulary=vocabulary, max_length=max_length, padding=padding)
    return learn_tokenizer(texts, params, max_length)


def ids(tokenizer: Tokenizer, *texts: str) -> list[list[int]]:
    found: list[list[int]] = encode(tokenizer, texts).ids.tolist()
    return found


def words(text: str) -> list[str]:
    """Split `text` into words by a tokenizer that is learned from it."""
    encoding = learn(text, max_length=64).encode(text)
    return encoding.tokens[: sum(encoding.attention_mask)]


def vocabulary(tokenizer: Tokenizer) -> list[str]:
    ids_by_word = tokenizer.get_vocab()
    return sorted(ids_by_word, key=lambda word: ids_by_word[word])


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
        assert ids(tokenizer, "a b c d") == [[2, 3, 1, 1, 0, 0, 0, 0]]

    def test_words_of_other_texts_are_unknown(self) -> None:
        assert ids(learn("a b"), "b z a") == [[3, 1, 2, 0, 0, 0, 0, 0]]

    def test_encoding_teaches_nothing(self) -> None:
        tokenizer = learn("a b")
        ids(tokenizer, "z z z")
        assert ids(tokenizer, "z")[0][0] == 1


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
        assert ids(tokenizer, same) == ids(tokenizer, text)
        assert ids(tokenizer, same)[0][0] > 1

    def test_an_accent_makes_another_word(self) -> None:
        assert ids(learn("résumé"), "resume")[0][0] == 1


class TestShape:
    def test_ids_are_cut_and_padded_to_one_length(self) -> None:
        found = encode(learn("a b c", max_length=2), ["a b c", "c", ""])
        assert found.ids.dtype == np.int32
        assert found.ids.tolist() == [[2, 3], [4, 0], [0, 0]]
        assert (found.lengths.tolist(), found.left) == ([2, 1, 0], False)

    def test_padding_on_the_left_cuts_the_same_words(self) -> None:
        found = encode(learn("a b c", max_length=2, padding="left"), ["a b c", "c", ""])
        assert found.ids.tolist() == [[2, 3], [0, 4], [0, 0]]
        assert (found.lengths.tolist(), found.left) == ([2, 1, 0], True)

    def test_without_a_length_only_a_text_without_words_is_padded(self, tmp_path: Path) -> None:
        tokenizer = learn_tokenizer(["a b c"], WordTextTable(max_length=2, padding="left"), None)
        tokenizer.save(str(tmp_path / "tokenizer.json"))
        found = Tokenizer.from_file(str(tmp_path / "tokenizer.json"))
        assert [encoding.ids for encoding in found.encode_batch(["a b c", "c", "", "?"])] == [[2, 3], [4], [0], [1]]
        encoded = encode(found, ["a b c", "c", ""])
        assert encoded.ids.tolist() == [[2, 3], [0, 4], [0, 0]]
        assert encoded.lengths.tolist() == [2, 1, 0]
        assert encode(found, []).ids.shape == (0, 0)

    def test_by_default_the_first_35_words_are_kept(self) -> None:
        text = " ".join(f"w{number}" for number in range(50))
        tokenizer = learn_tokenizer([text], WordTextTable(), 35)
        assert tokenizer.encode(text).tokens == [f"w{number}" for number in range(35)]
        assert encode(tokenizer, ["w1"]).ids.shape == (1, 35)


@pytest.mark.parametrize("padding", ["left", "right"])
def test_the_json_gives_the_same_ids(tmp_path: Path, padding: Literal["left", "right"]) -> None:
    tokenizer = learn(*TEXTS, padding=padding, vocabulary=12)
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    texts = [*TEXTS, "", "unknown words " * 20, "Cafe\u0301 日本 😀"]
    stored = Tokenizer.from_file(str(tmp_path / "tokenizer.json"))
    assert ids(stored, *texts) == ids(tokenizer, *texts)
    assert Tokenizer.from_str(tokenizer.to_str()).to_str() == tokenizer.to_str()


def test_the_same_texts_give_the_same_json() -> None:
    assert learn(*TEXTS).to_str() == learn(*TEXTS).to_str()


@pytest.mark.parametrize(("max_length", "multiple"), [(35, 5), (48, 6), (37, 1), (4, 4), (1, 1)])
def test_short_padding_reaches_the_greatest_length(max_length: int, multiple: int) -> None:
    tokenizer = learn_tokenizer(["so happy"], WordTextTable(max_length=max_length), max_length)
    short = with_short_padding(tokenizer, max_length)
    assert (short.padding or {})["pad_to_multiple_of"] == multiple
    assert short.encode("so").ids == tokenizer.encode("so").ids[:multiple]
    assert len(tokenizer.encode("so").ids) == max_length
