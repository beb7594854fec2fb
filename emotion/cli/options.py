"""Options that several commands share, each written once."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from emotion.cli.console import LogFormat
from emotion.data.dialect import DialectOptions, parse_delimiter


class Device(StrEnum):
    """Where a model trains or classifies."""

    AUTO = "auto"
    CPU = "cpu"
    GPU = "gpu"


class QuotingName(StrEnum):
    """What quotes mean in a file."""

    CSV = "csv"
    NONE = "none"


StoreOption = Annotated[
    Path, typer.Option("--store", envvar="EMOTION_STORE", help="Folder of runs, weights and comparisons.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON on stdout instead of a table.")]
DEFAULT_STORE = Path("store")
DEVICE_VARIABLE = "EMOTION_DEVICE"
LogFormatOption = Annotated[
    LogFormat,
    typer.Option("--log-format", envvar="EMOTION_LOG_FORMAT", help="Progress where there is no terminal."),
]
TextColumn = Annotated[str | None, typer.Option("--text-column", help="Column of the text [dim](default: text)[/].")]
LabelColumn = Annotated[
    str | None, typer.Option("--label-column", help="Column of the label [dim](default: label)[/].")
]
Encoding = Annotated[str | None, typer.Option("--encoding", help="Encoding of the files [dim](default: utf-8)[/].")]
Delimiter = Annotated[
    str | None,
    typer.Option(
        metavar="CHAR", envvar="EMOTION_DELIMITER", help="One character, or tab [dim](default: as in the file)[/]."
    ),
]
QuotingOption = Annotated[
    QuotingName | None,
    typer.Option(
        "--quoting",
        envvar="EMOTION_QUOTING",
        help='csv: "..." may hold delimiters and line ends; none: quotes are text [dim](default: csv; TSV: in a line)[/].',
    ),
]
Header = Annotated[
    bool,
    typer.Option(
        "--header/--no-header", envvar="EMOTION_HEADER", help="Without a header, the columns are called 1, 2, ..."
    ),
]


def read_options(delimiter: str | None, quoting: "QuotingName | None", encoding: str, *, header: bool) -> DialectOptions:
    """How a person says that files are written.

    Raises:
        UsageError: the delimiter is none.
    """
    return DialectOptions(
        delimiter=parse_delimiter(delimiter) if delimiter is not None else None,
        quoting=quoting.value if quoting is not None else None,
        header=header,
        encoding=encoding,
    )


def given(**values: Any) -> dict[str, Any]:
    """The options that somebody gave, by name."""
    return {name: value for name, value in values.items() if value is not None}


def data_overrides(text_column: str | None, label_column: str | None, encoding: str | None) -> list[str]:
    """The three options as `--set` overrides, for the parameters to check."""
    named = given(text_column=text_column, label_column=label_column, encoding=encoding)
    return [f"data.{key}={_quoted(value)}" for key, value in named.items()]


def _quoted(value: str) -> str:
    """A TOML string, so that a column called 1 or true stays a name."""
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
