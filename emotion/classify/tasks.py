"""Lists files to classify: input, output and errors file of every task, and common settings.

The module imports quickly: a wrong command line fails at once.
"""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from os.path import realpath
from pathlib import Path
from stat import S_ISDIR, S_ISREG
from typing import Any

from emotion.classify.error_limit import ErrorLimit
from emotion.errors import InputMissingError, UsageError
from emotion.reader import for_reader
from emotion.records.dialect import DialectOptions, Format
from emotion.records.files import SUFFIXES, format_of
from emotion.records.text_io import STANDARD_STREAM, unreadable

ERRORS_SUFFIX = ".errors.csv"
PARTS_SUFFIX = ".parts"
PUT_HINT = "put the files into the store: emotion put DIR inputs/NAME{flags}"
# Bytes of a file name on Linux.
LONGEST_NAME = 255


@dataclass(frozen=True)
class Task:
    """One file to classify. Without `errors`, the listener gets rows that cannot be classified."""

    source: Path
    output: Path
    errors: Path | None
    format: Format


@dataclass(frozen=True)
class Settings:
    """Settings of all tasks."""

    text_column: str | None = None
    all_scores: bool = False
    model_column: bool = False
    stop_at_error: bool = False
    options: DialectOptions = field(default_factory=DialectOptions)
    limit: ErrorLimit = field(default_factory=ErrorLimit)


@dataclass(frozen=True)
class RowListener:
    """Callbacks of a classification.

    `on_open` gets a file and its dialect; `advance` gets the number of rows done. Without an errors file, `on_error`
    gets line, reason and record of bad rows.
    """

    on_open: Callable[[Path, dict[str, Any]], None]
    advance: Callable[[int], None]
    on_error: Callable[[int, str, str], None]


@dataclass(frozen=True)
class TaskList:
    """Files to classify; for a folder also skipped files with reasons, and unreadable files."""

    tasks: list[Task]
    passed_over: list[tuple[Path, str]] = field(default_factory=list)
    unreadable: list[Path] = field(default_factory=list)


def list_tasks(source: Path, output: Path, errors: Path | None = None, kind: Format | None = None) -> TaskList:
    """List the files to classify: one file, or all files of a folder. The output folder repeats their names.

    In a folder, hidden files, errors files, part folders, other formats and links out of the folder are skipped. `kind`
    is the format of all files, regardless of their names.

    Raises:
        UsageError: the paths conflict, or the format is unknown.
        InputMissingError: the file does not exist, or the folder has nothing to classify.
    """
    if source != STANDARD_STREAM:
        _check_reachable(source)
    if S_ISDIR(_mode(source)):
        return _folder_tasks(source, output, errors, kind)
    if too_long(output):
        raise UsageError(
            f"the name of {output} leaves no room for the suffix of its errors file", "choose a shorter name"
        )
    if S_ISDIR(_mode(output)):
        raise UsageError(f"{output} is a folder, and {source} is not", "name the output file")
    task = Task(source, output, errors or errors_path(output), _format(source, output, kind))
    _refuse_same_file(task)
    return TaskList([task])


def errors_path(output: Path) -> Path | None:
    """Give the path of `output`'s errors file; None for standard output and devices."""
    if is_stream(output):
        return None
    return output.with_name(output.name + ERRORS_SUFFIX)


def too_long(path: Path) -> bool:
    """Whether the name of `path` is too long to add a suffix."""
    return len(os.fsencode(path.name)) + len(ERRORS_SUFFIX) + len(".01234567.") > LONGEST_NAME


def is_stream(path: Path) -> bool:
    """Whether `path` is `-`, a device or a pipe: they cannot be replaced like a file."""
    mode = _mode(path)
    return path == STANDARD_STREAM or (mode != 0 and not S_ISREG(mode) and not S_ISDIR(mode))


def apart_from_stream(path: Path) -> Path:
    """Give the path of a file; a file named `-` is not a standard stream."""
    return path.absolute() if path == STANDARD_STREAM else path


def _check_reachable(path: Path) -> None:
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError) as error:
        hint = for_reader("name a file, a folder or - for standard input", PUT_HINT)
        raise InputMissingError(f"no such file or folder: {path}", hint) from error
    except OSError as error:
        raise unreadable(path, error) from error


def _mode(path: Path) -> int:
    """Give the mode of a file or folder; 0 if it is missing or out of reach."""
    try:
        return path.stat().st_mode
    except OSError:
        return 0


