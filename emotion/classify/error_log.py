"""The rows that could not be classified: a CSV beside the output, with line, reason and record."""

import csv
import hashlib
import io
import json
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import IO

from emotion.data.records import Record
from emotion.store.atomic import open_replacing

HEADER = b"line,reason,record\n"


class ErrorLog:
    """Collects rows that could not be classified, in a file that is there only if there are any.

    The file is whole when `stack` is left without an error. Without a `path` every row is told instead. A
    record is its line as it stood or, where it has cells, a JSON array of them. `digest` takes in the file's bytes.
    """

    def __init__(self, stack: ExitStack, path: Path | None, tell: Callable[[int, str, str], None]) -> None:
        self.count = 0
        self.digest = hashlib.sha256()
        self._stack = stack
        self._path = path
        self._tell = tell
        self._file: IO[bytes] | None = None

    def add(self, record: Record, reason: str) -> None:
        """Keep one row."""
        self.count += 1
        raw = record.raw or json.dumps(record.fields)
        if self._path is None:
            self._tell(record.line, reason, raw)
            return
        if self._file is None:
            self._file = self._stack.enter_context(open_replacing(self._path))
            self._write(self._file, HEADER)
        line = io.StringIO(newline="")
        csv.writer(line, lineterminator="\n").writerow((record.line, reason, raw))
        self._write(self._file, line.getvalue().encode("utf-8", "surrogateescape"))

    def _write(self, file: IO[bytes], content: bytes) -> None:
        self.digest.update(content)
        file.write(content)
