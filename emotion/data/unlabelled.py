"""Reads the texts of one file without labels, in any format of records."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from emotion.data.column_options import column_options
from emotion.data.labeled import dialect_options
from emotion.errors import BadDataError
from emotion.params.schema import DataTable
from emotion.records.batch import Record
from emotion.records.columns import find_column
from emotion.records.files import SUFFIXES, format_of, open_records
from emotion.records.json_lines import RepeatingObject
from emotion.records.record import Records
from emotion.records.text_problem import text_problem


@dataclass(frozen=True)
class Unlabelled:
    """The texts of a file; `left_out` counts rows without a text. `digest` is the SHA-256 of the file."""

    texts: list[str]
    left_out: int
    digest: str


def read_unlabelled(path: Path, params: DataTable) -> Unlabelled:
    """Read a CSV, TSV or JSONL file, also .gz; the text is in `[data] text_column`, or in the only column.

    Raises:
        InputMissingError: the file does not exist.
        BadDataError: the format is unknown, the column does not exist, or no row has a text.
    """
    kind = format_of(path)
    if kind is None:
        raise BadDataError(
            f"{path}: unknown format of texts without labels", f"its name must end in {', '.join(SUFFIXES)} (also .gz)"
        )
    digest = hashlib.sha256()
    with open_records(path, kind, dialect_options(params), (params.text_column,), digest) as records:
        column = _column(path, records, params.text_column)
        found = [_text(record, column) for record in records.rows]
    texts = [text for text in found if text]
    if not texts:
        raise BadDataError(
            f"{path}: no row of {len(found):,} has a text in the column {params.text_column!r}",
            f"name the column with {column_options()}",
        )
    return Unlabelled(texts, len(found) - len(texts), digest.hexdigest())


def _column(path: Path, records: Records, name: str) -> int | str:
    """Find the index of the text's column; for JSONL its key."""
    if records.header is None:
        return name
    if len(records.header) == 1 and records.first is None:
        return 0
    return find_column(path, records, name, column_options())


def _text(record: Record, column: int | str) -> str:
    """Give the text of a record; empty if it has no readable text."""
    if record.problem:
        return ""
    if isinstance(column, int):
        cell: object = record.fields[column]
    else:
        values = record.values or {}
        repeated = isinstance(values, RepeatingObject) and column in values.repeated
        cell = None if repeated else values.get(column)
    return cell if isinstance(cell, str) and not text_problem(cell) else ""
