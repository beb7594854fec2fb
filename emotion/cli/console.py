"""Everything that a command prints or asks: data on stdout, all else on stderr; tables, progress, JSON, questions."""

import json
import os
import sys
import time
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from enum import StrEnum
from typing import Any, Literal

import typer
from rich.cells import cell_len
from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Table

from emotion.errors import UsageError
from emotion.formatting import finite


class LogFormat(StrEnum):
    """The format of progress where there is no terminal."""

    TEXT = "text"
    JSON = "json"


# rich itself obeys NO_COLOR, and prints no colors where the stream is not a terminal. A pipe has no width, so output
# wraps there only if EMOTION_COLUMNS sets a width.
PIPE_WIDTH = int(COLUMNS) if (COLUMNS := os.environ.get("EMOTION_COLUMNS", "")).isdecimal() and int(COLUMNS) else 10_000
out = Console(highlight=False, emoji=False, width=None if sys.stdout.isatty() else PIPE_WIDTH)
err = Console(
    stderr=True, highlight=False, emoji=False, soft_wrap=True, width=None if sys.stderr.isatty() else PIPE_WIDTH
)

# Categories and directions (Unicode Annex 9) of the characters that a terminal obeys.
CONTROLS = {"Cc", "Cs", "Zl", "Zp"}
DIRECTIONS = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}
STEP_SECONDS = 10.0
MEGABYTE = 1_000_000


def say(message: str) -> None:
    """Print a message for a person on stderr."""
    err.print(_literal(message))


def log_line(line: str) -> None:
    """Print a line of a pod's log for a person on stderr. Its tabs become spaces."""
    err.print("\t".join(map(_literal, line.split("\t"))))


def warn(message: str) -> None:
    """Print a warning for a person on stderr."""
    err.print(f"[yellow]warning:[/] {_literal(message)}")


def fail(message: str, hint: str) -> None:
    """Print on stderr what went wrong, and what to do next."""
    err.print(f"[bold red]error:[/] {_literal(message)}")
    if hint:
        err.print(f"[dim]  try:[/] {_literal(hint)}")


def printable_lines(text: str) -> str:
    """Escape characters that a terminal obeys. Line feeds and the joiners of emoji and scripts stay."""
    return "".join(
        character.encode("unicode_escape").decode() if character != "\n" and _is_obeyed(character) else character
        for character in text
    )


def _is_obeyed(character: str) -> bool:
    """Whether a character moves the cursor, ends a line, or changes the direction of writing."""
    return unicodedata.category(character) in CONTROLS or unicodedata.bidirectional(character) in DIRECTIONS


def _literal(text: str) -> str:
    """Make text that rich prints literally: no markup, and escapes for characters that a terminal obeys."""
    return escape(printable_lines(text))


def data(text: str) -> None:
    """Print a line of data on stdout without any formatting."""
    sys.stdout.write(text + "\n")


def data_json(content: Any) -> None:
    """Print JSON on stdout; if stdout is not UTF-8, JSON escapes other characters."""
    ascii_only = sys.stdout.encoding.lower().replace("-", "") != "utf8"
    data(json.dumps(content, indent=2, ensure_ascii=ascii_only, allow_nan=False))


def table(
    title: str,
    columns: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    numbers: int | None = None,
    on: Console | None = None,
) -> None:
    """Print a table, on stdout unless `on` is another console.

    The last `numbers` columns are aligned right (default: all but the first).

    Columns beyond the terminal's width follow in a second table, which repeats the first column.
    """
    on = on or out
    first_number = len(columns) - (len(columns) - 1 if numbers is None else numbers)
    for shown in _fitting([columns, *rows], on.width):
        part = [[line[index] for index in shown] for line in (columns, *rows)]
        on.print(grid(title, part[0], part[1:], numbers=sum(index >= first_number for index in shown)))
        title = ""


def grid(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]], *, numbers: int = 0) -> Table:
    """Build a table with the last `numbers` columns aligned right."""
    built = Table(title=_literal(title) or None, title_justify="left", title_style="bold", header_style="bold")
    built.show_header = any(columns)
    for index, column in enumerate(columns):
        justify: Literal["left", "right"] = "right" if index >= len(columns) - numbers else "left"
        built.add_column(_literal(column), justify=justify, overflow="fold")
    for row in rows:
        built.add_row(*map(_literal, row))
    return built


