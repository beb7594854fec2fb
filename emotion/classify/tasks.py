"""What to classify and how: each input file with the output that it becomes, and the settings for all.

Light to import, so that a wrong command line is refused at once.
"""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from emotion.data.records import SUFFIXES, Format, format_of
from emotion.data.text_io import STANDARD
from emotion.errors import InputMissingError, UsageError

ERRORS_SUFFIX = ".errors.csv"
PARTS_SUFFIX = ".parts"


@dataclass(frozen=True)
class Task:
    """One file to classify. Without `errors`, rows that cannot be classified are told one by one."""

    source: Path
    output: Path
    errors: Path | None
    format: Format


@dataclass(frozen=True)
class Settings:
    """What holds for all files."""

    text_column: str | None = None
    all_scores: bool = False
    encoding: str = "utf-8"
    stop_at_error: bool = False


@dataclass(frozen=True)
class RowListener:
    """Who hears of progress (in rows), and line, reason and record of errors that have no file."""

    advance: Callable[[int], None]
    tell: Callable[[int, str, str], None]


def list_tasks(source: Path, output: Path, errors: Path | None = None, kind: Format | None = None) -> list[Task]:
    """List the files to classify: one, or all in a folder, whose names the output folder repeats.

    In a folder, hidden files, what this command writes beside its outputs, files of other formats and links
    that lead out of the folder are passed over. A `kind` overrules what the names say.

    Raises:
        UsageError: the paths do not fit together, or the format is not known.
        InputMissingError: no such file, or nothing to classify in the folder.
    """
    if source.is_dir():
        return _plan_folder(source, output, errors, kind)
    if source != STANDARD and not source.exists():
        raise InputMissingError(f"no such file or folder: {source}", "name a file, a folder or - for standard input")
    if output.is_dir():
        raise UsageError(f"{output} is a folder and {source} is not", "name the output file")
    task = Task(source, output, errors or errors_path(output), _format(source, output, kind))
    _refuse_same(task)
    return [task]


def errors_path(output: Path) -> Path | None:
    """Give the name of the errors file of `output`; standard output and devices have none."""
    if is_stream(output):
        return None
    return output.with_name(output.name + ERRORS_SUFFIX)


def is_stream(path: Path) -> bool:
    """Tell whether `path` is `-`, or no file or folder, such as /dev/null: it cannot be replaced as a file can."""
    return path == STANDARD or (path.exists() and not path.is_file() and not path.is_dir())


def _plan_folder(source: Path, output: Path, errors: Path | None, kind: Format | None) -> list[Task]:
    if errors is not None:
        raise UsageError("--errors names one file, and a folder has many", "leave it out: each output has its own")
    if output == STANDARD or (output.exists() and not output.is_dir()):
        raise UsageError(f"{source} is a folder, and {output} is not", "name an output folder")
    inside, outside = source.resolve(), output.resolve()
    if inside.is_relative_to(outside) or outside.is_relative_to(inside):
        raise UsageError(f"{output} and {source} are one in the other", "name an output folder elsewhere")
    tasks = []
    for path in _files(source):
        target = output / path.relative_to(source)
        tasks.append(Task(path, target, errors_path(target), kind or SUFFIXES[_suffix(path)]))
    if not tasks:
        raise InputMissingError(f"nothing to classify in {source}", f"it takes files in {', '.join(SUFFIXES)} (or .gz)")
    return tasks


def _files(folder: Path) -> Iterator[Path]:
    inside = folder.resolve()
    for parent, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if name[0] != "." and not name.endswith(PARTS_SUFFIX))
        for name in sorted(names):
            path = Path(parent) / name
            wanted = format_of(path) is not None and name[0] != "." and not name.endswith(ERRORS_SUFFIX)
            if wanted and path.resolve().is_relative_to(inside) and path.is_file():
                yield path


def _format(source: Path, output: Path, kind: Format | None) -> Format:
    found = kind or format_of(source) or ("csv" if source == STANDARD else None)
    if found is None:
        raise UsageError(f"the name {source} does not say its format", "say it with --format csv, tsv or jsonl")
    named = format_of(output)
    if named is not None and named != found:
        raise UsageError(f"{output} would be {found}, as the input is, and not {named}", "name the output so")
    return found


def _suffix(path: Path) -> str:
    return Path(path.name.removesuffix(".gz")).suffix.lower()


def _refuse_same(task: Task) -> None:
    """Refuse to write over the input, or two outputs into one file."""
    files = {"IN": task.source, "OUT": task.output, "the errors file": task.errors}
    seen: dict[Path, str] = {}
    for what, path in files.items():
        if path is None or is_stream(path):
            continue
        other = seen.setdefault(path.resolve(), what)
        if other != what:
            raise UsageError(f"{other} and {what} are the same file: {path}", "name another one")
