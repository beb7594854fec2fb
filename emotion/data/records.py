"""Records of CSV, TSV and JSONL files, streamed with line numbers; a bad record is a value, not the end.

Training refuses a file that has a bad record; classification keeps its place and goes on.
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
# Longest field in characters. Without a limit one unclosed quote reads a file of any size into memory.
FIELD_LIMIT = 1 << 20
# Longest line in characters; a longer one is read as several.
LINE_LIMIT = 16 << 20


@dataclass(slots=True)
class Record:
    """One record as it was found.

    `line` is the 1-based physical line that it starts on. `fields` are the cells of a CSV row (any number of
    them) or, for JSONL, the single raw line. `values` is the parsed JSON object, or None for CSV.
    `problem` says why the record cannot be used as it is, or is empty. `raw` is the line itself, for
    JSONL and for a CSV row that cannot be parsed, whose `fields` are a guess.
    """

    line: int
    fields: list[str]
    values: dict[str, Any] | None = None
    problem: str = ""
    raw: str = ""


@dataclass(slots=True)
class Records:
    """An open file of records: its column names (None for JSONL) and the records to iterate over.

    `line_end` and `encoding` (with `-sig` for a byte order mark) are what a like file is written with.
    """

    format: Format
    header: list[str] | None
    rows: Iterator[Record]
    line_end: str = "\n"
    encoding: str = "utf-8"


def format_of(path: Path) -> Format | None:
    """Tell the format from the name (`.gz` is looked through), or None where it does not say."""
    name = path.name.removesuffix(".gz")
    return SUFFIXES.get(Path(name).suffix.lower())


@contextlib.contextmanager
def open_records(
    path: Path, kind: Format, encoding: str = "utf-8", digest: "hashlib._Hash | None" = None
) -> Iterator[Records]:
    """Open `path` as a stream of records in constant memory; `digest` takes in the bytes that are read.

    Raises:
        InputMissingError: there is no such file, or it cannot be read.
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
    """Column names; an empty file has none."""
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
    """Physical lines, counted, with those of the current record kept so that they can be read again."""

    def __init__(self, path: Path, text: IO[str]) -> None:
        self.path, self.text = path, text
        self.number = 0
        self.taken: list[str] = []
        self.again: list[str] = []

    def __next__(self) -> str:
        line = self.again.pop() if self.again else self._read()
        if not line:
            raise StopIteration
        if len(line) < LINE_LIMIT or line.endswith(("\n", "\r")):
            self.number += 1
        self.taken.append(line)
        return line

    def _read(self) -> str:
        try:
            return self.text.readline(LINE_LIMIT)
        except (OSError, EOFError, zlib.error) as error:
            raise unreadable(self.path, error) from error

    def peek(self) -> str:
        """Look at the first line, which is read again."""
        line = self._read()
        self.again.extend([line] if line else [])
        return line

    def put_back(self) -> str:
        """Return the current record's first line, and let the lines after it be read again."""
        first, *rest = self.taken
        self.again.extend(reversed(rest))
        self.number -= len(rest)
        return first


def _csv_records(lines: _Lines, delimiter: str) -> Iterator[Record]:
    """Rows of a CSV file. Blank lines hold no record and are passed over."""
    csv.field_size_limit(FIELD_LIMIT)
    # strict: a quote that never closes is an error at its own line, not a field that eats the file.
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    while True:
        lines.taken.clear()
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
    """Keep the first physical line of a row that csv refuses, as far as it can be told apart."""
    line = lines.put_back().rstrip("\r\n")
    unclosed = "end of data" in reason or "limit" in reason
    named = f"a quote is not closed, or a field has over {FIELD_LIMIT:,} characters" if unclosed else reason
    try:
        fields = next(csv.reader([line], delimiter=delimiter), [])
    except csv.Error:
        fields = line.split(delimiter)
    return Record(start, fields, problem=f"malformed quoting: {named}", raw=line)


def _json_records(lines: _Lines) -> Iterator[Record]:
    """Objects of a JSONL file, one a line. Blank lines hold no record and are passed over."""
    while True:
        lines.taken.clear()
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
    """Tell whether `text` holds bytes that its encoding could not decode (kept as lone surrogates)."""
    if text.isascii():
        return False
    try:
        text.encode()
    except UnicodeEncodeError:
        return True
    return False
