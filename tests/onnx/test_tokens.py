"""Tokens in flat arrays: every text has those that the tokenizer gives, whatever stands beside it."""

import pytest
from tokenizers import Tokenizer

from emotion.onnx import tokens as module
from emotion.onnx.tokens import TextTokenizer
from emotion.text.vocabulary import learn_words

TEXTS = ["so happy", "café so", "", "so " * 20, "[PAD] so", "so\x00happy", "So, so!", "é " * 20, "so\nhappy", "\u2028"]


def make(direction: str) -> tuple[TextTokenizer, Tokenizer]:
    """Give the tokenizer as we use it, and the same for itself."""
    plain = learn_words(["so happy", "so scared", "café so!"] * 9, 20)
    plain.enable_truncation(4, direction=direction)
    return TextTokenizer(Tokenizer.from_str(plain.to_str())), plain


@pytest.mark.parametrize("direction", ["left", "right"])
@pytest.mark.parametrize("characters", [1, 10, 1 << 20])
@pytest.mark.parametrize("texts", [TEXTS, TEXTS[::-1], TEXTS * 3, ["so happy", "so"], ["café", "é"], []])
def test_texts_have_the_tokens_of_the_tokenizer(
    monkeypatch: pytest.MonkeyPatch, direction: str, characters: int, texts: list[str]
) -> None:
    monkeypatch.setattr(module, "SLICE_CHARACTERS", characters)
    ours, theirs = make(direction)
    found = ours.tokens(texts)
    rows = [slice(start, start + length) for start, length in zip(found.starts, found.lengths, strict=True)]
    assert [found.ids[row].tolist() for row in rows] == [theirs.encode(text).ids for text in texts]
    assert [found.type_ids[row].tolist() for row in rows] == [theirs.encode(text).type_ids for text in texts]
    assert found.cut.tolist() == [bool(theirs.encode(text).overflowing) for text in texts]


def test_a_text_that_the_tokenizer_refuses_has_none() -> None:
    ours, _ = make("right")
    found = ours.tokens(["so", "lone \udcff surrogate", "café"])
    assert found.lengths.tolist() == [1, -1, 1]
    assert not found.cut.any()
