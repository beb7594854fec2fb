"""The file list that all shards of a folder share: the first shard stores it next to the outputs.

Shards start at different times. Without a common list, a new file could move another file from a running shard to a
finished shard. Then nobody would classify the moved file.
"""

import json
import os
import re
import time
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import get_args

from emotion.classify.input_file import input_stamp
from emotion.classify.shard import SizedTask
from emotion.classify.tasks import Task, TaskList, errors_path
from emotion.errors import BadDataError, UsageError
from emotion.formatting import count, escape_invisible
from emotion.records.dialect import Format
from emotion.store.atomic import write_new
from emotion.store.layout import read_json

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}")
# On storage without hard links, another shard may still be writing the plan.
READS, SECONDS = 5, 1.0
# Name of a file, its format and its size in bytes.
Entry = tuple[str, str, int]


def agree(
    found: TaskList, source: Path, output: Path, shards: int, name: str | None
) -> tuple[list[SizedTask], list[Path]]:
    """Give the files that all shards share, and files that came after the first shard listed the folder.

    Without a `name`, later files are an error: the plan may be left over from earlier shards.

    Raises:
        UsageError: the name cannot be part of a file's name.
        BadDataError: the folder changed and the plan has no name; or the plan is damaged.
        CannotWriteError: the plan cannot be written.
    """
    if name is not None and not NAME.fullmatch(name):
        raise UsageError(
            f"--plan {name!r} is not a plan's name", "use letters, digits, dots, - and _, such as monday-2"
        )
    listed = {str(task.output.relative_to(output)): task for task in found.tasks}
    entries = [(file, task.format, (input_stamp(task.source) or [0])[0]) for file, task in listed.items()]
    path = output / f".plan-{name or 'shards'}-of-{shards}.json"
    if not os.path.lexists(path):
        write_new(path, json.dumps({"files": entries}, indent=1).encode() + b"\n")
    planned = _read(path)
    if name is None and planned != entries:
        changed = sorted({file for file, _, _ in {*planned} ^ {*entries}})
        raise BadDataError(
            f"{source} changed since its first shard started: {count(len(changed), 'file')}, such as"
            f" {escape_invisible(changed[0])}",
            f"give all shards the same new --plan NAME; or delete {path} if no shard runs",
        )
    shared = [SizedTask(listed.get(file) or _gone(source, output, file, kind), size) for file, kind, size in planned]
    return shared, [listed[file].source for file in listed.keys() - {file for file, _, _ in planned}]


def _gone(source: Path, output: Path, file: str, kind: str) -> Task:
    """Make a task for a file that has left the folder: its shard reports the unreadable file."""
    format_ = next(known for known in get_args(Format) if known == kind)
    return Task(source / file, output / file, errors_path(output / file), format_)


def _read(path: Path) -> list[Entry]:
    for left in reversed(range(READS)):
        try:
            return _entries(read_json(path)["files"])
        except (BadDataError, TypeError, ValueError, KeyError) as error:
            if not left:
                raise BadDataError(f"{path} is damaged: {error}", "delete it while no shard runs") from error
        time.sleep(SECONDS)
    raise AssertionError("the last read ends the loop")


def _entries(content: Sequence[tuple[object, object, object]]) -> list[Entry]:
    entries = [_entry(*entry) for entry in content]
    if len({file for file, _, _ in entries}) < len(entries):
        raise ValueError("a file is listed twice")
    return entries


def _entry(file: object, kind: object, size: object) -> Entry:
    """Check an entry: other programs may have written the plan, and a file's name must not lead out of the folder."""
    if not (isinstance(file, str) and isinstance(kind, str) and isinstance(size, int)):
        raise TypeError("an entry is not a name, a format and a size")
    path = PurePosixPath(file)
    # Half a surrogate pair is a ValueError, too.
    file.encode("utf-8", "surrogateescape")
    outside = not path.parts or path.is_absolute() or ".." in path.parts or "\0" in file
    if outside or kind not in get_args(Format) or size < 0:
        raise ValueError(f"{file!r:.100} is no file of a folder")
    return file, kind, size