def _is_link(path: Path) -> bool:
    """Whether a path is a link; False if it is out of reach."""
    try:
        return path.is_symlink()
    except OSError:
        return False


def _resolve(path: Path) -> Path:
    """Resolve links; keep a link that leads to itself."""
    return Path(realpath(path))


def _folder_tasks(source: Path, output: Path, errors: Path | None, kind: Format | None) -> TaskList:
    if errors is not None:
        raise UsageError(
            "--errors names one file, but a folder has many files",
            "leave out --errors: every output has its own errors file",
        )
    if output == STANDARD_STREAM or ((mode := _mode(output)) and not S_ISDIR(mode)):
        raise UsageError(f"{source} is a folder, and {output} is not", "name an output folder")
    inside, outside = _resolve(source), _resolve(output)
    if inside.is_relative_to(outside) or outside.is_relative_to(inside):
        raise UsageError(f"one of {output} and {source} is inside the other", "name an output folder elsewhere")
    found = TaskList([])
    for path in _paths(source):
        own_format = kind or format_of(path)
        if _is_unreadable(path):
            found.unreadable.append(path)
            continue
        reason = _reason_to_pass_over(path, inside)
        if reason or own_format is None:
            found.passed_over.append((path, reason or "unknown format"))
            continue
        target = output / path.relative_to(source)
        found.tasks.append(Task(apart_from_stream(path), target, errors_path(target), own_format))
    if not found.tasks:
        passed_over = [*((path, "cannot be read") for path in found.unreadable), *found.passed_over]
        first = "".join(f", but {path} ({reason})" for path, reason in passed_over[:1])
        formats = f"it takes files in {', '.join(SUFFIXES)} (or .gz)"
        hint = for_reader(f"{formats}, and with --format files with any name", f"{formats}; {PUT_HINT}")
        raise InputMissingError(f"nothing to classify in {source}{first}", hint)
    return found


def _paths(folder: Path) -> Iterator[Path]:
    """Yield all files below a folder, and the folders that are not entered."""
    unlisted: list[Path] = []
    for parent, folders, names in os.walk(folder, onerror=lambda error: unlisted.append(Path(str(error.filename)))):
        closed = [name for name in folders if _is_closed(Path(parent) / name)]
        folders[:] = sorted(set(folders) - set(closed))
        for name in sorted([*closed, *names]):
            yield Path(parent) / name
    yield from unlisted


def _is_closed(folder: Path) -> bool:
    made = folder.name.startswith(".") or folder.name.endswith(PARTS_SUFFIX)
    return made or not _mode(folder) or folder.is_symlink()


def _reason_to_pass_over(path: Path, inside: Path) -> str:
    """Give the reason to skip a folder's file, or an empty string. Links must stay `inside`."""
    mode = _mode(path)
    reasons = {
        "hidden": path.name.startswith("."),
        "a broken link": not mode,
        "made by a classification": path.name.endswith((ERRORS_SUFFIX, PARTS_SUFFIX)),
        "a linked folder": S_ISDIR(mode),
        "a name too long for its errors file": too_long(path),
        "a link that leads out of the folder": not _resolve(path).is_relative_to(inside),
        "no file": not S_ISREG(mode),
    }
    return next((reason for reason, applies in reasons.items() if applies), "")


def _is_unreadable(path: Path) -> bool:
    """Whether an existing file or folder is out of reach, or a folder cannot be listed."""
    mode = _mode(path)
    if path.name.startswith(".") or (not mode and _is_link(path)):
        return False
    return not mode or (S_ISDIR(mode) and not path.name.endswith(PARTS_SUFFIX) and not path.is_symlink())


def _format(source: Path, output: Path, kind: Format | None) -> Format:
    of_stream = (format_of(output) or "csv") if source == STANDARD_STREAM else None
    found = kind or format_of(source) or of_stream
    if found is None:
        raise UsageError(f"the format of {source} is unknown", "use --format csv, tsv or jsonl")
    output_format = format_of(output)
    if output_format is not None and output_format != found:
        raise UsageError(
            f"{output} would be {found} like the input, not {output_format}", f"give the output a name for {found}"
        )
    return found


def _refuse_same_file(task: Task) -> None:
    """Refuse to overwrite the input, or to write two outputs to one file."""
    files = {"IN": task.source, "OUT": task.output, "the errors file": task.errors}
    seen: dict[Path, str] = {}
    for what, path in files.items():
        if path is None or is_stream(path):
            continue
        other = seen.setdefault(_resolve(path), what)
        if other != what:
            raise UsageError(f"{other} and {what} are the same file: {path}", "name another file")
