"""Streams records of CSV, TSV and JSONL files with their line numbers. A bad record is a value, not an error.

Training refuses a file with a bad record; classification writes it without a label.
"""

import contextlib
import csv
import hashlib
import json
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Literal

from emotion.data.text_io import open_text, unreadable
from emotion.errors import BadDataError

Format = Literal["csv", "tsv", "jsonl"]
SUFFIXES: dict[str, Format] = {".csv": "csv", ".tsv": "tsv", ".jsonl": "jsonl", ".ndjson": "jsonl"}
# Characters of the longest field. Without a limit one unclosed quote reads a file of any size into memory.
FIELD_LIMIT = 1 << 20
# Characters of the longest line; a longer line is read as several.
LINE_LIMIT = 16 << 20


@dataclass(slots=True)
class Record:
    """One entry of a file: a CSV or TSV row, or a line of JSONL.

    `line` is the physical line, from 1, where the record starts. `fields` are the cells of a CSV row (any number) or,
    for JSONL, the raw line alone. `values` is the parsed JSON object, or None for CSV. `problem` says why the record
    cannot be used, or is empty. `raw` is the line itself for JSONL, and for a CSV row that cannot be parsed: its
    `fields` are a guess.
    """

    line: int
    fields: list[str]
    values: dict[str, Any] | None = None
    problem: str = ""
    raw: str = ""


@dataclass(slots=True)
class Records:
    """An open file: its column names (None for JSONL) and an iterator over its records.

    `line_end` and `encoding` (with `-sig` for a byte order mark) serve to write a file like it.
    """

    format: Format
    header: list[str] | None
    rows: Iterator[Record]
    line_end: str = "\n"
    encoding: str = "utf-8"


def format_of(path: Path) -> Format | None:
    """Format that the name says, ignoring `.gz`; None if the name says none."""
    name = path.name.removesuffix(".gz")
    return SUFFIXES.get(Path(name).suffix.lower())


@contextlib.contextmanager
def open_records(
    path: Path, kind: Format, encoding: str = "utf-8", digest: "hashlib._Hash | None" = None
) -> Iterator[Records]:
    """Open `path` as a stream of records in constant memory. `digest` is updated with the bytes read.

    Raises:
        InputMissingError: the file does not exist or cannot be read.
        BadDataError: the header cannot be read, or the file as a whole is damaged.
    """
    with open_text(path, encoding, digest) as text:
        lines = _Lines(path, text)
        line_end = "\r\n" if lines.peek().endswith("\r\n") else "\n"
        if kind == "jsonl":
            yield Records(kind, None, _json_records(lines), line_end, text.encoding)
            return
        rows = _csv_records(lines, "," if kind == "csv" else "\t")
        header = _header(path, next(rows, None))
        yield Records(kind, header, _check_width(rows, len(header)), line_end, text.encoding)


def _header(path: Path, first: Record | None) -> list[str]:
    """Column names. An empty file has none."""
    if first is None:
        return []
    if first.problem:
        raise BadDataError(f"{path}: the header (line {first.line}) cannot be read: {first.problem}")
    if undecodable(" ".join(first.fields)):
        raise BadDataError(
            f"{path}: the header (line {first.line}) has undecodable bytes",
            "name the file's encoding with --encoding",
        )
    return first.fields


def _check_width(rows: Iterator[Record], width: int) -> Iterator[Record]:
    for record in rows:
        if not record.problem and len(record.fields) != width:
            record.problem = f"{len(record.fields)} fields where the header has {width}"
        yield record


class _Lines(Iterator[str]):
    """Iterator that counts physical lines and keeps the current record's, so that they can be read again."""

    def __init__(self, path: Path, text: IO[str]) -> None:
        self.path, self.text = path, text
        self.number = 0
        self.current: list[str] = []
        self.pending: list[str] = []

    def __next__(self) -> str:
        line = self.pending.pop() if self.pending else self._read()
        if not line:
            raise StopIteration
        if len(line) < LINE_LIMIT or line.endswith(("\n", "\r")):
            self.number += 1
        self.current.append(line)
        return line

    def _read(self) -> str:
        try:
            return self.text.readline(LINE_LIMIT)
        except (OSError, EOFError, zlib.error) as error:
            raise unreadable(self.path, error) from error

    def peek(self) -> str:
        """Return the first line, which stays to be read."""
        line = self._read()
        self.pending.extend([line] if line else [])
        return line

    def put_back(self) -> str:
        """Return the current record's first line, and put the other lines back to be read again."""
        first, *rest = self.current
        self.pending.extend(reversed(rest))
        self.number -= len(rest)
        return first


def _csv_records(lines: _Lines, delimiter: str) -> Iterator[Record]:
    """Records of a CSV file. Blank lines are skipped."""
    csv.field_size_limit(FIELD_LIMIT)
    # strict: an unclosed quote is an error at its own line, not a field that swallows the file.
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    while True:
        lines.current.clear()
        start = lines.number + 1
        try:
            fields = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield _broken_row(lines, delimiter, start, str(error))
            continue
        if fields:
            yield Record(start, fields)


def _broken_row(lines: _Lines, delimiter: str, start: int, reason: str) -> Record:
    """Make a record of the first physical line of a row that csv refuses, with a guess of its cells."""
    line = lines.put_back().rstrip("\r\n")
    unclosed = "end of data" in reason or "limit" in reason
    cause = f"a quote is not closed, or a field has over {FIELD_LIMIT:,} characters" if unclosed else reason
    try:
        fields = next(csv.reader([line], delimiter=delimiter), [])
    except csv.Error:
        fields = line.split(delimiter)
    return Record(start, fields, problem=f"malformed quoting: {cause}", raw=line)


def _json_records(lines: _Lines) -> Iterator[Record]:
    """Records of a JSONL file, one per line. Blank lines are skipped."""
    while True:
        lines.current.clear()
        start = lines.number + 1
        line = next(lines, "")
        if not line:
            return
        raw = line.strip("\r\n \t")
        if raw:
            yield _json_record(start, raw)


def _json_record(number: int, raw: str) -> Record:
    try:
        values = json.loads(raw)
    except (ValueError, RecursionError) as error:
        reason = getattr(error, "msg", None) or str(error) or "nested too deeply"
        return Record(number, [raw], problem=f"not JSON: {reason}", raw=raw)
    if not isinstance(values, dict):
        problem = f"a JSON {type(values).__name__} where an object was expected"
        return Record(number, [raw], problem=problem, raw=raw)
    return Record(number, [raw], values, raw=raw)


def undecodable(text: str) -> bool:
    """Whether `text` has bytes that its encoding could not decode, which are lone surrogates."""
    if text.isascii():
        return False
    try:
        text.encode()
    except UnicodeEncodeError:
        return True
    return False
