"""Classifies the rows of an open file, block by block: bytes to write, errors and counts."""

import hashlib
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from emotion.classify.pieces import Piece, PieceReader
from emotion.classify.reader import TEXT, Chunk, ChunkReader, FindTexts, find_texts
from emotion.classify.statistics import STEPS, Statistics
from emotion.classify.tasks import Settings, Task
from emotion.classify.writer import Writer
from emotion.composites.predictor import Predictor, Scores
from emotion.onnx.session import SMALL_MODEL_BYTES, Classifier
from emotion.records.batch import Rows
from emotion.records.files import open_records
from emotion.records.reading import reading
from emotion.records.record import Records

# The first chunk is small for early output. Then chunks double up to `max_chunk_rows`. Chunk sizes do not depend on
# time: the last digits of a score depend on the rows of a chunk, and every run needs the same chunks.
FIRST_CHUNK_ROWS = 32
# A small model takes many rows at once: then many of them have the same length.
SMALL_CHUNK_ROWS = 1 << 14
MAX_CHUNK_ROWS = 4096
MIN_CHUNK_ROWS = 256
# The dear model of a cascade seldom gets more than a quarter of a chunk. In a chunk four times as large, more of its
# rows have the same length and run together.
CASCADE_CHUNKS = 4


class RowError(NamedTuple):
    """A row without a label: its line, the reason, and the record as text."""

    line: int
    reason: str
    record: str


@dataclass
class Block:
    """Classified rows of a file.

    `output` has the rows' bytes with the new cells. The last block of a piece has the piece's SHA-256 and number of
    `lines`: the next piece counts its lines from there.
    """

    output: bytes = b""
    counts: Statistics = field(default_factory=Statistics)
    errors: list[RowError] = field(default_factory=list)
    lines: int = 0
    digest: bytes = b""


@dataclass(frozen=True)
class Opened:
    """An open file, and the settings to classify its rows."""

    task: Task
    settings: Settings
    predictor: Predictor
    records: Records
    writer: Writer
    find_texts: FindTexts

    def blocks(
        self,
        batches: Iterator[Rows],
        first_chunk: int = FIRST_CHUNK_ROWS,
        digest: "hashlib._Hash | None" = None,
    ) -> Iterator[Block]:
        """Classify rows, and update `digest` with their bytes."""
        reader = ChunkReader(batches, self.find_texts)
        with closing(_classify_chunks(reader, self.predictor, first_chunk)) as chunks:
            for read, scores in chunks:
                added = _new_columns(read, scores, self.predictor, self.settings)
                if digest is not None:
                    for batch in read.batches:
                        digest.update(batch.content())
                counts = _counts(read, added, scores)
                yield Block(self.writer.rows(read.batches, added), counts, self._errors(read))

    def piece_blocks(self, piece: Piece) -> Iterator[Block]:
        """Classify the records of a piece. The last block has the piece's digest and number of lines."""
        reader, digest = PieceReader(self.records, piece), hashlib.sha256()
        first_chunk = FIRST_CHUNK_ROWS if piece.start == self.records.start else SMALL_CHUNK_ROWS
        yield from self.blocks(reader.batches(), first_chunk, digest)
        yield Block(lines=reader.lines, digest=digest.digest())

    def _errors(self, chunk: Chunk) -> list[RowError]:
        if not any(chunk.reasons):
            return []
        decode, records = self.records.codec.decode, chain.from_iterable(batch.records for batch in chunk.batches)
        return [
            RowError(record.line, reason, decode(record.raw))
            for record, reason in zip(records, chunk.reasons, strict=True)
            if reason
        ]


@contextmanager
def open_input(
    task: Task,
    predictor: Predictor,
    settings: Settings,
    on_open: Callable[[Path, dict[str, Any]], None] | None = None,
) -> Iterator[Opened]:
    """Open the input of a task. `on_open` gets the path and the dialect.

    Raises:
        InputMissingError: the input cannot be read.
        BadDataError: the input as a whole cannot be used.
    """
    column = settings.text_column or TEXT
    with open_records(task.source, task.format, settings.options, (column,)) as records:
        if on_open is not None:
            on_open(task.source, reading(records, column))
        deciders = predictor.deciders if settings.model_column else None
        writer = Writer(records, predictor.labels, settings.all_scores, deciders)
        rows = find_texts(task.source, records, settings.text_column, writer.names)
        yield Opened(task, settings, predictor, records, writer, rows)


