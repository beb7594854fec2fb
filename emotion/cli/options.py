"""Options that several commands share, each written once."""

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


DELIMITER_HELP = "One character, or tab [dim](default: the one in the header)[/]."
QUOTING_HELP = "csv: quotes may span lines; none: quotes are text [dim](default: csv; with tab: within a line)[/]."
HEADER_HELP = "Without a header, the columns are called 1, 2, ..."
StoreOption = Annotated[
    Path, typer.Option("--store", envvar="EMOTION_STORE", help="Folder of runs, weights and comparisons.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON on stdout instead of a table.")]
ParamsOption = Annotated[
    Path | None,
    typer.Option("--params", envvar="EMOTION_PARAMS", help="params.toml instead of the model's own."),
]
DEFAULT_STORE = Path("store")
DEVICE_VARIABLE = "EMOTION_DEVICE"
LogFormatOption = Annotated[
    LogFormat,
    typer.Option("--log-format", envvar="EMOTION_LOG_FORMAT", help="Progress where there is no terminal."),
]


@dataclass(frozen=True)
class DataOptions:
    """Options that say how files of labelled text are read. None leaves the value of `[data]`."""

    text_column: Annotated[str | None, typer.Option(help="Column of the text [dim](default: text)[/].")] = None
    label_column: Annotated[str | None, typer.Option(help="Column of the label [dim](default: label)[/].")] = None
    encoding: Annotated[str | None, typer.Option(help="Encoding of the files [dim](default: utf-8)[/].")] = None
    delimiter: Annotated[str | None, typer.Option(metavar="CHAR", help=DELIMITER_HELP)] = None
    quoting: Annotated[QuotingName | None, typer.Option(help=QUOTING_HELP)] = None
    header: Annotated[bool | None, typer.Option("--header/--no-header", help=HEADER_HELP)] = None

    @property
    def table(self) -> dict[str, Any]:
        """The options that somebody gave, as `[data]` has them.

        Raises:
            UsageError: the delimiter is none.
        """
        delimiter = parse_delimiter(self.delimiter) if self.delimiter is not None else None
        quoting = self.quoting.value if self.quoting is not None else None
        return given(**{**vars(self), "delimiter": delimiter, "quoting": quoting})

    @property
    def overrides(self) -> list[str]:
        """The options that somebody gave, as `--set` overrides, for the parameters to check."""
        return [f"data.{key}={_toml(value)}" for key, value in self.table.items()]


@dataclass(frozen=True)
class TeacherOptions:
    """Options that name the teacher of a student. None leaves the value of `[training.teacher]`."""

    teacher: Annotated[
        str | None,
        typer.Option(
            metavar="MODEL/RUN",
            help="ann, lstm: learn from this run, or from ensemble:A,B,C; --set training.teacher.run=.",
        ),
    ] = None
    unlabelled: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="With --teacher: texts without labels; on a cluster below inputs/."),
    ] = None

    @property
    def overrides(self) -> list[str]:
        """The options that somebody gave, as `--set` overrides."""
        table = given(run=self.teacher, unlabelled=self.unlabelled)
        return [f"training.teacher.{key}={_toml(value)}" for key, value in table.items()]

    def overrides_below(self, folder: PurePosixPath) -> list[str]:
        """The same with the file of texts in `folder` of a pod.

        Raises:
            UsageError: the file's name leaves the folder.
        """
        file = self.unlabelled
        if file is None:
            return self.overrides
        if not file or PurePosixPath(file).is_absolute() or ".." in PurePosixPath(file).parts:
            raise UsageError(
                f"--unlabelled {file!r} is not a file below inputs/", "name it as NAME/FILE of `emotion put`"
            )
        return replace(self, unlabelled=str(folder / file)).overrides


def given(**values: Any) -> dict[str, Any]:
    """The options that somebody gave, by name."""
    return {name: value for name, value in values.items() if value is not None}


def _toml(value: str | bool) -> str:
    """A TOML value: a column called 1 or true stays a name."""
    if isinstance(value, bool):
        return str(value).lower()
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"').replace("\t", "\\t") + '"'
