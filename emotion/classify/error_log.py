"""The errors file: a CSV beside the output with line, reason and record of each row that has no label."""

import csv
import hashlib
import io
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import IO

from emotion.records.record import Record
from emotion.records.text_io import Codec
from emotion.store.atomic import cannot_write, open_replacing

HEADER = b"line,reason,record\n"


class ErrorLog:
    """Writes rows that cannot be classified to `path`. Without errors the file does not appear.

    The file appears when `stack` exits without an exception. Without a `path`, `on_error` gets line, reason and
    record instead. A record is written as the text that it has in the input. `digest` covers the bytes of the file.
    """

    def __init__(
        self, stack: ExitStack, path: Path | None, codec: Codec, on_error: Callable[[int, str, str], None]
    ) -> None:
        self.count = 0
        self.digest = hashlib.sha256()
        self._stack = stack
        self._path = path
        self._codec = codec
        self._on_error = on_error
        self._file: IO[bytes] | None = None

    def add(self, record: Record, reason: str) -> None:
        """Add one record and the reason why it has no label."""
        self.count += 1
        text = self._codec.decode(record.raw)
        if self._path is None:
            self._on_error(record.line, reason, text)
            return
        if self._file is None:
            self._file = self._stack.enter_context(open_replacing(self._path))
            self._write(self._file, HEADER)
        line = io.StringIO(newline="")
        # csv quotes cells with a \r or a \n only if the line end is \r\n.
        csv.writer(line, lineterminator="\r\n").writerow((record.line, reason, text))
        content = line.getvalue().removesuffix("\r\n") + "\n"
        # Half a surrogate pair of UTF-16 has no bytes in UTF-8.
        errors = "backslashreplace" if self._codec.wide else "surrogateescape"
        self._write(self._file, content.encode("utf-8", errors))

    def _write(self, file: IO[bytes], content: bytes) -> None:
        self.digest.update(content)
        file.write(content)


def remove_stale_errors(path: Path) -> None:
    """Remove the errors file of an earlier run after a run without errors."""
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise cannot_write(path, error) from error
