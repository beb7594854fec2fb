"""Splits texts into words for ANN and LSTM: with `tokenizers`, or ten times faster for plain ASCII.

For ASCII the rules are short, without Unicode forms, scripts without spaces and Chinese characters. `tokenizers`
handles any other tokenizer.json and any other text.
"""

import json
import re
from collections.abc import Sequence
from itertools import repeat
from string import ascii_letters
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers

# Scripts without spaces: a token is a character with its combining marks.
SPACELESS = r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}]\p{M}*"
# A token is a word with its apostrophes ("don't"), or any other visible character.
WORD = r"\w+(?:['’]\w+)*|[^\w\s]"  # noqa: RUF001  the typographic apostrophe is meant
# The same for ASCII, without the typographic apostrophe.
TOKENS = re.compile(r"\w+(?:'\w+)*|[^\w\s]", re.ASCII)
LETTER_BYTES = ascii_letters.encode() + b" "
# Printable ASCII, and white space that becomes a space. Other control characters are removed, which joins their
# neighbors.
PLAIN_BYTES = bytes(range(0x20, 0x7F)) + b"\t\n\r"
# Kinds of texts: only letters and spaces, other plain ASCII, all other texts.
LETTERS, ASCII, OTHER = range(3)
# A word that no plain text has, and its id.
BETWEEN, NO_ID = " \1 ", -1


def split_into_words(tokenizer: Tokenizer) -> Tokenizer:
    """Set the rules for splitting a text into words: lower case, apostrophes within words, scripts without spaces."""
    tokenizer.normalizer = normalizers.Sequence(
        [
            normalizers.NFC(),
            normalizers.BertNormalizer(clean_text=True, handle_chinese_chars=True, strip_accents=False, lowercase=True),
        ]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(SPACELESS), "isolated"),
            pre_tokenizers.Split(Regex(WORD), "removed", invert=True),
        ]
    )
    return tokenizer


class AsciiWords:
    """Words and token ids of plain ASCII texts, without cutting."""

    def __init__(self, vocabulary: dict[str, int], unknown: int, added: list[str]) -> None:
        self._vocabulary, self._unknown, self._added = {**vocabulary, BETWEEN.strip(): NO_ID}, unknown, added

    @classmethod
    def of(cls, tokenizer: Tokenizer) -> "AsciiWords | None":
        """Make the same rules as `tokenizer`; None if its rules differ from `split_into_words`."""
        rules: dict[str, Any] = json.loads(tokenizer.to_str())
        expected = json.loads(split_into_words(Tokenizer(models.WordLevel({}, unk_token=""))).to_str())
        same = all(rules[key] == expected[key] for key in ("normalizer", "pre_tokenizer"))
        model, added = rules["model"], rules["added_tokens"]
        if not same or rules["post_processor"] is not None or model["type"] != "WordLevel":
            return None
        if any(token["normalized"] for token in added):
            return None
        vocabulary: dict[str, int] = model["vocab"]
        unknown = vocabulary.get(model["unk_token"])
        return cls(vocabulary, unknown, [token["content"] for token in added]) if unknown is not None else None

    def kinds(self, texts: Sequence[str], longest: int) -> NDArray[np.int8]:
        """Give the kind of every text, int8 (texts,): LETTERS, ASCII or OTHER."""
        if max(map(len, texts), default=0) <= longest and self._kind("".join(texts)) == LETTERS:
            return np.full(len(texts), LETTERS, np.int8)
        kinds = (self._kind(text) if len(text) <= longest else OTHER for text in texts)
        return np.fromiter(kinds, np.int8, len(texts))

    def ids(self, texts: Sequence[str], kind: int) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
        """Give the token ids of texts of one kind, LETTERS or ASCII.

        Returns the ids of all texts with a separator between texts, int64; and the start and number of every text's
        ids, both int64 (texts,).
        """
        joined = BETWEEN.join(texts).lower()
        words = joined.split() if kind == LETTERS else TOKENS.findall(joined)
        ids = np.fromiter(map(self._vocabulary.get, words, repeat(self._unknown)), np.int64, len(words))
        stops = np.append(np.flatnonzero(ids == NO_ID), len(ids))
        starts = np.append(0, stops[:-1] + 1)
        return ids, starts, stops - starts

    def _kind(self, text: str) -> int:
        others = text.encode("utf-8", "surrogatepass").translate(None, LETTER_BYTES)
        if others.translate(None, PLAIN_BYTES) or any(token in text for token in self._added):
            return OTHER
        return ASCII if others else LETTERS
