"""Reading one file of labelled text, in any of the formats; every bad row is named with its line."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from emotion.data.records import Format, Record, format_of, open_records, undecodable
from emotion.data.text_io import open_text
from emotion.errors import BadDataError
from emotion.params.schema import DataTable

SUFFIXES = (".txt", ".csv", ".tsv", ".jsonl", ".ndjson", ".parquet")
SHOWN = 10


@dataclass(frozen=True, slots=True)
class Row:
    """One labelled text and the line (for Parquet: the row, from 1) that it stands on."""

    line: int
    text: str
    label: str


class _Found(NamedTuple):
    """What stands on a line, not yet checked; `problem` says why there is nothing to check."""

    line: int
    text: object = None
    label: object = None
    problem: str = ""


def read_labelled(path: Path, params: DataTable) -> list[Row]:
    """Read all rows of `path`: `text;label` lines (.txt), CSV, TSV, JSONL (each also .gz) or Parquet.

    Raises:
        InputMissingError: no such file.
        BadDataError: the columns are not there, or rows cannot be used (the first ten are named).
    """
    rows: list[Row] = []
    mistakes: list[str] = []
    for found in _find(path, params):
        problem = found.problem or _problem(found.text, "text") or _problem(_label(found.label), "label")
        if problem:
            mistakes.append(f"line {found.line}: {problem}")
        else:
            rows.append(Row(found.line, str(found.text), str(found.label).strip()))
    if mistakes:
        shown = "\n".join(f"  {mistake}" for mistake in mistakes[:SHOWN])
        more = f"\n  and {len(mistakes) - SHOWN:,} more" if len(mistakes) > SHOWN else ""
        raise BadDataError(f"{path}: {len(mistakes):,} rows cannot be used:\n{shown}{more}", "mend or remove them")
    return rows


def _label(cell: object) -> object:
    """Whole numbers and booleans are good labels."""
    return str(cell) if isinstance(cell, int) else cell


def _problem(cell: object, what: str) -> str:
    """Say why a cell is no text or label, or nothing."""
    if cell is None or (isinstance(cell, float) and cell != cell):  # noqa: PLR0124  NaN
        return f"no {what} (null or NaN)"
    if not isinstance(cell, str):
        return f"the {what} is a {type(cell).__name__}, not a string: {cell!s:.40}"
    if not cell.strip():
        return f"an empty {what}"
    if undecodable(cell):
        return f"undecodable bytes in the {what} (name the file's encoding with --encoding)"
    return ""


def _find(path: Path, params: DataTable) -> Iterator[_Found]:
    name = path.name.lower()
    kind = format_of(path)
    if name.removesuffix(".gz").endswith(".txt"):
        return _semicolon_lines(path, params)
    if name.endswith(".parquet"):
        return _parquet_rows(path, params)
    if kind is not None:
        return _records(path, kind, params)
    raise BadDataError(f"{path}: unknown format", f"its name must end in {', '.join(SUFFIXES)} (text also .gz)")


def _semicolon_lines(path: Path, params: DataTable) -> Iterator[_Found]:
    """`text;label` lines, split at the last semicolon. Blank lines hold no row and are passed over."""
    with open_text(path, params.encoding) as file:
        for number, raw in enumerate(file, start=1):
            line = raw.rstrip("\r\n")
            if not line.strip():
                continue
            text, semicolon, label = line.rpartition(";")
            problem = "" if semicolon else f"no ';' between text and label: {line[:40]!r}"
            yield _Found(number, text, label, problem)


def _records(path: Path, kind: Format, params: DataTable) -> Iterator[_Found]:
    with open_records(path, kind, params.encoding) as records:
        if records.header is None:
            for record in records.rows:
                yield _object_cells(record, params)
        elif records.header:
            text, label = (_place(path, records.header, name) for name in (params.text_column, params.label_column))
            for record in records.rows:
                good = not record.problem
                yield (
                    _Found(record.line, record.fields[text], record.fields[label])
                    if good
                    else _Found(record.line, problem=record.problem)
                )


def _place(path: Path, header: list[str], name: str) -> int:
    """Find column `name`, which must be there once.

    Raises:
        BadDataError: it is not there, or more than once.
    """
    if header.count(name) != 1:
        what = "no column" if name not in header else "more than one column"
        raise BadDataError(
            f"{path}: {what} {name!r}; its columns are {', '.join(header)}",
            "name the columns with --text-column and --label-column",
        )
    return header.index(name)


def _object_cells(record: Record, params: DataTable) -> _Found:
    if record.values is None:
        return _Found(record.line, problem=record.problem)
    for name in (params.text_column, params.label_column):
        if name not in record.values:
            return _Found(record.line, problem=f"no key {name!r}; the keys are {', '.join(record.values)}"[:200])
    return _Found(record.line, record.values[params.text_column], record.values[params.label_column])


def _parquet_rows(path: Path, params: DataTable) -> Iterator[_Found]:
    from emotion.data.parquet import read_columns

    columns = (params.text_column, params.label_column)
    for number, (text, label) in enumerate(read_columns(path, *columns), start=1):
        yield _Found(number, text, label)
