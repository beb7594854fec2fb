"""Finds a column by its name."""

from pathlib import Path

from emotion.errors import BadDataError
from emotion.formatting import escape_invisible, first_items, visible
from emotion.records.record import Records

MAX_NAMED, LONGEST_NAME = 10, 60
JSONL_HINT = "if the file is JSONL, name it .jsonl, or use --format jsonl"


def find_column(path: Path, records: Records, name: str, options: str) -> int:
    """Find the index of column `name`, from 0.

    Raises:
        BadDataError: the file has no such column, or more than one. The hint names the `options` that choose columns.
    """
    names = records.header or []
    if names.count(name) == 1:
        return names.index(name)
    what = "more than one column" if name in names else "no column"
    shown = first_items([f"{visible(other):.{LONGEST_NAME}}" for other in names], MAX_NAMED)
    hint = f"name the column with {options}"
    if name not in names and records.first is not None:
        hint += ", or use --no-header if the first line is not a header"
    if len(names) == 1:
        hint += ", or the delimiter with --delimiter"
    if names and names[0].startswith("{"):
        hint = JSONL_HINT
    raise BadDataError(
        f"{path} has {what} '{escape_invisible(name)}'; its columns are: {', '.join(shown) or '(none)'}", hint
    )
