"""Tokenizes texts into flat arrays, without padding, cut to the length in tokenizer.json."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tokenizers import Encoding, Tokenizer

from emotion.text.words import OTHER, AsciiWords

# Characters of one tokenizer call: encodings need about fifty times the memory of the text.
SLICE_CHARACTERS = 1 << 20
# Before tokenizing, a text is cut to this many characters per token: see `TextTokenizer._cut`.
CHARACTERS_PER_TOKEN = 32
# The shortest cut, in characters.
MIN_CUT = 1024


@dataclass(frozen=True, slots=True)
class Tokens:
    """Tokens of texts, in flat arrays.

    Text t has `ids[starts[t] : starts[t] + lengths[t]]` and the same slice of `type_ids`; all int64. A text that the
    tokenizer refuses has the length -1. `cut`, bool (texts,), marks texts with more tokens than the model takes.
    """

    lengths: NDArray[np.int64]
    starts: NDArray[np.int64]
    cut: NDArray[np.bool_]
    ids: NDArray[np.int64]
    type_ids: NDArray[np.int64]


class TextTokenizer:
    """A tokenizer without padding, which cuts texts by its own settings."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        truncation: dict[str, Any] = tokenizer.truncation or {}
        self._from_end = truncation["direction"] == "left"
        self._max_length: int = truncation["max_length"]
        self._min_cut = max(MIN_CUT, CHARACTERS_PER_TOKEN * self._max_length)
        self._words = AsciiWords.of(tokenizer)
        self._tokenizer = tokenizer
        tokenizer.no_padding()
        # A stride only changes how many tokens the overflow repeats.
        tokenizer.enable_truncation(**{**truncation, "stride": 0})

    def tokens(self, texts: Sequence[str]) -> Tokens:
        """Tokenize `texts`."""
        parts = [self._slice_tokens(texts_slice) for texts_slice in _slices(texts, self._min_cut)]
        return parts[0] if len(parts) == 1 else _joined(parts)

    def _slice_tokens(self, texts: Sequence[str]) -> Tokens:
        kinds = self._words.kinds(texts, self._min_cut) if self._words is not None else np.full(len(texts), OTHER)
        groups = [(kind, np.flatnonzero(kinds == kind)) for kind in np.unique(kinds).tolist()]
        parts = [self._kind_tokens([texts[row] for row in rows.tolist()], kind) for kind, rows in groups]
        if len(parts) == 1:
            return parts[0]
        order = np.argsort(np.concatenate([rows for _, rows in groups]))
        joined = _joined(parts)
        return Tokens(joined.lengths[order], joined.starts[order], joined.cut[order], joined.ids, joined.type_ids)

    def _kind_tokens(self, texts: Sequence[str], kind: int) -> Tokens:
        """Tokenize texts of one kind."""
        if self._words is None or kind == OTHER:
            return self._encoded(texts)
        ids, starts, counts = self._words.ids(texts, kind)
        lengths = np.minimum(counts, self._max_length)
        if self._from_end:
            starts += counts - lengths
        return Tokens(lengths, starts, counts > self._max_length, ids, np.zeros_like(ids))

    def _encoded(self, texts: Sequence[str]) -> Tokens:
        """Tokenize texts with the tokenizer itself."""
        encodings = self._encode(texts)
        lengths = np.fromiter((-1 if found is None else len(found) for found in encodings), np.int64, len(texts))
        cut = np.fromiter(map(self._is_cut, encodings), np.bool_, len(texts))
        counts = np.maximum(lengths, 0)
        good = [found for found in encodings if found is not None]
        ids = np.fromiter(chain.from_iterable(found.ids for found in good), np.int64, int(counts.sum()))
        type_ids = np.fromiter(chain.from_iterable(found.type_ids for found in good), np.int64, len(ids))
        return Tokens(lengths, np.cumsum(counts) - counts, cut, ids, type_ids)

    def _is_cut(self, encoding: Encoding | None) -> bool:
        # The overflow copies all tokens that were cut: look only if a text fills the length.
        return encoding is not None and len(encoding) >= self._max_length and bool(encoding.overflowing)

    def _encode(self, texts: Sequence[str]) -> list[Encoding | None]:
        """Tokenize without padding, cut to `max_length` tokens; None for a text that the tokenizer refuses."""
        pieces = [self._cut(text, self._min_cut) for text in texts]
        try:
            encodings: list[Encoding | None] = list(self._tokenizer.encode_batch_fast(pieces))
        except BaseException as error:
            if not is_tokenizer_error(error):
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
            if not is_tokenizer_error(error):
                raise
            return None

    def _encode_long(self, text: str, encoding: Encoding | None) -> Encoding | None:
        """Encode longer and longer pieces of a long text, until one has more tokens than the model takes."""
        size = self._min_cut
        while encoding is not None and not encoding.overflowing and size < len(text):
            size *= 4
            encoding = self._encode_one(self._cut(text, size))
        return encoding

    def _cut(self, text: str, size: int) -> str:
        """Keep about `size` characters on the side that truncation keeps, cut at a space or line end.

        If this piece has more tokens than the model takes, truncation gives the same tokens as for the whole text. Only
        a text without a space in `size` characters is cut inside a word. Then the tokens at the cut can differ, but
        they are far beyond the model's length.
        """
        if len(text) <= size:
            return text
        if self._from_end:
            tail = text[-size:]
            return tail[max(0, _first_space(tail)) :]
        head = text[:size]
        space = max(head.rfind(" "), head.rfind("\n"))
        return head[:space] if space > 0 else head


def _joined(parts: Sequence[Tokens]) -> Tokens:
    """Join the tokens of all parts in order."""
    sizes = [len(part.ids) for part in parts]
    offsets = np.cumsum([0, *sizes])
    starts = [part.starts + offset for part, offset in zip(parts, offsets, strict=False)]
    empty = np.zeros(0, np.int64)
    return Tokens(
        np.concatenate([empty, *(part.lengths for part in parts)]),
        np.concatenate([empty, *starts]),
        np.concatenate([empty.astype(np.bool_), *(part.cut for part in parts)]),
        np.concatenate([empty, *(part.ids for part in parts)]),
        np.concatenate([empty, *(part.type_ids for part in parts)]),
    )


def _first_space(text: str) -> int:
    found = [index for index in (text.find(" "), text.find("\n")) if index >= 0]
    return min(found, default=-1)


def _slices(texts: Sequence[str], max_characters: int) -> Iterator[Sequence[str]]:
    """Split `texts` into slices of about SLICE_CHARACTERS. A text counts at most `max_characters`."""
    first = characters = 0
    for index, text in enumerate(texts):
        characters += min(len(text), max_characters)
        if characters >= SLICE_CHARACTERS:
            yield texts[first : index + 1]
            first, characters = index + 1, 0
    if first < len(texts):
        yield texts[first:]


def is_tokenizer_error(error: BaseException) -> bool:
    """Whether the tokenizer failed. The Rust library raises an Exception or a panic."""
    return isinstance(error, Exception) or type(error).__name__ == "PanicException"
