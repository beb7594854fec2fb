"""Makes batches of rows with equal length, padded as set in tokenizer.json."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from emotion.errors import BadDataError
from emotion.onnx.tokens import TextTokenizer, Tokens, is_tokenizer_error

# Tokens of one session call: enough to use all cores, few enough for their caches.
BATCH_TOKENS = 4096
# Enough to fill a GPU (not measured), with some hundred megabytes of GPU memory.
GPU_BATCH_TOKENS = 1 << 15
MAX_ROW_TOKENS = 1 << 16
# A text for testing the tokenizer.
TRIAL = "one two three " * 100

# Possible inputs of a model. The mask is derived from the lengths.
INPUTS = ("input_ids", "token_type_ids", "attention_mask")


@dataclass(frozen=True, slots=True)
class Batch:
    """Rows of one session call.

    `rows` are their indices among the texts, int64 (rows,). `inputs` are the model's inputs, int64 (rows, length).
    `cut`, bool (rows,), marks texts with more tokens than the model takes.
    """

    rows: NDArray[np.int64]
    inputs: dict[str, NDArray[np.int64]]
    cut: NDArray[np.bool_]


class Batcher:
    """Turns texts into batches of rows with equal length.

    Rows of equal length run together, so rows have only the padding that the model needs. A row's scores do not depend
    on other rows: a file's parts get the same scores as the whole file.
    """

    def __init__(self, tokenizer: Tokenizer, inputs: Sequence[str], length: int | None) -> None:
        self._padding: dict[str, Any] = tokenizer.padding or {}
        self._largest_id: int = max([*tokenizer.get_vocab(with_added_tokens=True).values(), self._padding["pad_id"]])
        self._tokenizer = TextTokenizer(tokenizer)
        self._inputs = inputs
        self._length = length

    @classmethod
    def load(cls, content: bytes, path: Path, inputs: Sequence[str], length: int | None) -> "Batcher":
        """Load the `content` of tokenizer.json for a model with `inputs` of `length` tokens (None: any length).

        Raises:
            BadDataError: the file, `path`, is damaged, or does not cut and pad to the model's length.
        """
        try:
            tokenizer = Tokenizer.from_buffer(content)
            _check_settings(path, tokenizer, length)
            batcher = cls(tokenizer, inputs, length)
            tokenizer.encode(TRIAL)
        except BaseException as error:
            if isinstance(error, BadDataError) or not is_tokenizer_error(error):
                raise
            raise BadDataError(f"{path} is not a tokenizer: {error!s:.200}", "export the model again") from error
        return batcher

    @property
    def largest_id(self) -> int:
        """Give the largest id of the tokenizer."""
        return self._largest_id

    def batches(self, texts: Sequence[str], batch_tokens: int = BATCH_TOKENS) -> Iterator[Batch]:
        """Tokenize `texts` and yield batches of at most `batch_tokens`, or of one row.

        Leaves out texts that the tokenizer refuses.
        """
        tokens = self._tokenizer.tokens(texts)
        padded = np.where(tokens.lengths < 0, -1, self._padded_lengths(tokens.lengths))
        for length in np.unique(padded[padded >= 0]):
            rows = np.flatnonzero(padded == length)
            size = max(1, batch_tokens // int(length))
            for first in range(0, len(rows), size):
                chosen = rows[first : first + size]
                yield Batch(chosen, self._arrays(tokens, chosen, int(length)), tokens.cut[chosen])

    def _padded_lengths(self, lengths: NDArray[np.int64]) -> NDArray[np.int64]:
        """Compute the length of every row after padding, int64 (rows,)."""
        if self._length is not None:
            return np.full_like(lengths, self._length)
        multiple = self._padding["pad_to_multiple_of"] or 1
        minimum = np.maximum(lengths, self._padding["length"] or 1)
        return -(-minimum // multiple) * multiple

    def _arrays(self, tokens: Tokens, rows: NDArray[np.int64], width: int) -> dict[str, NDArray[np.int64]]:
        """Arrange the tokens of `rows` as int64 (rows, width), padded on the tokenizer's side."""
        lengths = tokens.lengths[rows][:, None]
        before = width - lengths if self._padding["direction"] == "left" else np.zeros_like(lengths)
        positions = np.arange(width) - before
        real = (positions >= 0) & (positions < lengths)
        sources = positions + tokens.starts[rows][:, None]
        known = {
            "input_ids": (tokens.ids, self._padding["pad_id"]),
            "token_type_ids": (tokens.type_ids, self._padding["pad_type_id"]),
        }
        arrays = {}
        for name in self._inputs:
            if name == "attention_mask":
                arrays[name] = real.astype(np.int64)
                continue
            values, pad = known[name]
            if real.all():
                arrays[name] = values[sources]
            else:
                arrays[name] = np.full(real.shape, pad, np.int64)
                arrays[name][real] = values[sources[real]]
        return arrays


def _check_settings(path: Path, tokenizer: Tokenizer, length: int | None) -> None:
    truncation, padding = tokenizer.truncation, tokenizer.padding
    if truncation is None or padding is None:
        missing = "truncation" if truncation is None else "padding"
        raise BadDataError(f"{path} has no {missing}", "the model's export writes it: export the model again")
    for tokens in (truncation["max_length"], padding["length"] or 1, padding["pad_to_multiple_of"] or 1):
        if not 0 < tokens <= MAX_ROW_TOKENS:
            raise BadDataError(f"{path} cuts or pads texts to {tokens} tokens", "export the model again")
    if length is None:
        return
    for verb, tokens in (("cuts", truncation["max_length"]), ("pads", padding["length"] or 0)):
        if tokens > length or (verb == "pads" and 0 < tokens < length):
            raise BadDataError(
                f"{path} {verb} texts to {tokens} tokens, but the model takes {length}",
                "the files of a model folder belong together: export the model again",
            )
