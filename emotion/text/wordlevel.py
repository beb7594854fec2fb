"""The word-level tokenizer of the ANN and the LSTM, learnt from train alone."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, trainers

from emotion.params import TextParams

PAD, UNKNOWN = "[PAD]", "[UNK]"
PAD_ID, UNKNOWN_ID = 0, 1
# Scripts that are written without spaces: one token a character, with the marks that sit on it.
SPACELESS = r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}]\p{M}*"
# Words with their apostrophes ("don't"), and every other visible character by itself.
WORD = r"\w+(?:['’]\w+)*|[^\w\s]"  # noqa: RUF001  the typographic apostrophe is meant


def learn_tokenizer(texts: Iterable[str], params: TextParams) -> Tokenizer:
    """Learn the commonest words of `texts`, ties in alphabetical order.

    The tokenizer cuts and pads to `params.max_length` by itself: its JSON is all that is needed to use it.
    """
    tokenizer = Tokenizer(models.WordLevel(unk_token=UNKNOWN))
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
    trainer = trainers.WordLevelTrainer(
        vocab_size=params.vocabulary, special_tokens=[PAD, UNKNOWN], show_progress=False
    )
    tokenizer.train_from_iterator(texts, trainer)
    tokenizer.enable_truncation(params.max_length)
    tokenizer.enable_padding(direction=params.padding, pad_id=PAD_ID, pad_token=PAD, length=params.max_length)
    return tokenizer


def encode(tokenizer: Tokenizer, texts: Sequence[str]) -> NDArray[np.int32]:
    """Token ids, int32 (rows, max_length), cut and padded as the tokenizer says."""
    encodings = tokenizer.encode_batch_fast(list(texts))
    return np.asarray([encoding.ids for encoding in encodings], dtype=np.int32)


@dataclass(frozen=True)
class Coverage:
    """How well a tokenizer fits texts: shares between 0 and 1."""

    unknown_tokens: float
    truncated_rows: float

    def warnings(self) -> list[str]:
        """Say what is likely to cost accuracy: over 20 % unknown tokens, over 5 % of rows cut."""
        found = []
        if self.unknown_tokens > 0.20:  # noqa: PLR2004
            found.append(
                f"{self.unknown_tokens:.1%} of validation's tokens are unknown: train and validation differ in"
                " language or domain, or [text] vocabulary is too small"
            )
        if self.truncated_rows > 0.05:  # noqa: PLR2004
            found.append(f"{self.truncated_rows:.1%} of validation's rows are cut: raise [text] max_length")
        return found


def coverage(tokenizer: Tokenizer, texts: Sequence[str]) -> Coverage:
    """Measure unknown tokens and cut rows, before cutting and padding."""
    whole = Tokenizer.from_str(tokenizer.to_str())
    limit = (whole.truncation or {}).get("max_length", 0)
    whole.no_truncation()
    whole.no_padding()
    rows = [encoding.ids for encoding in whole.encode_batch_fast(list(texts))]
    tokens = sum(map(len, rows))
    unknown = sum(ids.count(UNKNOWN_ID) for ids in rows)
    cut = sum(len(ids) > limit for ids in rows)
    return Coverage(unknown / max(tokens, 1), cut / max(len(rows), 1))
