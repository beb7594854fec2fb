"""Reads the scalars of event files, as TensorBoard does."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any


def read_events(folder: Path) -> Iterator[Any]:
    """Give the events of all files of a folder, which have to be whole, in the order in which TensorBoard reads."""
    import tensorflow as tf

    for path in sorted(folder.glob("*tfevents*")):
        first, *events = map(tf.compat.v1.Event.FromString, tf.data.TFRecordDataset(str(path)).as_numpy_iterator())
        assert first.file_version == "brain.Event:2"
        yield from events


def read_scalars(folder: Path) -> list[tuple[str, int, float]]:
    """Give tag, step and value of all scalars in order; what depends on time has the value 0."""
    return [
        (value.tag, event.step, 0.0 if value.tag.endswith("rows_per_second") else value.simple_value)
        for event in read_events(folder)
        for value in event.summary.value
    ]
