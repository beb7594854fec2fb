"""Texts to the arrays that a model takes, cut and padded as its tokenizer.json says."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tokenizers import Encoding, Tokenizer

from emotion.errors import BadDataError

# What a session takes at once: enough to fill the cores, little enough to stay in their caches.
BATCH_TOKENS = 4096
# What the tokenizer takes at once: its encodings need some fifty times the memory of the text.
SLICE_CHARACTERS = 1 << 20
# A text is cut to this many characters a token before it is tokenized; see `Batcher._cut`.
CHARACTERS_A_TOKEN = 32
SHORTEST_CUT = 1024
LONGEST_ROW = 1 << 16
TRIAL = "one two three " * 100

# Where each input of a model comes from.
SOURCES = {"input_ids": "ids", "token_type_ids": "type_ids", "attention_mask": ""}


@dataclass(frozen=True, slots=True)
class Batch:
    """Rows that the session takes together.

    `rows` are their places among the texts, int64 (rows,); `inputs` the model's, each int64 (rows, length).
    """

    rows: NDArray[np.int64]
    inputs: dict[str, NDArray[np.int64]]


class Batcher:
    """Turns texts into batches of rows of one length.

    Rows of equal length run together, so nothing is padded that the model does not want padded, and a row's
    scores do not depend on its neighbours: parts of a file give what the whole gives.
    """

    def __init__(self, tokenizer: Tokenizer, inputs: Sequence[str], length: int | None) -> None:
        self._tokenizer = tokenizer
        self._inputs = inputs
        self._length = length
        self._padding: dict[str, Any] = tokenizer.padding or {}
        truncation: dict[str, Any] = tokenizer.truncation or {}
        self._from_end = truncation["direction"] == "left"
        self._shortest_cut = max(SHORTEST_CUT, CHARACTERS_A_TOKEN * truncation["max_length"])
        # Rows are padded below, once they are arrays: that takes half the time.
        tokenizer.no_padding()
        # A stride repeats tokens in what is cut off, which nobody reads.
        tokenizer.enable_truncation(**{**truncation, "stride": 0})

    @classmethod
    def load(cls, path: Path, inputs: Sequence[str], length: int | None) -> "Batcher":
        """Read tokenizer.json for a model that takes `inputs` of `length` tokens (None: of any length).

        Raises:
            BadDataError: the file is damaged, or does not cut and pad to a length that the model takes.
        """
        try:
            tokenizer = Tokenizer.from_file(str(path))
            _check_settings(path, tokenizer, length)
            encoder = cls(tokenizer, inputs, length)
            tokenizer.encode(TRIAL)
        except BaseException as error:
            if isinstance(error, BadDataError) or not _refused(error):
                raise
            raise BadDataError(f"{path} is no tokenizer: {error!s:.200}", "export the model again") from error
        return encoder

    @property
    def largest_id(self) -> int:
        """The largest id that the tokenizer can give."""
        ids: list[int] = [
            *self._tokenizer.get_vocab(with_added_tokens=True).values(),
            self._padding["pad_id"],
        ]
        return max(ids)

    def batches(self, texts: Sequence[str]) -> Iterator[Batch]:
        """Tokenize `texts`. Rows that the tokenizer refuses are in no batch."""
        parts = [self._flatten(self._encode(part)) for part in _slices(texts, self._shortest_cut)]
        if not parts:
            return
        lengths = np.concatenate([part_lengths for part_lengths, _ in parts])
        tokens = {name: np.concatenate([part[name] for _, part in parts]) for name in parts[0][1]}
        starts = np.cumsum(np.maximum(lengths, 0)) - np.maximum(lengths, 0)
        padded = np.where(lengths < 0, -1, self._padded(lengths))
        for length in np.unique(padded[padded >= 0]):
            rows = np.flatnonzero(padded == length)
            size = max(1, BATCH_TOKENS // int(length))
            for first in range(0, len(rows), size):
                some = rows[first : first + size]
                yield Batch(some, self._arrays(tokens, starts[some], lengths[some], int(length)))

    def _padded(self, lengths: NDArray[np.int64]) -> NDArray[np.int64]:
        """Find the length that each row runs with."""
        if self._length is not None:
            return np.full_like(lengths, self._length)
        multiple = self._padding["pad_to_multiple_of"] or 1
        wanted = np.maximum(lengths, self._padding["length"] or 1)
        return -(-wanted // multiple) * multiple

    def _arrays(
        self,
        tokens: dict[str, NDArray[np.int64]],
        starts: NDArray[np.int64],
        lengths: NDArray[np.int64],
        width: int,
    ) -> dict[str, NDArray[np.int64]]:
        """Lay rows of flat tokens out as (rows, width), padded on the tokenizer's side."""
        before = (width - lengths if self._padding["direction"] == "left" else np.zeros_like(lengths))[:, None]
        places = np.arange(width) - before
        real = (places >= 0) & (places < lengths[:, None])
        sources = (places + starts[:, None])[real]
        arrays = {}
        for name in self._inputs:
            if name == "attention_mask":
                arrays[name] = real.astype(np.int64)
            else:
                pad = self._padding["pad_id" if name == "input_ids" else "pad_type_id"]
                arrays[name] = np.full(real.shape, pad, np.int64)
                arrays[name][real] = tokens[name][sources]
        return arrays

    def _flatten(self, encodings: Sequence[Encoding | None]) -> tuple[NDArray[np.int64], dict[str, NDArray[np.int64]]]:
        """Lengths of all rows (-1 for a refused one), and per input the tokens of all rows end to end."""
        lengths = np.fromiter((-1 if one is None else len(one) for one in encodings), np.int64, len(encodings))
        total = int(lengths[lengths > 0].sum())
        tokens = {}
        for name in self._inputs:
            if source := SOURCES[name]:
                rows = (getattr(one, source) for one in encodings if one is not None)
                tokens[name] = np.fromiter(chain.from_iterable(rows), np.int64, total)
        return lengths, tokens

    def _encode(self, texts: Sequence[str]) -> list[Encoding | None]:
        """Tokenize without padding, cut to `max_length` tokens; None for a text that is refused."""
        pieces = [self._cut(text, self._shortest_cut) for text in texts]
        try:
            encodings: list[Encoding | None] = list(self._tokenizer.encode_batch_fast(pieces))
        except BaseException as error:
            if not _refused(error):
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
            if not _refused(error):
                raise
            return None

    def _encode_long(self, text: str, encoding: Encoding | None) -> Encoding | None:
        """Take more and more of a long text, until it has more tokens than the model takes."""
        size = self._shortest_cut
        while encoding is not None and not encoding.overflowing and size < len(text):
            size *= 4
            encoding = self._encode_one(self._cut(text, size))
        return encoding

    def _cut(self, text: str, size: int) -> str:
        """Keep some `size` characters of the side that truncation keeps, to the nearest space or line end.

        Where what is kept has more tokens than the model takes, truncation gives the same tokens as with the
        whole text. Only a text that has no space in `size` characters is cut inside a word, and then its last
        tokens can differ, which are far beyond the model's length.
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
    found = [place for place in (text.find(" "), text.find("\n")) if place >= 0]
    return min(found, default=-1)


def _slices(texts: Sequence[str], longest: int) -> Iterator[Sequence[str]]:
    """Split `texts` so that the tokenizer sees at most some SLICE_CHARACTERS at a time."""
    first = characters = 0
    for place, text in enumerate(texts):
        characters += min(len(text), longest)
        if characters >= SLICE_CHARACTERS:
            yield texts[first : place + 1]
            first, characters = place + 1, 0
    if first < len(texts):
        yield texts[first:]


def _check_settings(path: Path, tokenizer: Tokenizer, length: int | None) -> None:
    truncation, padding = tokenizer.truncation, tokenizer.padding
    if truncation is None or padding is None:
        missing = "truncation" if truncation is None else "padding"
        raise BadDataError(f"{path} has no {missing}", "the model's export writes it: export the model again")
    for found in (truncation["max_length"], padding["length"] or 1, padding["pad_to_multiple_of"] or 1):
        if not 0 < found <= LONGEST_ROW:
            raise BadDataError(f"{path} cuts or pads texts to {found} tokens", "export the model again")
    if length is None:
        return
    for what, found in (("cuts", truncation["max_length"]), ("pads", padding["length"] or 0)):
        if found > length or (what == "pads" and 0 < found < length):
            raise BadDataError(
                f"{path} {what} texts to {found} tokens where the model takes {length}",
                "the files of a model folder belong together: export the model again",
            )


def _refused(error: BaseException) -> bool:
    """Whether the tokenizer could not do it. It is Rust: what it cannot do is an Exception, or a panic."""
    return isinstance(error, Exception) or type(error).__name__ == "PanicException"
