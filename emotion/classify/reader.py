"""Finds the text of each record, or the reason why the record cannot be classified."""

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from emotion.records.columns import find_column
from emotion.records.json_lines import RepeatingObject, half_pair, json_type
from emotion.records.record import Record, Records
from emotion.records.text_io import Codec
from emotion.records.text_problem import text_problem

TEXT = "text"
# Bounds the memory of a chunk with long records, in bytes.
CHUNK_BYTES = 1 << 21
# Bounds the work of a chunk with long texts: characters a row, on average.
TEXT_CHARACTERS = 512


class Row(NamedTuple):
    """A record and its text, or an empty text and the reason why it cannot be classified."""

    record: Record
    text: str
    reason: str


@dataclass(slots=True)
class Chunk:
    """Rows that one call classifies. `records`, `texts` and `reasons` have the same length.

    `cut` is the number of texts that the model does not read to their ends, once they are classified.
    """

    records: list[Record] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)
    cut: int = 0


def find_texts(
    path: Path, opened: Records, column: str | None, new_names: Collection[str]
) -> Callable[[Iterator[Record]], Iterator[Row]]:
    """Give a function that finds the texts of records of an open file: in `column` or, without it, in `text`.

    In a file without a header the text may be the only column.

    An object that has a key among `new_names` cannot be classified: its own value would look like a prediction.

    Raises:
        BadDataError: the column does not exist.
    """
    if opened.header is None:
        return partial(_json_rows, codec=opened.codec, key=column or TEXT, new_names=frozenset(new_names))
    if not opened.header:
        return lambda _: iter(())
    only = column is None and opened.first is None and len(opened.header) == 1
    index = 0 if only else find_column(path, opened, column or TEXT, "--text-column")
    return partial(_csv_rows, text_index=index)


def take_chunk(rows: Iterator[Row], count: int) -> Chunk:
    """Take the next `count` rows, or fewer if their texts are long. The chunk is empty at the end."""
    chunk = Chunk()
    size = work = 0
    for record, text, reason in islice(rows, count):
        chunk.records.append(record)
        chunk.texts.append(text)
        chunk.reasons.append(reason)
        size += len(record.raw)
        work += len(text)
        if size > CHUNK_BYTES or work > count * TEXT_CHARACTERS:
            break
    return chunk


def _csv_rows(records: Iterator[Record], text_index: int) -> Iterator[Row]:
    for record in records:
        reason = record.problem or text_problem(record.fields[text_index])
        yield Row(record, "" if reason else record.fields[text_index], reason)


def _json_rows(records: Iterator[Record], codec: Codec, key: str, new_names: frozenset[str]) -> Iterator[Row]:
    for record in records:
        values = record.values or {}
        reason = record.problem or _object_problem(values, key, new_names)
        if not reason:
            reason = text_problem(values[key])
            if reason and half_pair(values[key], record, codec):
                reason = "half a surrogate pair in the text"
        yield Row(record, "" if reason else values[key], reason)


def _object_problem(values: dict[str, object], key: str, new_names: frozenset[str]) -> str:
    """Reason why an object has no text, or an empty string."""
    if key not in values:
        return f"no key {key!r}"
    if not isinstance(values[key], str):
        return f"the text is {json_type(values[key])}, not a string"
    if isinstance(values, RepeatingObject) and key in values.repeated:
        return f"the key {key!r} occurs twice"
    taken = new_names & values.keys()
    return f"it has the key {min(taken)!r} already, where other rows get one" if taken else ""
