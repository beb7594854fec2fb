"""Measures how well a tokenizer fits a data set: unknown tokens and cut rows."""

from collections.abc import Sequence
from dataclasses import dataclass

from tokenizers import Tokenizer


@dataclass(frozen=True)
class Coverage:
    """Shares of unknown tokens and of cut rows, from 0 to 1."""

    unknown_tokens: float
    truncated_rows: float

    def warnings(self) -> list[str]:
        """Warn of likely losses of accuracy: over 20 % unknown tokens, over 5 % cut rows."""
        found = []
        if self.unknown_tokens > 0.20:  # noqa: PLR2004
            found.append(
                f"{self.unknown_tokens:.1%} of validation's tokens are unknown: train and validation differ in"
                " language or domain, or the tokenizer's vocabulary is too small"
            )
        if self.truncated_rows > 0.05:  # noqa: PLR2004
            found.append(f"{self.truncated_rows:.1%} of validation's rows are cut: raise [text] max_length")
        return found


def coverage(tokenizer: Tokenizer, texts: Sequence[str], unknown_id: int | None) -> Coverage:
    """Measure unknown tokens and cut rows, before cutting and padding. A byte-level tokenizer has no `unknown_id`."""
    whole = Tokenizer.from_str(tokenizer.to_str())
    limit = (whole.truncation or {}).get("max_length", 0)
    whole.no_truncation()
    whole.no_padding()
    rows = [encoding.ids for encoding in whole.encode_batch_fast(list(texts))]
    tokens = sum(map(len, rows))
    unknown = sum(ids.count(unknown_id) for ids in rows) if unknown_id is not None else 0
    cut = sum(len(ids) > limit for ids in rows)
    return Coverage(unknown / max(tokens, 1), cut / max(len(rows), 1))
