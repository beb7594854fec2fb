"""Options that several commands share, each written once."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from emotion.cli.console import LogFormat


class Device(StrEnum):
    """Where a model trains or classifies."""

    AUTO = "auto"
    CPU = "cpu"
    GPU = "gpu"


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
