"""Notices that an input is written or replaced while it is read."""

from pathlib import Path

from emotion.classify.tasks import is_stream
from emotion.errors import BadDataError
from emotion.records.text_io import unreadable

# Size in bytes and time of the last change in nanoseconds; empty for a stream.
Stamp = list[int]


def stamp(path: Path) -> Stamp:
    """Size and time of the last change of a file. One of them changes when the file is written or replaced.

    Raises:
        InputMissingError: the file does not exist.
    """
    if is_stream(path):
        return []
    try:
        status = path.stat()
    except OSError as error:
        raise unreadable(path, error) from error
    return [status.st_size, status.st_mtime_ns]


def check_unchanged(path: Path, before: Stamp) -> None:
    """Compare a file with its stamp.

    Raises:
        BadDataError: the file was written or replaced.
    """
    if stamp(path) != before:
        raise BadDataError(f"{path} changed while it was read", "start again once it is complete")
