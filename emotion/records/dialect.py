"""Finds the dialect of a CSV or TSV file from its first lines: delimiter, quoting, and whether an index has no name."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Literal, NamedTuple

from emotion.errors import BadDataError, UsageError
from emotion.records.row_parser import QuoteError, Quoting, parse_line, parse_quoted_line
from emotion.records.sample import without_quoted

Format = Literal["csv", "tsv", "jsonl"]
DELIMITERS = (",", ";", "|", "\t")
DEFAULTS: dict[Format, str] = {"csv": ",", "tsv": "\t"}
NAMES = {"\t": "tab"}
# The line by which a file says its delimiter to spreadsheets.
SEPARATOR_LINE = re.compile(r'"?sep=([^".0-9\ud800-\udfff])"?', re.IGNORECASE)
# Ends of the names of columns that count the rows themselves.
COUNTED = ("id", "index", "idx", "key", "line", "no", "nr", "num", "number", "pos", "position", "rank", "row", "#")
# More digits than any number of a column has.
LONGEST_NUMBER = 6
# Rows that must agree before the header is doubted.
FEW_ROWS = 2


@dataclass(frozen=True, slots=True)
class DialectOptions:
    """What a person says about a file. None is taken from the file.

    `quoting` is `csv` or `none`. Without a `header`, the columns are called 1, 2, ...
    """

    delimiter: str | None = None
    quoting: Quoting | None = None
    header: bool = True
    encoding: str = "utf-8"


class Dialect(NamedTuple):
    """How rows are written. `unnamed` says that the header lacks the name of the first column, an index."""

    delimiter: str
    quoting: Quoting
    unnamed: bool = False


def delimiter_name(delimiter: str) -> str:
    """A delimiter as --delimiter takes it, in quotes where a person would not see it otherwise."""
    return NAMES.get(delimiter, repr(delimiter))


def parse_delimiter(text: str) -> str:
    """Read the value of --delimiter: one character, or `tab`.

    Raises:
        UsageError: it is neither, or it is a quote or a line end.
    """
    delimiter = {"tab": "\t", "\\t": "\t"}.get(text, text)
    if len(delimiter) != 1 or delimiter in '"\r\n\0.0123456789' or "\ud800" <= delimiter <= "\udfff":
        raise UsageError(f"{text!r} is not a delimiter", "name one character such as ';', or tab")
    return delimiter


def find_dialect(
    path: Path, kind: Format, sample: Sequence[str], options: DialectOptions, columns: Sequence[str]
) -> Dialect:
    """Choose the dialect of a file that begins with the rows `sample`, from which blank lines are left out.

    The delimiter is the one in the header, else the one that cuts all rows into equally many cells. If there are
    several, the names `columns` decide, then the rows, then the file's name.

    Raises:
        BadDataError: several delimiters are equally likely.
    """
    header = sample[0] if sample and options.header else ""
    rows = sample[1:] if options.header else sample
    delimiter = options.delimiter or _find_delimiter(path, kind, header, rows, columns)
    quoting = options.quoting or ("line" if delimiter == "\t" else "csv")
    index = options.header and _has_index(header, rows, delimiter, columns)
    return Dialect(delimiter, quoting, index)


def header_cells(line: str, delimiter: str, columns: Sequence[str]) -> list[str]:
    """Names in a header line. A line that is quoted once more as a whole has one of `columns` within."""
    cells = quoted_cells(line, delimiter) or [line]
    within = quoted_cells(cells[0], delimiter) if len(cells) == 1 and line.startswith('"') else []
    return cells if set(columns).isdisjoint(within) else within


def _find_delimiter(path: Path, kind: Format, header: str, rows: Sequence[str], columns: Sequence[str]) -> str:
    default = DEFAULTS[kind]
    likely = _in_header(header, rows, columns) if header else _in_rows(path, rows, columns, default)
    if header and not likely:
        return _of_one_name(path, header, rows, columns, default)
    if len(likely) > 1 and (default not in likely or (kind == "csv" and not header)):
        found = " or ".join(map(delimiter_name, likely))
        raise BadDataError(f"{path}: the delimiter may be {found}", "name it with --delimiter")
    return likely[0] if len(likely) == 1 else default


def _in_header(header: str, rows: Sequence[str], columns: Sequence[str]) -> list[str]:
    """Delimiters that cut the header; of several, those that give one of the `columns`, or that cut the rows alike."""
    names = {delimiter: header_cells(header, delimiter, columns) for delimiter in DELIMITERS}
    found = [delimiter for delimiter in DELIMITERS if len(names[delimiter]) > 1]
    found = [delimiter for delimiter in found if not set(columns).isdisjoint(names[delimiter])] or found
    return [delimiter for delimiter in found if _width(rows, delimiter) == len(names[delimiter])] or found


def _in_rows(path: Path, rows: Sequence[str], columns: Sequence[str], default: str) -> list[str]:
    """Delimiters that cut all rows of a file without header alike, or most rows into as many cells as `columns` need.

    Raises:
        BadDataError: a delimiter cuts most rows, and nothing says that it is one.
    """
    needed = max((int(name) for name in columns if name.isdecimal() and len(name) < LONGEST_NUMBER), default=1)
    found = [delimiter for delimiter in DELIMITERS if _width(rows, delimiter) >= max(2, needed)]
    if found:
        # A row with another number of cells does not make another delimiter the right one.
        found = [name for name in DELIMITERS if name in found or _usual_width(rows, name) >= max(2, needed)]
    found = found or [delimiter for delimiter in DELIMITERS if needed > 1 and _most_have(rows, delimiter, needed)]
    doubtful = [delimiter for delimiter in DELIMITERS if delimiter != default and _most_have(rows, delimiter, 2)]
    if doubtful and not found:
        name = delimiter_name(doubtful[0])
        raise BadDataError(
            f"{path}: the delimiter {name} cuts most of the first rows, but not all alike",
            f"say --delimiter {name}, or --delimiter {delimiter_name(default)} for one column",
        )
    return found


def _of_one_name(path: Path, header: str, rows: Sequence[str], columns: Sequence[str], default: str) -> str:
    """Delimiter of a file with one name in its header. Another one in all rows is an index, or it is refused."""
    for delimiter in DELIMITERS:
        if _has_index(header, rows, delimiter, columns):
            return delimiter
    for delimiter in DELIMITERS:
        width = _width(rows, delimiter)
        if width > 1 and len(rows) >= FEW_ROWS and delimiter != default:
            name = delimiter_name(delimiter)
            raise BadDataError(
                f"{path}: the header has one name, and the delimiter {name} cuts the first rows into {width} cells",
                f"say --delimiter {name}, or --delimiter {delimiter_name(default)} if {name} is a part of the texts",
            )
    return default


def _has_index(header: str, rows: Sequence[str], delimiter: str, columns: Sequence[str]) -> bool:
    """Whether the rows have one cell more than the header has names, and their first cells look like an index.

    An index counts up from 0 or 1, or has names of rows in quotes, as R writes them with all names in quotes. The
    column of texts, the first of `columns`, has longer cells with the index than without.
    """
    cells = _all_cells(rows, delimiter)
    names = header_cells(header, delimiter, columns)
    if _width(rows, delimiter) != len(names) + 1 or not any(row[-1] for row in cells):
        return False
    first, second = ([row[index] for row in cells] for index in (0, 1))
    counted = _counts_rows(names[0]) and not all(map(str.isdecimal, second))
    if counted or len(set(first)) < len(first) or not _moves_texts(names, cells, columns):
        return False
    counting = all(re.fullmatch(r"\d{1,15}", cell, re.ASCII) for cell in first)
    if header == delimiter.join(f'"{name}"' for name in names) and all(row.startswith('"') for row in rows):
        return counting or _moves_texts(names, cells, columns, words=True)
    if not counting or len(rows) < FEW_ROWS:
        return False
    # In a text a space follows the comma; in a number other digits follow.
    in_texts = any(cell.startswith(" ") for row in cells for cell in row)
    in_numbers = len(names) == 1 and any(cell[:1].isdigit() for cell in second)
    numbers = [int(cell) for cell in first]
    rising = numbers[0] in {0, 1} and all(after > before for before, after in pairwise(numbers))
    return rising and not in_texts and not in_numbers


def _counts_rows(name: str) -> bool:
    """Whether a column of this name counts the rows: it is an index itself."""
    letters = re.sub(r"[\W_\d]+", "", name.casefold()) if name != "#" else name
    return not letters or letters.endswith(COUNTED) or letters == "unnamed"


def _moves_texts(
    names: Sequence[str], cells: Sequence[Sequence[str]], columns: Sequence[str], *, words: bool = False
) -> bool:
    """Whether the column of texts has more characters one cell to the right of its name.

    With `words` the cells below its name must be single words, too.
    """
    found = [names.index(column) for column in columns if column in names]
    if not found:
        return False
    before, after = ("".join(row[found[0] + step] for row in cells) for step in (0, 1))
    return len(after) > len(before) and not (words and " " in before)


def _width(rows: Sequence[str], delimiter: str) -> int:
    """Number of cells of the rows, or 0 if rows differ. Rows with other quotes say nothing."""
    widths = set(_widths(rows, delimiter))
    return widths.pop() if len(widths) == 1 else 0


def _usual_width(rows: Sequence[str], delimiter: str) -> int:
    """Number of cells of half of the rows or more, if all others have two or more; otherwise 0."""
    widths = Counter(_widths(rows, delimiter))
    if not widths or min(widths) <= 1:
        return 0
    width, frequency = widths.most_common(1)[0]
    return width if 2 * frequency >= widths.total() else 0


def majority_width(rows: Sequence[str], dialect: Dialect) -> int:
    """Number of cells of most of the rows; 0 if no number is that frequent."""
    delimiter, quoting, _ = dialect
    widths = Counter(
        _widths(rows, delimiter) if quoting == "csv" else (len(parse_line(row, delimiter, quoting, 0)) for row in rows)
    )
    return next((width for width, frequency in widths.items() if 2 * frequency > len(rows)), 0)


def _most_have(rows: Sequence[str], delimiter: str, width: int) -> bool:
    """Whether the first row, and half of all rows, have at least `width` cells."""
    widths = _widths(rows, delimiter)
    return bool(widths) and widths[0] >= width and 2 * sum(found >= width for found in widths) >= len(widths)


def _widths(rows: Sequence[str], delimiter: str) -> list[int]:
    """Numbers of cells of the rows; 0 for a row with a line end that is in no quoted cell of this delimiter."""
    return [
        0 if "\n" in row and "\n" in without_quoted(row, delimiter) else len(cells)
        for row in rows
        if (cells := quoted_cells(row, delimiter))
    ]


def _all_cells(rows: Sequence[str], delimiter: str) -> list[list[str]]:
    return [cells for row in rows if (cells := quoted_cells(row, delimiter))]


def quoted_cells(line: str, delimiter: str) -> list[str]:
    """Cells of a line; none if its quotes do not fit the delimiter. A tab may stand beside any quotes."""
    try:
        return parse_quoted_line(line, delimiter)
    except QuoteError:
        return parse_line(line, delimiter, "line", 0) if delimiter == "\t" else []
