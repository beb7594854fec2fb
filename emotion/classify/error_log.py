"""The errors file: a CSV next to the output with line, reason and record of every row without a label."""

import csv
import hashlib
import io
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import IO

from emotion.store.atomic import cannot_write, open_replacing

HEADER = b"line,reason,record\n"
# Undecodable bytes stay unchanged.
ERRORS = "surrogateescape"


class ErrorLog:
    """Writes rows that cannot be classified to `path`. Without errors there is no file.

    The file appears when `stack` exits without an exception. Without a `path`, `on_error` gets line, reason and record
    instead. `wide` is True if the input is UTF-16 or UTF-32. `digest` covers the bytes of the file.
    """

    def __init__(
        self, stack: ExitStack, path: Path | None, on_error: Callable[[int, str, str], None], *, wide: bool
    ) -> None:
        self.count = 0
        self.digest = hashlib.sha256()
        self._stack = stack
        self._path = path
        # UTF-8 cannot encode half of a UTF-16 surrogate pair.
        self._escape = "backslashreplace" if wide else ERRORS
        self._on_error = on_error
        self._file: IO[bytes] | None = None

    def add(self, line: int, reason: str, record: str) -> None:
        """Add a record's line, text, and the reason for the missing label."""
        self.count += 1
        if self._path is None:
            self._on_error(line, reason, record)
            return
        if self._file is None:
            self._file = self._stack.enter_context(open_replacing(self._path))
            self._write(self._file, HEADER)
        self._write(self._file, error_row(line, reason, record, self._escape))

    def _write(self, file: IO[bytes], content: bytes) -> None:
        self.digest.update(content)
        file.write(content)


def error_row(line: int, reason: str, record: str, escape: str = ERRORS) -> bytes:
    """Format one row of the file. `escape` is the error handler for characters that UTF-8 cannot encode."""
    row = io.StringIO(newline="")
    # csv quotes cells with a \r or a \n only if the line end is \r\n.
    csv.writer(row, lineterminator="\r\n").writerow((line, reason, record))
    return (row.getvalue().removesuffix("\r\n") + "\n").encode("utf-8", escape)


def remove_stale_errors(path: Path) -> None:
    """Remove the errors file of an earlier run after a run without errors."""
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise cannot_write(path, error) from error
