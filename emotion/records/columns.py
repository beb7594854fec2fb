"""Finds a column by its name."""

from collections.abc import Sequence
from pathlib import Path

from emotion.errors import BadDataError
from emotion.formatting import escape_invisible, visible


def find_column(path: Path, names: Sequence[str], name: str, options: str) -> int:
    """Index of column `name`, from 0.

    Raises:
        BadDataError: the file has no such column, or more than one. The hint names the `options` that choose columns.
    """
    if names.count(name) == 1:
        return names.index(name)
    what = "more than one column" if name in names else "no column"
    found = ", ".join(map(visible, names)) or "(none)"
    no_header = ", or say --no-header if the first line is no header" if name not in names else ""
    raise BadDataError(
        f"{path} has {what} '{escape_invisible(name)}'; its columns are: {found}",
        f"name the column with {options}{no_header}",
    )
