"""Event files for TensorBoard: every attempt at a training writes its own file.

A killed process may leave half a record at a file's end. Readers and the next attempt ignore it.

TensorFlow's record writer makes the files in 9 microseconds per event. `tf.summary.scalar` would need the package
tensorboard. The writer of `tf.summary` takes 100 microseconds, as an operation on the device.
"""

import contextlib
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import tensorflow as tf
from google.protobuf.message import DecodeError

from emotion.store.atomic import cannot_write, sync, write_bytes

# TensorBoard recognizes event files by this part of the name, and reads them in the order of their names.
PREFIX = "events.out.tfevents."
# The first record of a file names its format; without it, TensorBoard assumes the format of 2015.
VERSION = "brain.Event:2"
# Bytes around a record: its length, and checksums of the length and the record.
FRAME = 16
# Seconds until TensorBoard can see an event.
FLUSH_SECONDS = 10.0


class EventFiles:
    """The event files in `folder`. `warn` receives a message about every damaged file."""

    def __init__(self, folder: Path, warn: Callable[[str], object]) -> None:
        self.folder, self.warn = folder, warn
        self.path = folder
        self.writer: Any = None
        self.flushed = 0.0

    def add(self, step: int, values: Mapping[str, float]) -> None:
        """Append an event with `values` by tag; the first event creates the file of this attempt.

        Raises:
            CannotWriteError: the store is full or read-only.
        """
        with self._reporting():
            if self.writer is None:
                self._open()
            tagged = [tf.compat.v1.Summary.Value(tag=tag, simple_value=value) for tag, value in values.items()]
            self._write(step=step, summary=tf.compat.v1.Summary(value=tagged))
            if time.monotonic() - self.flushed >= FLUSH_SECONDS:
                self.writer.flush()
                self.flushed = time.monotonic()

    def sync(self) -> None:
        """Wait until all events are on the disk.

        Raises:
            CannotWriteError: the store is full or read-only.
        """
        if self.writer is not None:
            with self._reporting():
                self.writer.flush()
                sync(self.path)

    def close(self) -> None:
        """Close the file of this attempt.

        Raises:
            CannotWriteError: the store is full or read-only.
        """
        if self.writer is not None:
            with self._reporting():
                self.writer.close()

    def cut(self, covered: Callable[[str, int], bool]) -> None:
        """Remove all events from the first uncovered event on; `covered` gets an event's first tag and step.

        Raises:
            CannotWriteError: the store is full or read-only.
        """
        for path in self._paths():
            with self._reporting():
                if length := self._covered_bytes(path, covered):
                    # Write a new file even if all events are covered: a process that lost the run may still hold the
                    # old file.
                    write_bytes(path, path.read_bytes()[:length])
                else:
                    path.unlink()

    def _covered_bytes(self, path: Path, covered: Callable[[str, int], bool]) -> int:
        """Measure a file's covered part; 0 if no event is covered."""
        covered_bytes = length = 0
        try:
            for record in tf.data.TFRecordDataset(str(path)).as_numpy_iterator():
                event = tf.compat.v1.Event.FromString(record)
                length += len(record) + FRAME
                if event.summary.value:
                    if not covered(event.summary.value[0].tag, event.step):
                        break
                    covered_bytes = length
        except (tf.errors.DataLossError, DecodeError) as error:
            # A killed process leaves half a record at the end.
            if "truncated record" not in str(error):
                self.warn(f"{path} is damaged after byte {length:,}: TensorBoard does not show later scalars")
        return covered_bytes

    def _paths(self) -> list[Path]:
        found = self.folder.glob(f"{PREFIX}*")
        return sorted(path for path in found if path.suffix[1:].isdecimal() and path.is_file())

    def _open(self) -> None:
        # Later than all earlier names, even if this machine's clock is behind.
        last = max((int(path.suffix[1:]) for path in self._paths()), default=0)
        self.path = self.folder / f"{PREFIX}{max(last + 1, time.time_ns())}"
        self.folder.mkdir(parents=True, exist_ok=True)
        self.writer = tf.io.TFRecordWriter(str(self.path))
        self._write(file_version=VERSION)

    def _write(self, **event: Any) -> None:
        self.writer.write(tf.compat.v1.Event(wall_time=time.time(), **event).SerializeToString())

    @contextlib.contextmanager
    def _reporting(self) -> Iterator[None]:
        """Raise CannotWriteError for disk errors."""
        try:
            yield
        except OSError as error:
            raise cannot_write(self.path, error) from error
        except tf.errors.OpError as error:
            raise cannot_write(self.path, OSError(0, error.message.rpartition("; ")[2])) from error