def joined_blocks(blocks: Iterator[Block]) -> Block:
    """Join consecutive blocks."""
    found = list(blocks)
    counts = Statistics()
    for block in found:
        counts.merge(block.counts)
    errors = [error for block in found for error in block.errors]
    return Block(b"".join(block.output for block in found), counts, errors, found[-1].lines, found[-1].digest)


def _counts(chunk: Chunk, added: Sequence[Sequence[str]], scores: Scores) -> Statistics:
    labelled = np.flatnonzero([not reason for reason in chunk.reasons])
    labels = added[0] if len(labelled) == len(chunk.reasons) else [added[0][row] for row in labelled.tolist()]
    steps = np.rint(STEPS * scores.probabilities[labelled].max(axis=1, initial=0.0)).astype(int).tolist()
    return Statistics.of_chunk(labels, steps, chunk.reasons, int(scores.cut.sum()), scores.seen)


def _classify_chunks(
    reader: ChunkReader, predictor: Predictor, first_chunk: int
) -> Generator[tuple[Chunk, Scores], None, None]:
    """Yield chunks with their scores. Other threads classify while the caller reads and writes."""
    stopped = threading.Event()
    pool = ThreadPoolExecutor(predictor.calls)
    max_size = largest_chunk(predictor)
    size = min(first_chunk, max_size)
    running: deque[tuple[Chunk, Future[Scores]]] = deque()
    try:
        while (chunk := reader.take(size)).batches:
            running.append((chunk, pool.submit(_scores, predictor, chunk, stopped)))
            while running and (running[0][1].done() or len(running) > predictor.calls):
                first, scores = running.popleft()
                yield first, scores.result()
            size = min(2 * size, max_size)
        for first, scores in running:
            yield first, scores.result()
    finally:
        stopped.set()
        pool.shutdown(cancel_futures=True)


def largest_chunk(predictor: Predictor) -> int:
    """Give the rows of a full chunk: the limit of an ensemble's slowest member, or more for a cascade."""
    sizes = [_largest_chunk(member.classifier) for member in predictor.members]
    if predictor.threshold is not None:
        sizes[-1] *= CASCADE_CHUNKS
    return min(sizes)


def _largest_chunk(classifier: Classifier) -> int:
    return max_chunk_rows(classifier.graph.stat().st_size) if classifier.device == "cpu" else MAX_CHUNK_ROWS


def max_chunk_rows(model_bytes: int) -> int:
    """Give the rows that a model classifies in some seconds: a row's time grows with the model's size."""
    if model_bytes <= SMALL_MODEL_BYTES:
        return SMALL_CHUNK_ROWS
    return min(MAX_CHUNK_ROWS, max(MIN_CHUNK_ROWS, MAX_CHUNK_ROWS * SMALL_MODEL_BYTES // model_bytes))


def _scores(predictor: Predictor, chunk: Chunk, stopped: threading.Event) -> Scores:
    """Compute the scores of a chunk's rows; NaN for rows without text."""
    usable = np.flatnonzero([not reason for reason in chunk.reasons])
    if len(usable) == len(chunk.texts):
        return predictor.scores(chunk.texts, stopped)
    found = predictor.scores([chunk.texts[row] for row in usable], stopped)
    rows = len(chunk.texts)
    whole = Scores(
        np.full((rows, len(predictor.labels)), np.nan), np.zeros(rows, np.bool_), np.zeros(rows, np.intp), found.seen
    )
    whole.probabilities[usable], whole.cut[usable], whole.decided_by[usable] = found[:3]
    return whole


def _new_columns(chunk: Chunk, scores: Scores, predictor: Predictor, settings: Settings) -> list[list[str]]:
    """Make the columns to append: labels, scores, models, all scores. A row without finite scores has empty cells."""
    known = np.nan_to_num(scores.probabilities)
    columns = [
        _named(predictor.labels, known.argmax(axis=1)),
        _cells(known.max(axis=1, initial=0.0)),
        *([_named(predictor.deciders, scores.decided_by)] if settings.model_column else ()),
        *(map(_cells, known.T) if settings.all_scores else ()),
    ]
    for row in np.flatnonzero(~np.isfinite(scores.probabilities).all(axis=1)):
        chunk.reasons[row] = chunk.reasons[row] or "the model has no score for this text"
        for column in columns:
            column[row] = ""
    return columns


def _named(names: Sequence[str], indices: NDArray[np.intp]) -> list[str]:
    return [names[index] for index in indices.tolist()]


def _cells(scores: NDArray[np.float64]) -> list[str]:
    return [f"{score:.6f}" for score in scores.tolist()]