def _fitting(lines: Sequence[Sequence[str]], width: int) -> list[list[int]]:
    """Split the columns' indices among as few tables as the width allows."""
    widths = [max(cell_len(printable_lines(cell)) for cell in column) + 3 for column in zip(*lines, strict=True)]
    parts = [[0]]
    for index in range(1, len(widths)):
        if sum(widths[column] for column in parts[-1]) + widths[index] + 1 > width and len(parts[-1]) > 1:
            parts.append([0])
        parts[-1].append(index)
    return parts


class Meter:
    """Counts the progress of long work: a bar on a terminal, otherwise a text or JSON line every ten seconds."""

    def __init__(
        self, what: str, unit: str, log: LogFormat, bar: Progress | None, total: int | None, done: int = 0
    ) -> None:
        self.what, self.unit, self.log, self.bar, self.total = what, unit, log, bar, total
        self.count = self.first = done
        self.started = self.printed_at = time.monotonic()
        self.task = bar.add_task(printable_lines(what), total=total, completed=done, figures="") if bar else None

    def advance(self, count: int, figures: str = "", **facts: float) -> None:
        """Count `count` more units; `figures` are for people, and `facts` are only for the JSON line."""
        self.count += count
        if self.bar is not None and self.task is not None:
            self.bar.update(self.task, completed=self.count, figures=printable_lines(figures))
        elif time.monotonic() - self.printed_at >= STEP_SECONDS:
            self.printed_at = time.monotonic()
            self._print_line(figures, facts)

    def _print_line(self, figures: str, facts: dict[str, float]) -> None:
        seconds = time.monotonic() - self.started
        rate = (self.count - self.first) / seconds if seconds else 0.0
        if self.log is LogFormat.JSON:
            log_json(
                {
                    "event": self.what,
                    "unit": self.unit,
                    "done": self.count,
                    "total": self.total,
                    "per_second": round(rate),
                    **({"figures": figures} if figures else {}),
                    **facts,
                }
            )
            return
        of = f" of {self.total:,}" if self.total else ""
        say(f"{self.what}: {self.count:,}{of} {self.unit}, {rate:,.0f}/s" + (f", {figures}" if figures else ""))


def log_json(event: dict[str, Any]) -> None:
    """Print one JSON line on stderr; NaN and infinity become null."""
    sys.stderr.write(json.dumps(finite(event), ensure_ascii=False, allow_nan=False) + "\n")
    sys.stderr.flush()


@contextmanager
def meter(
    what: str, unit: str, *, total: int | None = None, done: int = 0, log: LogFormat = LogFormat.TEXT
) -> Iterator[Meter]:
    """Show the progress of work that can take over two seconds; `done` units are already done."""
    if not err.is_terminal or log is LogFormat.JSON:
        yield Meter(what, unit, log, None, total, done)
        return
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn(unit),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[figures]}", markup=False),
    )
    with Progress(*columns, console=err, transient=True) as bar:
        yield Meter(what, unit, log, bar, total, done)


@contextmanager
def megabytes(what: str, total: int) -> Iterator[Callable[[int], None]]:
    """Open a meter that counts bytes and shows megabytes."""
    with meter(what, "MB", total=round(total / MEGABYTE)) as shown:
        rest = 0

        def advance(count: int) -> None:
            nonlocal rest
            whole, rest = divmod(rest + count, MEGABYTE)
            shown.advance(whole)

        yield advance


def interactive() -> bool:
    """Whether a person can answer: stdin and stderr are a terminal, and CI is not set."""
    return sys.stdin.isatty() and err.is_terminal and os.environ.get("CI") is None


def confirm(question: str, *, yes: bool, refusal: str = "") -> bool:
    """Ask whether to continue; `yes` (the option --yes) answers without asking.

    A question with a `refusal` is about a loss. Enter then means no. Without a terminal the command fails with the
    refusal. For any other question Enter means yes, and without a terminal the command continues.

    Raises:
        UsageError: the question has a refusal, and there is neither `yes` nor a terminal.
    """
    if yes:
        return True
    if interactive():
        return typer.confirm(printable_lines(question), default=not refusal, err=True)
    if refusal:
        raise UsageError(f"{refusal}: there is no terminal to ask on", "add --yes")
    return True
