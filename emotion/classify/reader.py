"""Finds the text of each record, or the reason why the record cannot be classified."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from emotion.data.records import Record, Records, undecodable
from emotion.errors import BadDataError

TEXT = "text"
# Bounds the memory of a chunk with long fields.
CHUNK_CHARACTERS = 1 << 21
# Bounds the work of a chunk with long texts: characters a row, on average.
TEXT_CHARACTERS = 512


class Row(NamedTuple):
    """A record and its text, or an empty text and the reason why it cannot be classified."""

    record: Record
    text: str
    reason: str


@dataclass(slots=True)
class Chunk:
    """Rows that one call classifies. `records`, `texts` and `reasons` have the same length."""

    records: list[Record] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)


def read_rows(path: Path, records: Records, column: str | None) -> Iterator[Row]:
    """Find the text of each record: in `column`, else in `text`, else in the only column.

    Raises:
        BadDataError: the column does not exist. In JSONL, whose objects may differ, the first object needs the key.
    """
    if records.header is None:
        return _json_rows(path, records.rows, column)
    if not records.header:
        return iter(())
    return _csv_rows(records.rows, records.header.index(_find_column(path, records.header, column)))


def take_chunk(rows: Iterator[Row], count: int) -> Chunk:
    """Take the next `count` rows, or fewer if their texts are long. The chunk is empty at the end."""
    chunk = Chunk()
    characters = work = 0
    for record, text, reason in islice(rows, count):
        chunk.records.append(record)
        chunk.texts.append(text)
        chunk.reasons.append(reason)
        characters += sum(map(len, record.fields))
        work += len(text)
        if characters > CHUNK_CHARACTERS or work > count * TEXT_CHARACTERS:
            break
    return chunk


def _csv_rows(records: Iterator[Record], text_index: int) -> Iterator[Row]:
    for record in records:
        reason = record.problem or _reason(record.fields[text_index])
        yield Row(record, "" if reason else record.fields[text_index], reason)


def _json_rows(path: Path, records: Iterator[Record], column: str | None) -> Iterator[Row]:
    first = True
    for record in records:
        if record.values is None:
            yield Row(record, "", record.problem)
            continue
        if first:
            _find_column(path, list(record.values), column)
            first = False
        yield _json_row(record, record.values, column)


def _json_row(record: Record, values: dict[str, object], column: str | None) -> Row:
    key = column or (TEXT if TEXT in values or len(values) != 1 else next(iter(values)))
    if key not in values:
        return Row(record, "", f"no key {key!r}")
    cell = values[key]
    reason = _reason(cell) if isinstance(cell, str) else f"the text is {_json_type(cell)}, not a string"
    return Row(record, "" if reason else str(cell), reason)


def _find_column(path: Path, names: list[str], column: str | None) -> str:
    name = column or (names[0] if len(names) == 1 else TEXT)
    if names.count(name) != 1:
        what = "no column" if name not in names else "more than one column"
        raise BadDataError(
            f"{path} has {what} {name!r}; its columns are: {', '.join(names) or '(none)'}",
            "name the column of the texts with --text-column",
        )
    return name


def _reason(cell: str) -> str:
    """Reason why a cell cannot be classified, or an empty string."""
    if not cell or cell.isspace():
        return "empty text"
    return "undecodable bytes in the text" if undecodable(cell) else ""


def _json_type(cell: object) -> str:
    if cell is None:
        return "null"
    names: dict[type, str] = {bool: "a boolean", int: "a number", float: "a number", list: "an array"}
    return names.get(type(cell), "an object")
