"""Token ids of many texts as one array with padding."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

# Rows of a part: with 512 tokens per row and eight bytes per token, a part has 17 MB.
PART_ROWS = 4096


@dataclass(frozen=True)
class Encoded:
    """Token ids int32 (rows, length) and the number of tokens per row, int32 (rows,); the rest is `pad`.

    Padding is on the right, or on the left with `left`.
    """

    ids: NDArray[np.int32]
    lengths: NDArray[np.int32]
    pad: int
    left: bool = False

    def __len__(self) -> int:
        return len(self.ids)

    def parts(self) -> "Iterator[Encoded]":
        """Yield the rows in parts: working arrays for a part are small."""
        for first in range(0, max(len(self), 1), PART_ROWS):
            yield self.rows(np.arange(first, min(first + PART_ROWS, len(self))))

    def rows(self, chosen: NDArray[np.int64]) -> "Encoded":
        """Select rows by index, in the order of `chosen`."""
        return Encoded(self.ids[chosen], self.lengths[chosen], self.pad, self.left)

    def padded_to(self, length: int) -> "Encoded":
        """Give the same rows with more or less padding: int32 (rows, `length`)."""
        missing = length - self.ids.shape[1]
        if missing > 0:
            padding = ((0, 0), (missing, 0) if self.left else (0, missing))
            return Encoded(np.pad(self.ids, padding, constant_values=self.pad), self.lengths, self.pad, self.left)
        kept = self.ids[:, -missing:] if self.left else self.ids[:, :length]
        return Encoded(kept, self.lengths, self.pad, self.left)

    def inputs(self, names: Sequence[str]) -> dict[str, NDArray[np.int32]]:
        """Give the model's inputs `names`: `input_ids`, `attention_mask`, `token_type_ids`; int32 (rows, length)."""
        positions = np.arange(self.ids.shape[1])
        if self.left:
            positions = positions[::-1]
        mask = (positions < self.lengths[:, None]).astype(np.int32)
        known = {"input_ids": self.ids, "attention_mask": mask, "token_type_ids": np.zeros_like(self.ids)}
        return {name: known[name] for name in names}


def encode(tokenizer: Tokenizer, texts: Sequence[str]) -> Encoded:
    """Tokenize, cut and pad texts: to the tokenizer's fixed length, or to the longest of `texts`."""
    padding = tokenizer.padding or {}
    pad, left = int(padding["pad_id"]), padding["direction"] == "left"
    encodings = tokenizer.encode_batch_fast(list(texts))
    width = max(map(len, encodings), default=0)
    ids = np.full((len(encodings), width), pad, np.int32)
    for row, encoding in zip(ids, encodings, strict=True):
        row[slice(width - len(encoding), None) if left else slice(len(encoding))] = encoding.ids
    lengths = np.asarray([sum(encoding.attention_mask) for encoding in encodings], dtype=np.int32)
    return Encoded(ids, lengths, pad, left)
