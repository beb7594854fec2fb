"""Notices that an input is written or replaced while it is read."""

from pathlib import Path

from emotion.classify.tasks import is_stream
from emotion.errors import BadDataError
from emotion.records.text_io import stamp

# Size in bytes and time of the last change in nanoseconds; empty for a stream.
Stamp = list[int]


def input_stamp(path: Path) -> Stamp:
    """Size and time of the last change of an input. One of them changes when the file is written or replaced.

    Without the inode, which machines that share a file may see differently.

    Raises:
        InputMissingError: the file does not exist.
    """
    return [] if is_stream(path) else list(stamp(path)[:2])


def check_unchanged(path: Path, before: Stamp) -> None:
    """Compare a file with its stamp.

    Raises:
        BadDataError: the file was written or replaced.
    """
    if input_stamp(path) != before:
        raise BadDataError(f"{path} changed while it was read", "start again once it is complete")
