"""Reads the scalars of event files, as TensorBoard does."""

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

# Bytes around a record: its length and a checksum before it, another checksum behind it.
BEFORE, BEHIND = 12, 4


def read_events(folder: Path) -> Iterator[Any]:
    """Give the events of all files of a folder, which have to be whole, in the order in which TensorBoard reads.

    It runs no operation of TensorFlow: the number of threads cannot be set after the first.
    """
    from tensorflow.compat.v1 import Event

    for path in sorted(folder.glob("*tfevents*")):
        first, *events = map(Event.FromString, _records(path.read_bytes()))
        assert first.file_version == "brain.Event:2"
        yield from events


def _records(content: bytes) -> Iterator[bytes]:
    while content:
        (length,) = struct.unpack("<Q", content[:8])
        end = BEFORE + length + BEHIND
        assert len(content) >= end
        yield content[BEFORE : BEFORE + length]
        content = content[end:]


def read_scalars(folder: Path) -> list[tuple[str, int, float]]:
    """Give tag, step and value of all scalars in order; what depends on time has the value 0."""
    return [
        (value.tag, event.step, 0.0 if value.tag.endswith("rows_per_second") else value.simple_value)
        for event in read_events(folder)
        for value in event.summary.value
    ]
