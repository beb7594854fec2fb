"""Splits texts into the words of the ANN and the LSTM: by `tokenizers`, and ten times faster for plain ASCII.

For ASCII the rules are short: Unicode forms, scripts without spaces and Chinese characters have no part in them. Any
other tokenizer.json, and any other text, belongs to `tokenizers`.
"""

import json
import re
from itertools import repeat
from typing import Any

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
    """Token ids of plain ASCII texts, not cut."""

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

    def ids(self, text: str) -> list[int] | None:
        """Token ids of a text; None if the text is not plain ASCII, or has an added token such as [PAD]."""
        if not text.isascii():
            return None
        plain = text if text.isprintable() else text.translate(SPACES)
        if not plain.isprintable() or any(token in text for token in self._added):
            return None
        lower = plain.lower()
        # Letters and spaces are split in half the time.
        words = lower.split() if lower.replace(" ", "").isalpha() else TOKENS.findall(lower)
        return list(map(self._vocabulary.get, words, repeat(self._unknown)))
