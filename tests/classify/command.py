"""Runs `emotion classify` in this process, as a person runs it, and reads what it wrote."""

import contextlib
import csv
import gzip
import io
import os
import signal
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from emotion.cli.app import app
from emotion.cli.main import main
from tests.classify.cutting import cut_cells, cut_members

HANDLED = (signal.SIGINT, signal.SIGTERM)
# Of the errors file, which has whole records.
LONGEST_FIELD = 64 << 20


@dataclass(frozen=True)
class Done:
    """A command that ended: its exit code, both streams, its input and its output file."""

    code: int
    out: str
    err: str
    content: bytes = b""
    output: Path = field(default=Path())

    @property
    def written(self) -> bytes:
        """Bytes of the output file, unpacked."""
        assert self.output.exists(), self.err
        return unpacked(self.output.read_bytes())

    @property
    def errors(self) -> list[list[str]]:
        """Line, reason and record of every row in the errors file, which is absent where there are none."""
        path = self.output.with_name(self.output.name + ".errors.csv")
        if not path.exists():
            return []
        csv.field_size_limit(LONGEST_FIELD)
        return list(csv.reader(io.StringIO(path.read_text("utf-8", "surrogateescape"), newline="")))[1:]

    def labels(self, delimiter: str = ",", encoding: str = "utf-8", *, header: bool = True) -> list[str]:
        """Labels of the rows; fails unless the output is the input with new cells at the ends of its rows."""
        return cut_cells(unpacked(self.content), self.written, delimiter, encoding)[header:]

    def json_labels(self, encoding: str = "utf-8") -> list[str | None]:
        """Labels of the lines, None where nothing is added; fails unless all else is the input."""
        return cut_members(unpacked(self.content), self.written, encoding)


Command = Callable[..., Done]


def emotion(*arguments: object, stdin: bytes = b"", env: Mapping[str, str] | None = None) -> Done:
    """Run a command to its end; a traceback is a failure."""
    out, err = (io.TextIOWrapper(io.BytesIO(), "utf-8", "backslashreplace") for _ in range(2))
    handlers = [signal.getsignal(number) for number in HANDLED]
    with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        patch.setattr("emotion.cli.app.app", _built())
        patch.setattr(sys, "argv", ["emotion", *map(str, arguments)])
        patch.setattr(sys, "stdin", io.TextIOWrapper(io.BufferedReader(io.BytesIO(stdin))))
        for name, value in (env or {}).items():
            patch.setitem(os.environ, name, value)
        with _kept(handlers), pytest.raises(SystemExit) as ended:
            main()
    done = Done(int(ended.value.code or 0), _content(out), _content(err))
    assert "Traceback" not in done.err, done.err
    return done


def classify_content(
    folder: Path,
    model: Path,
    content: bytes | str,
    *options: object,
    name: str = "in.csv",
    to: str = "",
    stdin: bool = False,
    env: Mapping[str, str] | None = None,
) -> Done:
    """Classify a file of this content and name in `folder`, or standard input. An earlier output is removed."""
    data = content.encode() if isinstance(content, str) else content
    source, output = folder / name, folder / (to or f"out{name[name.find('.') :]}")
    output.unlink(missing_ok=True)
    if not stdin:
        source.write_bytes(data)
    given = ("-" if stdin else source, output, "--model", model)
    done = emotion("classify", *given, *options, stdin=data if stdin else b"", env=env)
    return replace(done, content=data, output=output)


def unpacked(data: bytes) -> bytes:
    """Content of a file that may be packed."""
    return gzip.decompress(data) if data.startswith(b"\x1f\x8b") else data


@cache
def _built() -> Any:
    """Build the command line once: typer does it for every command, which takes longer than a small file."""
    return get_command(app)


@contextlib.contextmanager
def _kept(handlers: list[Any]) -> Iterator[None]:
    try:
        yield
    finally:
        for number, handler in zip(HANDLED, handlers, strict=True):
            signal.signal(number, handler)


def _content(stream: io.TextIOWrapper) -> str:
    stream.flush()
    return str(stream.detach().getvalue().decode())  # type: ignore[attr-defined]
