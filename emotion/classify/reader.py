"""Finds the texts of records, or reasons why records cannot be classified."""

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import accumulate
from pathlib import Path

from emotion.records.batch import OwnRows, PlainRows, Rows
from emotion.records.columns import find_column
from emotion.records.json_lines import RepeatingObject, half_pair, json_type
from emotion.records.record import Records
from emotion.records.text_io import Codec
from emotion.records.text_problem import text_problem, text_problems

TEXT = "text"
# Limit on a chunk with long records, in bytes.
CHUNK_BYTES = 1 << 21
# Limit on a chunk with long texts: mean characters per row.
TEXT_CHARACTERS = 512


NO_ROWS = OwnRows(())

# Gives the texts of rows; an empty text and the reason for rows that cannot be classified.
FindTexts = Callable[[Rows], tuple[list[str], list[str]]]


@dataclass(slots=True)
class Chunk:
    """Rows that one call classifies. `batches` has the rows; `texts` and `reasons` have one entry per row."""

    batches: list[Rows] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)


class ChunkReader:
    """Divides rows into chunks. The chunks do not depend on the batches."""

    def __init__(self, batches: Iterator[Rows], find: FindTexts) -> None:
        self._batches = batches
        self._find = find
        self._left: Rows = NO_ROWS

    def take(self, count: int) -> Chunk:
        """Take the next `count` rows, or fewer if their texts are long. The chunk is empty at the end."""
        chunk = Chunk()
        size = work = 0
        while (room := count - len(chunk.texts)) and (batch := self._left or next(self._batches, NO_ROWS)):
            tried = batch.part(0, min(room, len(batch)))
            texts, reasons = self._find(tried)
            sizes, works = tried.sizes(), list(map(len, texts))
            taken, full = len(texts), False
            if size + sum(sizes) > CHUNK_BYTES or work + sum(works) > count * TEXT_CHARACTERS:
                taken, full = _until_full(sizes, works, CHUNK_BYTES - size, count * TEXT_CHARACTERS - work), True
            size, work = size + sum(sizes), work + sum(works)
            chunk.batches.append(batch.part(0, taken))
            chunk.texts += texts[:taken]
            chunk.reasons += reasons[:taken]
            self._left = batch.part(taken, len(batch))
            if full:
                break
        return chunk


def _until_full(sizes: Sequence[int], works: Sequence[int], most_bytes: int, most_characters: int) -> int:
    """Count the rows before a limit is reached."""
    within = zip(accumulate(sizes), accumulate(works), strict=True)
    return 1 + next(row for row, (size, work) in enumerate(within) if size > most_bytes or work > most_characters)


def find_texts(path: Path, opened: Records, column: str | None, new_names: Collection[str]) -> FindTexts:
    """Make a function that finds the texts of records: in `column`, or by default in `text`.

    In a file without a header the text may be the only column. An object with a key in `new_names` cannot be
    classified: its value would look like a prediction.

    Raises:
        BadDataError: the column does not exist.
    """
    if opened.header is None:
        return partial(_json_texts, codec=opened.codec, key=column or TEXT, new_names=frozenset(new_names))
    if not opened.header:
        return lambda _: ([], [])
    only = column is None and opened.first is None and len(opened.header) == 1
    index = 0 if only else find_column(path, opened, column or TEXT, "--text-column")
    return partial(_csv_texts, index=index)


def _csv_texts(rows: Rows, index: int) -> tuple[list[str], list[str]]:
    if isinstance(rows, PlainRows):
        texts = rows.column(index)
        reasons = text_problems(texts)
    else:
        texts = ["" if record.problem else record.fields[index] for record in rows.records]
        reasons = [record.problem or text_problem(text) for record, text in zip(rows.records, texts, strict=True)]
    if any(reasons):
        texts = ["" if reason else text for text, reason in zip(texts, reasons, strict=True)]
    return texts, reasons


def _json_texts(rows: Rows, codec: Codec, key: str, new_names: frozenset[str]) -> tuple[list[str], list[str]]:
    texts, reasons = [], []
    for record in rows.records:
        values = record.values or {}
        reason = record.problem or _object_problem(values, key, new_names)
        if not reason:
            reason = text_problem(values[key])
            if reason and half_pair(values[key], record, codec):
                reason = "half a surrogate pair in the text"
        texts.append("" if reason else values[key])
        reasons.append(reason)
    return texts, reasons


def _object_problem(values: dict[str, object], key: str, new_names: frozenset[str]) -> str:
    """Give the reason why an object has no text, or an empty string."""
    if key not in values:
        return f"no key {key!r}"
    if not isinstance(values[key], str):
        return f"the text is {json_type(values[key])}, not a string"
    if isinstance(values, RepeatingObject) and key in values.repeated:
        return f"the key {key!r} occurs twice"
    taken = new_names & values.keys()
    return f"it has the key {min(taken)!r} already, where other rows get one" if taken else ""
