"""Records to texts, or to the reason why a record cannot be classified."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from emotion.data.records import Record, Records, undecodable
from emotion.errors import BadDataError

TEXT = "text"
# Bounds a chunk's memory where fields are long.
CHUNK_CHARACTERS = 1 << 21
# Bounds a chunk's work where texts are long: that many characters a row, on average.
TEXT_CHARACTERS = 512


class Row(NamedTuple):
    """A record and its text, or an empty text and the reason why it cannot be classified."""

    record: Record
    text: str
    reason: str


@dataclass(slots=True)
class Chunk:
    """Rows that are worked on together; `texts` and `reasons` are as long as `records`."""

    records: list[Record] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)


def read_rows(path: Path, records: Records, column: str | None) -> Iterator[Row]:
    """Find the text of each record: in `column`, else in `text`, else in the only column that there is.

    Raises:
        BadDataError: no such column. For JSONL, whose objects may differ, the first object must have the key.
    """
    if records.header is None:
        return _json_rows(path, records.rows, column)
    if not records.header:
        return iter(())
    return _csv_rows(records.rows, records.header.index(_find_column(path, records.header, column)))


def take(rows: Iterator[Row], count: int) -> Chunk:
    """Take the next `count` rows, or fewer where they are long; none at the end."""
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


def _csv_rows(records: Iterator[Record], place: int) -> Iterator[Row]:
    for record in records:
        reason = record.problem or _reason(record.fields[place])
        yield Row(record, "" if reason else record.fields[place], reason)


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
    reason = _reason(cell) if isinstance(cell, str) else f"the text is {_kind(cell)}, not a string"
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
    """Say why a cell cannot be classified, or nothing."""
    if not cell or cell.isspace():
        return "empty text"
    return "undecodable bytes in the text" if undecodable(cell) else ""


def _kind(cell: object) -> str:
    if cell is None:
        return "null"
    kinds: dict[type, str] = {bool: "a boolean", int: "a number", float: "a number", list: "an array"}
    return kinds.get(type(cell), "an object")
