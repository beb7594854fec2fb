"""Splits texts into the words of the ANN and the LSTM: by `tokenizers`, and ten times faster for plain ASCII.

For ASCII the rules are short: Unicode forms, scripts without spaces and Chinese characters have no part in them. Any
other tokenizer.json, and any other text, belongs to `tokenizers`.
"""

import json
import re
from collections.abc import Iterable, Sequence
from itertools import repeat
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers

# Scripts that are written without spaces: a token is a character with its combining marks.
SPACELESS = r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}]\p{M}*"
# A token is a word with its apostrophes ("don't"), or any other visible character.
WORD = r"\w+(?:['’]\w+)*|[^\w\s]"  # noqa: RUF001  the typographic apostrophe is meant
# The same for ASCII, without the typographic apostrophe.
TOKENS = re.compile(r"\w+(?:'\w+)*|[^\w\s]", re.ASCII)
# White space that is kept as a space. All other control characters are removed, and join what is beside them.
SPACES = str.maketrans("\t\n\r", "   ")


def split_into_words(tokenizer: Tokenizer) -> Tokenizer:
    """Set the rules by which a text becomes words: lower case, apostrophes within words, scripts without spaces."""
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
    """Words and token ids of plain ASCII texts, not cut."""

    def __init__(self, vocabulary: dict[str, int], unknown: int, added: list[str]) -> None:
        self._vocabulary, self._unknown, self._added = vocabulary, unknown, added

    @classmethod
    def of(cls, tokenizer: Tokenizer) -> "AsciiWords | None":
        """The same rules as those of `tokenizer`; None if it has other rules than `split_into_words` gives."""
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

    def split(self, texts: Sequence[str], longest: int) -> list[list[str] | None]:
        """Words of the texts.

        A text is None if it is not plain ASCII, has an added token such as [PAD], or has over `longest` characters.
        """
        joined = "\n".join(texts)
        if max(map(len, texts), default=0) <= longest and joined.count("\n") == len(texts) - 1:
            plain = joined.replace("\n", " ")
            if self._is_plain(plain):
                letters = plain.replace(" ", "").isalpha()
                return [text.split() if letters else _words(text) for text in joined.lower().split("\n")]
        return [self._split(text) if len(text) <= longest else None for text in texts]

    def ids(self, words: Iterable[str], count: int) -> NDArray[np.int64]:
        """Ids of `count` words, int64 (count,)."""
        return np.fromiter(map(self._vocabulary.get, words, repeat(self._unknown)), np.int64, count)

    def _split(self, text: str) -> list[str] | None:
        plain = text if text.isprintable() else text.translate(SPACES)
        return _words(plain.lower()) if self._is_plain(plain) else None

    def _is_plain(self, text: str) -> bool:
        return text.isascii() and text.isprintable() and not any(token in text for token in self._added)


def _words(lower: str) -> list[str]:
    """Words of a text in lower case. Letters and spaces are split in half the time."""
    return lower.split() if lower.replace(" ", "").isalpha() else TOKENS.findall(lower)
