"""Classifies one file: reads, classifies and writes chunks of rows in constant memory."""

import os
import sys
import threading
from collections import deque
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray

from emotion.classify.error_log import ErrorLog, remove_stale_errors
from emotion.classify.reader import TEXT, Chunk, Row, read_rows, take_chunk
from emotion.classify.statistics import Statistics
from emotion.classify.tasks import RowListener, Settings, Task, is_stream
from emotion.classify.writer import Writer
from emotion.errors import BadDataError, CannotWriteError
from emotion.onnx.session import SMALL_MODEL_BYTES, Classifier, probabilities
from emotion.records.files import open_records
from emotion.records.reading import reading
from emotion.records.text_io import STANDARD_STREAM
from emotion.store.atomic import cannot_write, open_replacing

# The first chunk is small, so that output appears soon. Then chunks double up to `max_chunk_rows`. Their size does not
# depend on time: the last digits of a score depend on the rows that run together, and every run has the same chunks.
FIRST_CHUNK_ROWS = 32
MAX_CHUNK_ROWS = 4096
MIN_CHUNK_ROWS = 256


@dataclass(frozen=True)
class FileResult:
    """Counts and digests of a file that was classified.

    `header_bytes` and the SHA-256 digests refer to the content before compression. `prefixed` says that the appended
    columns got a prefix.
    """

    counts: Statistics
    header_bytes: int
    prefixed: bool
    sha256: str
    errors_sha256: str


class ClosedPipe(Exception):  # noqa: N818  no error: `| head` has read all that it needs
    """The reader of the output, a pipe, closed it."""


@dataclass(frozen=True)
class _OpenFiles:
    """The files of a task: rows to read, and where rows and errors are written."""

    rows: Iterator[Row]
    output: IO[bytes]
    writer: Writer
    log: ErrorLog


def classify_file(
    task: Task, classifier: Classifier, settings: Settings, listener: RowListener, numbers: range | None = None
) -> FileResult:
    """Classify the records of a file: all, or those with the given `numbers` (from 0).

    Raises:
        InputMissingError: the input cannot be read.
        BadDataError: the input as a whole cannot be used, or one row cannot and `stop_at_error` is set.
        CannotWriteError: the output cannot be written.
        UnavailableError: the GPU fails.
    """
    counts = Statistics()
    with _open_files(task, classifier, settings, listener) as files:
        rows = islice(files.rows, numbers.start, numbers.stop) if numbers is not None else files.rows
        with closing(_classify_chunks(rows, classifier)) as chunks:
            for chunk, scores in chunks:
                added = _appended_cells(chunk, scores, classifier.labels, settings.all_scores)
                _log_errors(chunk, files.log, task.source if settings.stop_at_error else None)
                _write(task.output, files, chunk, added)
                counts.merge(_counts(chunk, added))
                listener.advance(len(added))
    writer, log = files.writer, files.log
    if task.errors is not None and not log.count:
        remove_stale_errors(task.errors)
    return FileResult(counts, writer.header_bytes, writer.prefixed, writer.digest.hexdigest(), log.digest.hexdigest())


@contextmanager
def _open_files(task: Task, classifier: Classifier, settings: Settings, listener: RowListener) -> Iterator[_OpenFiles]:
    """Open the files of a task, and write what precedes the first record. The outputs appear whole at the end."""
    column = settings.text_column or TEXT
    with ExitStack() as stack:
        output = stack.enter_context(open_output(task.output))
        records = stack.enter_context(open_records(task.source, task.format, settings.options, (column,)))
        listener.on_open(task.source, reading(records, column))
        writer = Writer(output, records, classifier.labels, settings.all_scores)
        rows = read_rows(task.source, records, settings.text_column, writer.names)
        writer.start()
        yield _OpenFiles(rows, output, writer, ErrorLog(stack, task.errors, records.codec, listener.on_error))


def _counts(chunk: Chunk, added: Sequence[Sequence[str]]) -> Statistics:
    labelled = [cells for cells, reason in zip(added, chunk.reasons, strict=True) if not reason]
    return Statistics.of_chunk(
        [cells[0] for cells in labelled], [float(cells[1]) for cells in labelled], chunk.reasons, chunk.cut
    )


