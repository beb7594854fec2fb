"""Detects that an input changes while it is read."""

from pathlib import Path

from emotion.classify.tasks import is_stream
from emotion.errors import BadDataError
from emotion.records.text_io import stamp

# Size in bytes and time of the last change in nanoseconds; empty for a stream.
Stamp = list[int]


def input_stamp(path: Path) -> Stamp:
    """Give an input's size and time of last change. One of them changes when the file is written or replaced.

    The inode is left out: machines that share a file may see different inodes.

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
        raise BadDataError(f"{path} changed while it was read", "start again when the file is complete")
