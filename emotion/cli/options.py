"""Options that several commands share, written once."""

from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path, PurePosixPath
from typing import Annotated, Any

import typer

from emotion.cli.console import LogFormat
from emotion.errors import UsageError
from emotion.records.dialect import parse_delimiter


class Device(StrEnum):
    """Where a model trains or classifies."""

    AUTO = "auto"
    CPU = "cpu"
    GPU = "gpu"


class QuotingName(StrEnum):
    """What quotes mean in a file."""

    CSV = "csv"
    NONE = "none"


DELIMITER_HELP = "One character, or tab [dim](default: found in the header)[/]."
QUOTING_HELP = "csv: quotes may span lines; none: quotes are text [dim](default: csv; tab: within a line)[/]."
HEADER_HELP = "Without a header, the columns are called 1, 2, ..."
StoreOption = Annotated[
    Path, typer.Option("--store", envvar="EMOTION_STORE", help="Folder of runs, weights and comparisons.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON on stdout instead of a table.")]
ParamsOption = Annotated[
    Path | None,
    typer.Option("--params", envvar="EMOTION_PARAMS", help="Parameter file instead of the model's own params.toml."),
]
DEFAULT_STORE = Path("store")
DEVICE_VARIABLE = "EMOTION_DEVICE"
LogFormatOption = Annotated[
    LogFormat,
    typer.Option("--log-format", envvar="EMOTION_LOG_FORMAT", help="Format of progress lines without a terminal."),
]


@dataclass(frozen=True)
class DataOptions:
    """Options for reading files of labeled text. None keeps the value in `[data]`."""

    text_column: Annotated[str | None, typer.Option(help="Column of the text [dim](default: text)[/].")] = None
    label_column: Annotated[str | None, typer.Option(help="Column of the label [dim](default: label)[/].")] = None
    encoding: Annotated[str | None, typer.Option(help="Encoding of the files [dim](default: utf-8)[/].")] = None
    delimiter: Annotated[str | None, typer.Option(metavar="CHAR", help=DELIMITER_HELP)] = None
    quoting: Annotated[QuotingName | None, typer.Option(help=QUOTING_HELP)] = None
    header: Annotated[bool | None, typer.Option("--header/--no-header", help=HEADER_HELP)] = None

    @property
    def table(self) -> dict[str, Any]:
        """The given options, with the keys of `[data]`.

        Raises:
            UsageError: the delimiter is invalid.
        """
        delimiter = parse_delimiter(self.delimiter) if self.delimiter is not None else None
        quoting = self.quoting.value if self.quoting is not None else None
        return given(**{**vars(self), "delimiter": delimiter, "quoting": quoting})

    @property
    def overrides(self) -> list[str]:
        """The given options as `--set` overrides; reading the parameters checks them."""
        return [f"data.{key}={_toml(value)}" for key, value in self.table.items()]


@dataclass(frozen=True)
class TeacherOptions:
    """Options that name a student's teacher. None keeps the value in `[training.teacher]`."""

    teacher: Annotated[
        str | None,
        typer.Option(
            metavar="MODEL/RUN",
            help="ann, lstm: learn from this run or ensemble:A,B,C; same as --set training.teacher.run=.",
        ),
    ] = None
    unlabelled: Annotated[
        str | None,
        typer.Option(
            metavar="FILE", help="With --teacher: file of texts without labels; on a cluster, a file below inputs/."
        ),
    ] = None

    @property
    def overrides(self) -> list[str]:
        """The given options as `--set` overrides."""
        table = given(run=self.teacher, unlabelled=self.unlabelled)
        return [f"training.teacher.{key}={_toml(value)}" for key, value in table.items()]

    def overrides_below(self, folder: PurePosixPath) -> list[str]:
        """Give the same overrides with the file of texts in `folder` of a pod.

        Raises:
            UsageError: the file's name leaves the folder.
        """
        file = self.unlabelled
        if file is None:
            return self.overrides
        if not file or PurePosixPath(file).is_absolute() or ".." in PurePosixPath(file).parts:
            raise UsageError(
                f"--unlabelled {file!r} is not a file below inputs/",
                "write NAME/FILE, where `emotion put` stored inputs/NAME",
            )
        return replace(self, unlabelled=str(folder / file)).overrides


def given(**values: Any) -> dict[str, Any]:
    """Keep the given options, by name."""
    return {name: value for name, value in values.items() if value is not None}


def _toml(value: str | bool) -> str:
    """Format a TOML value: a column called 1 or true stays a string."""
    if isinstance(value, bool):
        return str(value).lower()
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"').replace("\t", "\\t") + '"'
