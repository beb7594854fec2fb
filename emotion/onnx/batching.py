"""Tokenizes texts and makes batches of rows of one length, cut and padded as tokenizer.json says."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from tokenizers import Encoding, Tokenizer

from emotion.errors import BadDataError
from emotion.text.words import AsciiWords

# Tokens of one session call: enough to use all cores, few enough to stay in their caches.
BATCH_TOKENS = 4096
# Characters of one tokenizer call: its encodings need about fifty times the memory of the text.
SLICE_CHARACTERS = 1 << 20
# A text is cut to this many characters per token before it is tokenized: see `Batcher._cut`.
CHARACTERS_PER_TOKEN = 32
# The shortest cut, in characters.
MIN_CUT = 1024
MAX_ROW_TOKENS = 1 << 16
# A text that shows whether the tokenizer works.
TRIAL = "one two three " * 100

# Inputs that a model may take. The mask follows from the lengths.
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


class _Tokens(NamedTuple):
    """Ids and type ids of a text's tokens, without padding, and whether the text has more."""

    ids: Sequence[int]
    type_ids: Sequence[int]
    cut: bool


class Batcher:
    """Turns texts into batches of rows of one length.

    Rows of equal length run together, so a row has only the padding that the model needs. A row's scores do not
    depend on the other rows: the parts of a file have the scores of the whole.
    """

    def __init__(self, tokenizer: Tokenizer, inputs: Sequence[str], length: int | None) -> None:
        self._tokenizer = tokenizer
        self._inputs = inputs
        self._length = length
        self._padding: dict[str, Any] = tokenizer.padding or {}
        truncation: dict[str, Any] = tokenizer.truncation or {}
        self._from_end = truncation["direction"] == "left"
        self._max_length: int = truncation["max_length"]
        self._min_cut = max(MIN_CUT, CHARACTERS_PER_TOKEN * self._max_length)
        # `_arrays` pads the rows, in half the time that the tokenizer takes.
        self._words = AsciiWords.of(tokenizer)
        tokenizer.no_padding()
        # A stride only changes how many tokens the overflow repeats.
        tokenizer.enable_truncation(**{**truncation, "stride": 0})

    @classmethod
    def load(cls, path: Path, inputs: Sequence[str], length: int | None) -> "Batcher":
        """Read tokenizer.json for a model that takes `inputs` of `length` tokens (None: any length).

        Raises:
            BadDataError: the file is damaged, or does not cut and pad to the model's length.
        """
        try:
            tokenizer = Tokenizer.from_file(str(path))
            _check_settings(path, tokenizer, length)
            batcher = cls(tokenizer, inputs, length)
            tokenizer.encode(TRIAL)
        except BaseException as error:
            if isinstance(error, BadDataError) or not _is_tokenizer_error(error):
                raise
            raise BadDataError(f"{path} is no tokenizer: {error!s:.200}", "export the model again") from error
        return batcher

    @property
    def largest_id(self) -> int:
        """Largest id that the tokenizer can give."""
        ids: list[int] = [
            *self._tokenizer.get_vocab(with_added_tokens=True).values(),
            self._padding["pad_id"],
        ]
        return max(ids)

    def batches(self, texts: Sequence[str]) -> Iterator[Batch]:
        """Tokenize `texts` and yield their batches. Texts that the tokenizer refuses are in no batch."""
        flattened = [self._flatten(self._tokenize(texts_slice)) for texts_slice in _slices(texts, self._min_cut)]
        if not flattened:
            return
        lengths = np.concatenate([slice_lengths for slice_lengths, _, _ in flattened])
        cut = np.concatenate([slice_cut for _, slice_cut, _ in flattened])
        tokens = {
            name: np.concatenate([slice_tokens[name] for _, _, slice_tokens in flattened]) for name in flattened[0][2]
        }
        starts = np.cumsum(np.maximum(lengths, 0)) - np.maximum(lengths, 0)
        padded = np.where(lengths < 0, -1, self._padded_lengths(lengths))
        for length in np.unique(padded[padded >= 0]):
            rows = np.flatnonzero(padded == length)
            size = max(1, BATCH_TOKENS // int(length))
            for first in range(0, len(rows), size):
                chosen = rows[first : first + size]
                inputs = self._arrays(tokens, starts[chosen], lengths[chosen], int(length))
                yield Batch(chosen, inputs, cut[chosen])

    def _padded_lengths(self, lengths: NDArray[np.int64]) -> NDArray[np.int64]:
        """Length of every row after padding, int64 (rows,)."""
        if self._length is not None:
            return np.full_like(lengths, self._length)
        multiple = self._padding["pad_to_multiple_of"] or 1
        minimum = np.maximum(lengths, self._padding["length"] or 1)
        return -(-minimum // multiple) * multiple

    def _arrays(
        self,
        tokens: dict[str, NDArray[np.int64]],
        starts: NDArray[np.int64],
        lengths: NDArray[np.int64],
        width: int,
    ) -> dict[str, NDArray[np.int64]]:
        """Arrange flat tokens as (rows, width), padded on the tokenizer's side."""
        before = (width - lengths if self._padding["direction"] == "left" else np.zeros_like(lengths))[:, None]
        positions = np.arange(width) - before
        real = (positions >= 0) & (positions < lengths[:, None])
        sources = (positions + starts[:, None])[real]
        arrays = {}
        for name in self._inputs:
            if name == "attention_mask":
                arrays[name] = real.astype(np.int64)
            else:
                pad = self._padding["pad_id" if name == "input_ids" else "pad_type_id"]
                arrays[name] = np.full(real.shape, pad, np.int64)
                arrays[name][real] = tokens[name][sources]
        return arrays

    def _flatten(
        self, rows: Sequence[_Tokens | None]
    ) -> tuple[NDArray[np.int64], NDArray[np.bool_], dict[str, NDArray[np.int64]]]:
        """Lengths of all rows (-1 for a refused text), which are cut, and per input the tokens of all rows in one."""
        lengths = np.fromiter((-1 if row is None else len(row.ids) for row in rows), np.int64, len(rows))
        cut = np.fromiter((row is not None and row.cut for row in rows), np.bool_, len(rows))
        total = int(lengths[lengths > 0].sum())
        tokens = {}
        for name in self._inputs:
            if name == "input_ids":
                tokens[name] = np.fromiter(
                    chain.from_iterable(row.ids for row in rows if row is not None), np.int64, total
                )
            elif name == "token_type_ids":
                tokens[name] = np.fromiter(
                    chain.from_iterable(row.type_ids for row in rows if row is not None), np.int64, total
                )
        return lengths, cut, tokens

    def _tokenize(self, texts: Sequence[str]) -> list[_Tokens | None]:
        """Tokenize without padding, cut to `max_length` tokens. None stands for a text that the tokenizer refuses."""
        rows = [self._plain_tokens(text) for text in texts]
        others = [row for row, tokens in enumerate(rows) if tokens is None]
        for row, encoding in zip(others, self._encode([texts[row] for row in others]), strict=True):
            if encoding is not None:
                rows[row] = _Tokens(encoding.ids, encoding.type_ids, self._is_cut(encoding))
        return rows

    def _plain_tokens(self, text: str) -> _Tokens | None:
        """Tokens of a text that needs no tokenizer; None for any other text."""
        if self._words is None or len(text) > self._min_cut or (ids := self._words.ids(text)) is None:
            return None
        cut = len(ids) > self._max_length
        if cut:
            ids = ids[-self._max_length :] if self._from_end else ids[: self._max_length]
        return _Tokens(ids, [0] * len(ids), cut)

    def _is_cut(self, encoding: Encoding) -> bool:
        # The overflow is a copy of all that was cut off: look only where a text fills the length.
        return len(encoding) >= self._max_length and bool(encoding.overflowing)

    def _encode(self, texts: Sequence[str]) -> list[Encoding | None]:
        """Tokenize without padding, cut to `max_length` tokens. None stands for a text that the tokenizer refuses."""
        pieces = [self._cut(text, self._min_cut) for text in texts]
        try:
            encodings: list[Encoding | None] = list(self._tokenizer.encode_batch_fast(pieces))
        except BaseException as error:
            if not _is_tokenizer_error(error):
                raise
            encodings = [self._encode_one(piece) for piece in pieces]
        for row, (text, piece) in enumerate(zip(texts, pieces, strict=True)):
            if len(piece) < len(text):
                encodings[row] = self._encode_long(text, encodings[row])
        return encodings

    def _encode_one(self, text: str) -> Encoding | None:
        try:
            return self._tokenizer.encode(text)
        except BaseException as error:
            if not _is_tokenizer_error(error):
                raise
            return None

    def _encode_long(self, text: str, encoding: Encoding | None) -> Encoding | None:
        """Encode more and more of a long text, until it has more tokens than the model takes."""
        size = self._min_cut
        while encoding is not None and not encoding.overflowing and size < len(text):
            size *= 4
            encoding = self._encode_one(self._cut(text, size))
        return encoding

    def _cut(self, text: str, size: int) -> str:
        """Keep about `size` characters on the side that truncation keeps, cut at a space or line end.

        If this piece has more tokens than the model takes, truncation gives the tokens that it gives for the whole
        text. Only a text without a space in `size` characters is cut inside a word. Then the tokens at the cut can
        differ, but they are far beyond the model's length.
        """
        if len(text) <= size:
            return text
        if self._from_end:
            tail = text[-size:]
            return tail[max(0, _first_space(tail)) :]
        head = text[:size]
        space = max(head.rfind(" "), head.rfind("\n"))
        return head[:space] if space > 0 else head


def _first_space(text: str) -> int:
    found = [index for index in (text.find(" "), text.find("\n")) if index >= 0]
    return min(found, default=-1)


def _slices(texts: Sequence[str], max_characters: int) -> Iterator[Sequence[str]]:
    """Split `texts` into slices of about SLICE_CHARACTERS. A text counts as at most `max_characters`."""
    first = characters = 0
    for index, text in enumerate(texts):
        characters += min(len(text), max_characters)
        if characters >= SLICE_CHARACTERS:
            yield texts[first : index + 1]
            first, characters = index + 1, 0
    if first < len(texts):
        yield texts[first:]


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
                f"{path} {verb} texts to {tokens} tokens where the model takes {length}",
                "the files of a model folder belong together: export the model again",
            )


def _is_tokenizer_error(error: BaseException) -> bool:
    """Whether the tokenizer failed. It is written in Rust: a failure is an Exception or a panic."""
    return isinstance(error, Exception) or type(error).__name__ == "PanicException"