@contextmanager
def open_output(path: Path) -> Iterator[IO[bytes]]:
    """Open a file that appears whole at the end. Standard output, a device or a pipe is written directly.

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
    """Duplicate the descriptor of standard output, so that it can fail or be closed without `sys.stdout`."""
    if sys.stdout is None:
        raise CannotWriteError("standard output is closed", "name an output file")
    return os.dup(sys.stdout.fileno())


def _stream_error(path: Path, error: OSError) -> Exception:
    return ClosedPipe() if isinstance(error, BrokenPipeError) else cannot_write(path, error)


def _classify_chunks(
    rows: Iterator[Row], classifier: Classifier
) -> Generator[tuple[Chunk, NDArray[np.float64]], None, None]:
    """Yield chunks with their probabilities. Other threads classify while the caller reads and writes."""
    stopped = threading.Event()
    pool = ThreadPoolExecutor(classifier.calls)
    size, max_size = FIRST_CHUNK_ROWS, max_chunk_rows(classifier.graph.stat().st_size)
    running: deque[tuple[Chunk, Future[NDArray[np.float64]]]] = deque()
    try:
        while (chunk := take_chunk(rows, size)).records:
            running.append((chunk, pool.submit(_scores, classifier, chunk, stopped)))
            while running and (running[0][1].done() or len(running) > classifier.calls):
                first, scores = running.popleft()
                yield first, scores.result()
            size = min(2 * size, max_size)
        for first, scores in running:
            yield first, scores.result()
    finally:
        stopped.set()
        pool.shutdown(cancel_futures=True)


def max_chunk_rows(model_bytes: int) -> int:
    """Rows of a full chunk, which takes some seconds: the time of a row grows with the model's size."""
    return min(MAX_CHUNK_ROWS, max(MIN_CHUNK_ROWS, MAX_CHUNK_ROWS * SMALL_MODEL_BYTES // model_bytes))


def _scores(classifier: Classifier, chunk: Chunk, stopped: threading.Event) -> NDArray[np.float64]:
    """Probabilities, float64 (rows, labels); NaN for rows without a text."""
    usable = np.flatnonzero([not reason for reason in chunk.reasons])
    texts = chunk.texts if len(usable) == len(chunk.texts) else [chunk.texts[row] for row in usable]
    scores = np.full((len(chunk.texts), len(classifier.labels)), np.nan)
    logits, cut = classifier.logits_and_cut(texts, stopped)
    scores[usable] = probabilities(logits, classifier.temperature)
    chunk.cut = int(cut.sum())
    return scores


def _appended_cells(
    chunk: Chunk, scores: NDArray[np.float64], labels: Sequence[str], all_scores: bool
) -> list[list[str]]:
    """Cells to append to each row: label, score, all scores. A row without finite scores gets empty cells."""
    empty = [""] * (2 + all_scores * len(labels))
    finite = np.isfinite(scores).all(axis=1)
    for row in np.flatnonzero(~finite):
        chunk.reasons[row] = chunk.reasons[row] or "the model has no score for this text"
    known = np.nan_to_num(scores)
    best = np.where(finite, known.argmax(axis=1), -1).tolist()
    highest = known.max(axis=1, initial=0.0).tolist()
    cells = [
        [labels[label], f"{score:.6f}"] if label >= 0 else empty for label, score in zip(best, highest, strict=True)
    ]
    if all_scores:
        for row in np.flatnonzero(finite):
            cells[row] += [f"{score:.6f}" for score in scores[row].tolist()]
    return cells


def _write(path: Path, files: _OpenFiles, chunk: Chunk, added: list[list[str]]) -> None:
    """Write a chunk. A stream is flushed, so that its reader does not wait."""
    try:
        files.writer.write(chunk.records, added)
        if is_stream(path):
            files.output.flush()
    except OSError as error:
        raise _stream_error(path, error) from error


def _log_errors(chunk: Chunk, log: ErrorLog, stop_at: Path | None) -> None:
    for record, reason in zip(chunk.records, chunk.reasons, strict=True):
        if reason and stop_at is not None:
            raise BadDataError(
                f"{stop_at}, line {record.line}: {reason}", "mend the row, or go on with --on-error keep"
            )
        if reason:
            log.add(record, reason)
