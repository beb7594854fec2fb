"""Reads one file of labeled text in any format, and reports every bad row with its line."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from emotion.data.column_options import column_options
from emotion.errors import BadDataError, UsageError
from emotion.formatting import count, first_items, visible
from emotion.params.schema import DataTable
from emotion.records.batch import Record
from emotion.records.columns import find_column
from emotion.records.dialect import DialectOptions, Format, parse_delimiter
from emotion.records.files import format_of, open_records
from emotion.records.json_lines import RepeatingObject, half_pair, json_type
from emotion.records.lines import Lines
from emotion.records.reading import doubt, reading, sentence
from emotion.records.text_io import Codec, open_bytes
from emotion.records.text_problem import text_problem, undecodable

SUFFIXES = (".txt", ".csv", ".tsv", ".jsonl", ".ndjson", ".parquet")
MAX_REPORTED = 10
# Only shorter headers of .txt files are searched in all lines, in characters.
LONGEST_HEADER = 200
ONE_LABEL = (
    "multi-label classification is not supported: keep one label per list, or write one row per label (explode in"
    " pandas)"
)


@dataclass(frozen=True, slots=True)
class Row:
    """One labeled text, and its line (in Parquet its row), from 1."""

    line: int
    text: str
    label: str


class _RawRow(NamedTuple):
    """Unchecked cells of a line. `problem` explains why there are none."""

    line: int
    text: object = None
    label: object = None
    problem: str = ""


def read_labeled(path: Path, params: DataTable) -> list[Row]:
    """Read all rows of `path`: `text;label` lines (.txt), CSV, TSV, JSONL (also .gz) or Parquet.

    Raises:
        InputMissingError: the file does not exist.
        BadDataError: a column does not exist, or rows are unusable (the message lists the first ten).
    """
    rows: list[Row] = []
    mistakes: list[str] = []
    listed = False
    for raw in _read_rows(path, params):
        problem = raw.problem or _problem(raw.text, "text") or _problem(_label(raw.label), "label")
        if problem:
            mistakes.append(f"line {raw.line}: {problem}")
            listed = listed or isinstance(raw.label, list)
        else:
            rows.append(Row(raw.line, str(raw.text), str(raw.label).strip()))
    if mistakes:
        shown = "\n  ".join(first_items(mistakes, MAX_REPORTED))
        raise BadDataError(
            f"{path}: {count(len(mistakes), 'row')} cannot be used:\n  {shown}",
            ONE_LABEL if listed else "fix or remove these rows",
        )
    return rows


def describe(path: Path, params: DataTable) -> list[str]:
    """Describe how a file is read, with any doubt, as lines for people. Only records have dialects.

    Raises:
        InputMissingError, BadDataError: the file cannot be read.
    """
    kind = format_of(path)
    if kind is None or has_no_columns(path):
        return []
    with open_records(path, kind, dialect_options(params), (params.text_column, params.label_column)) as records:
        facts = reading(records, params.text_column)
    return [f"{path.name}: {line}" for line in (sentence(facts), doubt(facts)) if line]


def has_no_columns(path: Path) -> bool:
    """Whether `path` has `text;label` lines, which need no header."""
    return path.name.lower().removesuffix(".gz").endswith(".txt")


def _label(cell: object) -> object:
    """Convert whole numbers and booleans, which are valid labels, to text."""
    return str(cell) if isinstance(cell, int) else cell


def _problem(cell: object, column: str) -> str:
    """Give the reason why a cell is not a text or label, or an empty string."""
    if cell is None or (isinstance(cell, float) and cell != cell):  # noqa: PLR0124  NaN
        return f"no {column} (null or NaN)"
    if not isinstance(cell, str):
        return f"the {column} is {json_type(cell)}, not a string: {cell!s:.40}"
    problem = text_problem(cell, column)
    if problem and undecodable(cell):
        return f"{problem} (name the file's encoding with --encoding)"
    return problem


def _read_rows(path: Path, params: DataTable) -> Iterator[_RawRow]:
    kind = format_of(path)
    if has_no_columns(path):
        return _semicolon_lines(path, params)
    if path.name.lower().endswith(".parquet"):
        return _parquet_rows(path, params)
    if kind is not None:
        return _records(path, kind, params)
    raise BadDataError(f"{path}: unknown format", f"its name must end in {', '.join(SUFFIXES)} (text also .gz)")


def _semicolon_lines(path: Path, params: DataTable) -> Iterator[_RawRow]:
    """Split `text;label` lines at the last semicolon. Blank lines and a header are skipped."""
    if params.delimiter not in {"auto", ";"}:
        raise UsageError(
            f"--delimiter does not apply to {path}, which has text;label lines", "rename other files to .csv"
        )
    with open_bytes(path) as file:
        lines = Lines(path, file, params.encoding, loose=True)
        first = True
        while taken := lines.take():
            line = lines.decode(lines.split_end(taken)[0])
            if line.strip() and not (first and params.header and _is_header(path, line, params)):
                text, semicolon, label = line.rpartition(";")
                problem = "" if semicolon else f"no ';' between text and label: {line[:40]!r}"
                if params.header and _names_columns(line, params):
                    problem = "the header again: this may be several joined files"
                if "\0" in line:
                    problem = "NUL bytes: this part may be UTF-16"
                if "\n" in line or "\r" in line:
                    problem = "a line end within the line: line ends differ from the first line's"
                yield _RawRow(lines.number, text, label, problem)
            first = first and not line.strip()


def _is_header(path: Path, line: str, params: DataTable) -> bool:
    """Whether the first line names the columns, in upper or lower case.

    Raises:
        BadDataError: the line names more columns, or uses another order.
    """
    if _names_columns(line, params):
        return True
    cells = _folded_cells(line)
    if any(set(header) <= set(cells) for header in _headers(params)):
        raise BadDataError(
            f"{path}: the first line names columns other than text;label: {line[:80]!r}",
            "a .txt file has text;label lines; rename a file with a header to .csv",
        )
    return False


def _names_columns(line: str, params: DataTable) -> bool:
    return len(line) < LONGEST_HEADER and _folded_cells(line) in _headers(params)


def _headers(params: DataTable) -> list[tuple[str, ...]]:
    return [("text", "label"), (params.text_column.casefold(), params.label_column.casefold())]


def _folded_cells(line: str) -> tuple[str, ...]:
    return tuple(cell.strip("\ufeff").strip().casefold() for cell in line.split(";"))


def _records(path: Path, kind: Format, params: DataTable) -> Iterator[_RawRow]:
    columns = (params.text_column, params.label_column)
    if columns[0] == columns[1]:
        raise UsageError(f"text and label are the same column, {columns[0]!r}", "name two different columns")
    with open_records(path, kind, dialect_options(params), columns) as records:
        if records.header is None:
            for record in records.rows:
                yield _object_cells(record, records.codec, columns)
        elif records.header:
            text, label = (find_column(path, records, name, column_options()) for name in columns)
            for record in records.rows:
                if record.problem:
                    yield _RawRow(record.line, problem=record.problem)
                else:
                    yield _RawRow(record.line, record.fields[text], record.fields[label])


def dialect_options(params: DataTable) -> DialectOptions:
    """Give the dialect from `[data]`."""
    return DialectOptions(
        delimiter=None if params.delimiter == "auto" else parse_delimiter(params.delimiter),
        quoting=None if params.quoting == "auto" else params.quoting,
        header=params.header,
        encoding=params.encoding,
    )


def _object_cells(record: Record, codec: Codec, columns: tuple[str, str]) -> _RawRow:
    if record.values is None:
        return _RawRow(record.line, problem=record.problem)
    for name in columns:
        if name not in record.values:
            return _RawRow(
                record.line, problem=f"no key {name!r}; the keys are {', '.join(map(visible, record.values))}"[:200]
            )
        if isinstance(record.values, RepeatingObject) and name in record.values.repeated:
            return _RawRow(record.line, problem=f"the key {name!r} occurs twice")
        if half_pair(record.values[name], record, codec):
            return _RawRow(record.line, problem=f"half a surrogate pair in the {name}")
    return _RawRow(record.line, *(record.values[name] for name in columns))


def _parquet_rows(path: Path, params: DataTable) -> Iterator[_RawRow]:
    from emotion.data.parquet import read_columns

    columns = (params.text_column, params.label_column)
    for number, (text, label) in enumerate(read_columns(path, *columns), start=1):
        yield _RawRow(number, text, label)
