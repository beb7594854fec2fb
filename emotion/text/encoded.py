"""Token ids of many texts as one array, and what of it is padding."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer


@dataclass(frozen=True)
class Encoded:
    """Token ids int32 (rows, places) and how many of each row are tokens, int32 (rows,); the rest is `pad`.

    Padding stands on the right, or in front where `left` says so.
    """

    ids: NDArray[np.int32]
    lengths: NDArray[np.int32]
    pad: int
    left: bool = False

    def __len__(self) -> int:
        return len(self.ids)

    def rows(self, chosen: NDArray[np.int64]) -> "Encoded":
        """Some rows, in that order."""
        return Encoded(self.ids[chosen], self.lengths[chosen], self.pad, self.left)

    def narrowed(self, places: int) -> "Encoded":
        """The same rows over `places` places, by leaving out padding; widened where there are fewer."""
        found = self.ids.shape[1]
        if places > found:
            more = ((0, 0), (places - found, 0) if self.left else (0, places - found))
            return Encoded(np.pad(self.ids, more, constant_values=self.pad), self.lengths, self.pad, self.left)
        kept = self.ids[:, found - places :] if self.left else self.ids[:, :places]
        return Encoded(kept, self.lengths, self.pad, self.left)

    def inputs(self, names: Sequence[str]) -> dict[str, NDArray[np.int32]]:
        """What a model takes, by name: `input_ids`, and where asked for `attention_mask` and `token_type_ids`."""
        places = np.arange(self.ids.shape[1])
        if self.left:
            places = places[::-1]
        mask = (places < self.lengths[:, None]).astype(np.int32)
        known = {"input_ids": self.ids, "attention_mask": mask, "token_type_ids": np.zeros_like(self.ids)}
        return {name: known[name] for name in names}


def encode(tokenizer: Tokenizer, texts: Sequence[str]) -> Encoded:
    """Tokenize, cut and pad as the tokenizer says: to a length of its own, or to the longest of `texts`."""
    padding = tokenizer.padding or {}
    encodings = tokenizer.encode_batch_fast(list(texts))
    return Encoded(
        np.asarray([encoding.ids for encoding in encodings], dtype=np.int32),
        np.asarray([sum(encoding.attention_mask) for encoding in encodings], dtype=np.int32),
        int(padding["pad_id"]),
        left=padding["direction"] == "left",
    )
