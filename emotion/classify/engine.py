"""The loop: chunks of rows are read, classified and written, in constant memory."""

import os
import sys
import threading
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray

from emotion.classify.error_log import ErrorLog
from emotion.classify.reader import Chunk, Row, read_rows, take
from emotion.classify.tasks import RowListener, Settings, Task, is_stream
from emotion.classify.writer import Writer
from emotion.data.records import open_records
from emotion.data.text_io import STANDARD
from emotion.errors import BadDataError, CannotWriteError
from emotion.onnx.session import Classifier, probabilities
from emotion.store.atomic import cannot_write, open_replacing

# The first rows come soon; then chunks double, up to what pays with a small model and does not take long with a
# large one. Time has no say in it: rows that run together in every run get the same last digits in every run.
FIRST_ROWS = 32
MOST_ROWS = 4096
LEAST_ROWS = 256
SMALL_MODEL_BYTES = 25_000_000


@dataclass(frozen=True)
class FileResult:
    """What came of a file: rows written, those among them without a label, and how they were written.

    The digests are of what was written before it was packed, if it was.
    """

    rows: int
    errors: int
    header_bytes: int
    prefixed: bool
    sha256: str
    errors_sha256: str


class NobodyReads(Exception):  # noqa: N818  no error: `| head` has what it wanted
    """The output is a pipe that was closed at its other end."""


def classify_file(
    task: Task, classifier: Classifier, settings: Settings, listener: RowListener, part: range | None = None
) -> FileResult:
    """Classify all records of a file, or the `part` of them by number from 0.

    Raises:
        InputMissingError: the input cannot be read.
        BadDataError: the input as a whole cannot be used, or a row where `stop_at_error` is set.
        CannotWriteError: the output cannot be written.
        UnavailableError: the GPU fails.
    """
    bounds = (part.start, part.stop) if part is not None else (None,)
    with ExitStack() as stack:
        file = stack.enter_context(open_output(task.output))
        records = stack.enter_context(open_records(task.source, task.format, settings.encoding))
        log = ErrorLog(stack, task.errors, listener.tell)
        writer = Writer(file, records, classifier.labels, settings.all_scores)
        rows = islice(read_rows(task.source, records, settings.text_column), *bounds)
        count = 0
        for chunk, scores in stack.enter_context(closing(_classified(rows, classifier))):
            added = _cells(chunk, scores, classifier.labels, settings.all_scores)
            _log_errors(chunk, log, task.source if settings.stop_at_error else None)
            _write(task.output, file, writer, chunk, added)
            count += len(added)
            listener.advance(len(added))
    if task.errors is not None and not log.count:
        remove_stale(task.errors)
    digests = writer.digest.hexdigest(), log.digest.hexdigest()
    return FileResult(count, log.count, writer.header_bytes, writer.prefixed, *digests)


@contextmanager
def open_output(path: Path) -> Iterator[IO[bytes]]:
    """Open a file that appears whole at the end, or standard output, a device or a pipe, as they are.

    Raises:
        CannotWriteError: as it says.
        NobodyReads: standard output, or the pipe, was closed at its other end.
    """
    if not is_stream(path):
        with open_replacing(path) as file:
            yield file
        return
    try:
        with os.fdopen(_standard_output(), "wb") if path == STANDARD else path.open("wb") as stream:
            yield stream
    except OSError as error:
        raise _stream_error(path, error) from error


def _standard_output() -> int:
    """Give a descriptor of its own for standard output, which can fail and be closed without Python's."""
    if sys.stdout is None:
        raise CannotWriteError("standard output is closed", "name an output file")
    return os.dup(sys.stdout.fileno())


def _stream_error(path: Path, error: OSError) -> Exception:
    return NobodyReads() if isinstance(error, BrokenPipeError) else cannot_write(path, error)


def _classified(
    rows: Iterator[Row], classifier: Classifier
) -> Generator[tuple[Chunk, NDArray[np.float64]], None, None]:
    """Give chunks with their probabilities; while one is classified, others are read and written."""
    stopped = threading.Event()
    pool = ThreadPoolExecutor(1)
    size, most = FIRST_ROWS, most_rows(classifier.graph.stat().st_size)
    running: tuple[Chunk, Future[NDArray[np.float64]]] | None = None
    try:
        while (chunk := take(rows, size)).records:
            ahead = chunk, pool.submit(_scores, classifier, chunk, stopped)
            if running is not None:
                yield running[0], running[1].result()
            running = ahead
            size = min(2 * size, most)
        if running is not None:
            yield running[0], running[1].result()
    finally:
        stopped.set()
        pool.shutdown(cancel_futures=True)


def most_rows(model_bytes: int) -> int:
    """Give the rows of a full chunk, which take some seconds; what a row takes grows with the model's size."""
    return min(MOST_ROWS, max(LEAST_ROWS, MOST_ROWS * SMALL_MODEL_BYTES // model_bytes))


def _scores(classifier: Classifier, chunk: Chunk, stopped: threading.Event) -> NDArray[np.float64]:
    """Probabilities, float64 (rows, labels), NaN for rows without a text."""
    good = np.flatnonzero([not reason for reason in chunk.reasons])
    texts = chunk.texts if len(good) == len(chunk.texts) else [chunk.texts[row] for row in good]
    scores = np.full((len(chunk.texts), len(classifier.labels)), np.nan)
    scores[good] = probabilities(classifier.logits(texts, stopped), classifier.temperature)
    return scores


def _cells(chunk: Chunk, scores: NDArray[np.float64], labels: Sequence[str], all_scores: bool) -> list[list[str]]:
    """Give what is appended to each row: label, score, all scores; or empty cells, and a reason."""
    empty = [""] * (2 + all_scores * len(labels))
    finite = np.isfinite(scores).all(axis=1)
    for row in np.flatnonzero(~finite):
        chunk.reasons[row] = chunk.reasons[row] or "the model has no score for this text"
    best = np.where(finite, np.nan_to_num(scores).argmax(axis=1), -1).tolist()
    cells = []
    for label, each in zip(best, scores.tolist(), strict=True):
        more = [f"{score:.6f}" for score in each] if all_scores else []
        cells.append([labels[label], f"{each[label]:.6f}", *more] if label >= 0 else empty)
    return cells


def _write(path: Path, file: IO[bytes], writer: Writer, chunk: Chunk, added: list[list[str]]) -> None:
    """Write a chunk; to a stream at once, so that its reader need not wait."""
    try:
        writer.write(chunk.records, added)
        if is_stream(path):
            file.flush()
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


def remove_stale(path: Path) -> None:
    """Remove the errors of an earlier run: this one had none."""
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise cannot_write(path, error) from error
