"""Classifies one file: reads, classifies and writes blocks of rows in constant memory."""

import hashlib
import os
import sys
from collections.abc import Generator, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import IO

from emotion.classify.blocks import Block, Opened, RowError, open_input
from emotion.classify.error_log import ErrorLog, remove_stale_errors
from emotion.classify.input_file import Stamp, check_unchanged, input_stamp
from emotion.classify.pieces import BorderError, Piece, joined_digest, pieces
from emotion.classify.pool import Pool
from emotion.classify.statistics import Statistics
from emotion.classify.tasks import RowListener, Settings, Task, is_stream
from emotion.composites.predictor import Predictor
from emotion.errors import BadDataError, CannotWriteError
from emotion.records.batch import OwnRows
from emotion.records.text_io import STANDARD_STREAM
from emotion.store.atomic import cannot_write, open_replacing


@dataclass(frozen=True)
class FileResult:
    """Counts and digests of a classified file or part.

    `header_bytes` and the SHA-256 digests refer to the content before compression. `prefixed` is True if the appended
    columns have a prefix. `input_digest` and `lines` describe a part between two borders: see `Block`.
    """

    counts: Statistics
    header_bytes: int
    prefixed: bool
    sha256: str
    errors_sha256: str
    input_digest: str
    lines: int


class ClosedPipe(Exception):  # noqa: N818  no error: `| head` has read all that it needs
    """The reader of the output pipe closed the pipe."""


def classify_file(
    task: Task,
    predictor: Predictor,
    settings: Settings,
    listener: RowListener,
    part: Piece | range | None = None,
    pool: Pool | None = None,
) -> FileResult:
    """Classify the records of a file: all, or records between two borders, or records by number (from 0).

    Errors of a part between borders count lines as if the part followed the header. The processes of `pool` help.

    Raises:
        InputMissingError: the input cannot be read.
        BadDataError: the input is unusable or changes, or one row is bad and `stop_at_error` is set.
        CannotWriteError: the output cannot be written.
        UnavailableError: the GPU fails.
    """
    counts, digest, digests, lines = Statistics(), hashlib.sha256(), [], 0
    before = input_stamp(task.source)
    with ExitStack() as stack:
        output = stack.enter_context(_open_output(task.output))
        opened = stack.enter_context(open_input(task, predictor, settings, listener.on_open))
        log = ErrorLog(stack, task.errors, listener.on_error, wide=opened.records.codec.wide)
        header = opened.writer.header()
        _write(task.output, output, header)
        digest.update(header)
        # All work on blocks must end before the input is closed.
        blocks = stack.enter_context(closing(_blocks(opened, part, pool)))
        for block in _of_one_input(blocks, task.source, before):
            errors = [RowError(lines + line, *rest) for line, *rest in block.errors]
            if errors and settings.stop_at_error:
                raise _row_error(task.source, errors[0], part)
            for error in errors:
                log.add(*error)
            _write(task.output, output, block.output)
            digest.update(block.output)
            digests.append(block.digest)
            counts.merge(block.counts)
            lines += block.lines
            listener.advance(block.counts.rows)
    if task.errors is not None and not log.count:
        remove_stale_errors(task.errors)
    return FileResult(
        counts,
        len(header),
        opened.writer.prefixed,
        digest.hexdigest(),
        log.digest.hexdigest(),
        joined_digest(digests),
        lines,
    )


def _of_one_input(blocks: Iterator[Block], source: Path, before: Stamp) -> Iterator[Block]:
    """Yield blocks, and check that the input has not changed meanwhile.

    Raises:
        BadDataError: the input has changed.
    """
    try:
        yield from blocks
    except BorderError:
        check_unchanged(source, before)
        raise
    check_unchanged(source, before)


def _blocks(opened: Opened, part: Piece | range | None, pool: Pool | None) -> Generator[Block, None, None]:
    """Classify a part of an open file."""
    records = opened.records
    if isinstance(part, range):
        yield from opened.blocks(OwnRows([record]) for record in islice(records.rows, part.start, part.stop))
        return
    if records.borders is None:
        yield from opened.blocks(records.batches)
        return
    found = pieces(records.borders, part or Piece(records.borders.first, records.borders.size))
    if pool is not None:
        yield from pool.blocks(opened, found)
        return
    for piece in found:
        yield from opened.piece_blocks(piece)


def _row_error(source: Path, error: RowError, part: Piece | range | None) -> BadDataError:
    where = f", counted from byte {part.start:,}" if isinstance(part, Piece) else ""
    return BadDataError(f"{source}, line {error.line}{where}: {error.reason}", "fix the row, or use --on-error keep")


@contextmanager
def _open_output(path: Path) -> Iterator[IO[bytes]]:
    """Open a file that appears when it is complete. Standard output, devices and pipes are written directly.

    Raises:
        CannotWriteError: the output cannot be written.
        ClosedPipe: the reader of standard output, or of the pipe, closed it.
    """
    if not is_stream(path):
        with open_replacing(path) as file:
            yield file
        return
    try:
        with os.fdopen(_standard_output(), "wb") if path == STANDARD_STREAM else path.open("wb") as stream:
            yield stream
    except OSError as error:
        raise _stream_error(path, error) from error


def _standard_output() -> int:
    """Duplicate the descriptor of standard output: it can fail or close without affecting `sys.stdout`."""
    if sys.stdout is None:
        raise CannotWriteError("standard output is closed", "name an output file")
    return os.dup(sys.stdout.fileno())


def _stream_error(path: Path, error: OSError) -> Exception:
    return ClosedPipe() if isinstance(error, BrokenPipeError) else cannot_write(path, error)


def _write(path: Path, output: IO[bytes], content: bytes) -> None:
    """Write bytes. Streams are flushed at once for their readers."""
    try:
        output.write(content)
        if is_stream(path):
            output.flush()
    except OSError as error:
        raise _stream_error(path, error) from error
