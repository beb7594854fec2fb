"""ASCII texts have the ids that `tokenizers` gives; all other texts, and all other rules, are left to it."""

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers

from emotion.params.schema import WordTextTable
from emotion.text.vocabulary import learn_tokenizer, learn_words
from emotion.text.words import ASCII, LETTERS, AsciiWords

WORDS = [
    "i",
    "feel",
    "don't",
    "rock'n'roll",
    "so",
    "7",
    "_x_",
    "!",
    "'",
    "a'",
    "'b",
    "[",
    "]",
    "PAD",
    "Feel",
    "\t",
    "\n",
]
LEARNED = learn_words(["i don't feel so ! rock'n'roll 7 _x_ [ ' a b c d e"] * 2, 15)
ASCII_TEXT = st.characters(max_codepoint=127)


def words_of(tokenizer: Tokenizer) -> AsciiWords:
    words = AsciiWords.of(tokenizer)
    assert words is not None
    return words


def all_ids(tokenizer: Tokenizer, texts: Sequence[str], longest: int = 10_000) -> list[list[int] | None]:
    """Ids of the texts; None of those that are left to the tokenizer."""
    words, found = words_of(tokenizer), dict[int, list[int]]()
    kinds = words.kinds(texts, longest)
    for kind in (LETTERS, ASCII):
        rows = np.flatnonzero(kinds == kind).tolist()
        if rows:
            ids, starts, counts = words.ids([texts[row] for row in rows], kind)
            found |= {row: ids[at : at + size].tolist() for row, at, size in zip(rows, starts, counts, strict=True)}
    return [found.get(row) for row in range(len(texts))]


def ids_of(tokenizer: Tokenizer, text: str) -> list[int] | None:
    return all_ids(tokenizer, [text])[0]


@settings(max_examples=2000)
@given(
    st.one_of(
        st.text(ASCII_TEXT),
        st.lists(st.sampled_from(WORDS)).map(" ".join),
        st.lists(st.sampled_from(WORDS)).map("".join),
    )
)
@example("[PAD] feel")
@example("a\x00b\x0bc\x0cd\x1ce\x7f")
@example("a\tb\r\nc")
@example("I'M  'so' it''s")
def test_ids_are_those_of_tokenizers(text: str) -> None:
    ids = ids_of(LEARNED, text)
    assert ids is None or ids == LEARNED.encode(text).ids


@given(
    st.lists(st.one_of(st.text(ASCII_TEXT), st.lists(st.sampled_from([*WORDS, "é"])).map(" ".join)), max_size=5)
    | st.lists(st.lists(st.sampled_from(["i", "Feel", "so"])).map(" ".join), max_size=5)
)
def test_texts_have_the_same_ids_alone_and_together(texts: list[str]) -> None:
    assert all_ids(LEARNED, texts) == [ids_of(LEARNED, text) for text in texts]


@given(st.lists(st.sampled_from([*WORDS, "\n", " "])).map(" ".join))
def test_usual_texts_need_no_tokenizer(text: str) -> None:
    assert ids_of(LEARNED, text) is not None


@pytest.mark.parametrize(
    "text", ["café", "i\u2019m", "so\u00a0so", "\ufeffso", "a\x00b", "a\x0bb", "a\x7fb", "so [PAD] so", "[UNK]", "笑"]
)
def test_other_texts_are_left_to_it(text: str) -> None:
    assert ids_of(LEARNED, text) is None


def test_an_added_token_of_letters_is_left_to_it() -> None:
    token = {"id": 1, "content": "so", "single_word": False, "lstrip": False, "rstrip": False, "special": True}
    tokenizer = changed(added_tokens=[{**token, "normalized": False}])
    assert all_ids(tokenizer, ["i feel", "so sad"]) == [LEARNED.encode("i feel").ids, None]


def test_cutting_and_padding_change_no_id() -> None:
    tokenizer = learn_tokenizer(["so happy"] * 3, WordTextTable(max_length=2), 2)
    assert ids_of(tokenizer, "so happy so so") == [3, 2, 3, 3]


def test_a_long_text_is_left_to_it() -> None:
    assert all_ids(LEARNED, ["so so", "so"], 4) == [None, LEARNED.encode("so").ids]


def changed(**rules: Any) -> Tokenizer:
    return Tokenizer.from_str(json.dumps({**json.loads(LEARNED.to_str()), **rules}))


def with_added(**flags: bool) -> Tokenizer:
    token = {"id": 1, "content": "[UNK]", "single_word": False, "lstrip": False, "rstrip": False, "special": True}
    return changed(added_tokens=[{**token, "normalized": False, **flags}])


def other_rules() -> list[Tokenizer]:
    lower, spaces, piece = (Tokenizer.from_str(LEARNED.to_str()) for _ in range(3))
    lower.normalizer = normalizers.Lowercase()
    spaces.pre_tokenizer = pre_tokenizers.Whitespace()
    piece.model = models.WordPiece({"[UNK]": 0}, unk_token="[UNK]")
    return [lower, spaces, piece, with_added(normalized=True), Tokenizer(models.WordLevel({"a": 0}, unk_token="a"))]


@pytest.mark.parametrize("tokenizer", other_rules())
def test_other_rules_are_left_to_it(tokenizer: Tokenizer) -> None:
    assert AsciiWords.of(tokenizer) is None


def test_an_unknown_word_needs_an_id() -> None:
    tokenizer = Tokenizer.from_str(LEARNED.to_str())
    tokenizer.model = models.WordLevel({"a": 0}, unk_token="?")
    assert AsciiWords.of(tokenizer) is None
