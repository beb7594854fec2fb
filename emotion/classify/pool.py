"""Classifies the pieces of a file in several processes, and yields their blocks in the file's order.

Python's lock keeps one process from using much more than one core for reading, tokenizing and writing.
"""

import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, ThreadPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, partial
from itertools import chain, islice
from pathlib import Path
from types import TracebackType
from typing import Self

from emotion.classify.blocks import Block, Opened, joined_blocks, open_input
from emotion.classify.pieces import Piece
from emotion.classify.tasks import Settings, Task
from emotion.errors import BadDataError, UnavailableError
from emotion.onnx.session import Classifier, Precision

# Another process takes half a second to start, and a piece a tenth of a second.
PIECES_HERE = 4
# Each process has the model and its own buffers in memory, about 100 MB.
MOST_PROCESSES = 8
# Pieces per process that may be in work, or wait for an earlier piece to be written.
AHEAD = 4


@dataclass(frozen=True)
class Model:
    """A model that another process opens. `digest` shows that it is the same."""

    folder: Path
    precision: Precision
    threads: int
    digest: str


class Pool:
    """This process, which has `classifier` open, and `others` that open the same model with `threads` cores each.

    They start when a file is large enough.
    """

    def __init__(self, classifier: Classifier, others: int, threads: int) -> None:
        self._here = ThreadPoolExecutor(1)
        self._model = Model(classifier.graph.parent, classifier.precision, threads, classifier.model_digest)
        self._others = ProcessPoolExecutor(others, multiprocessing.get_context("spawn"), _start, (self._model,))
        self._count = others

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self._here.shutdown(cancel_futures=True)
        self._others.shutdown(cancel_futures=True)

    def blocks(self, opened: Opened, pieces: Iterator[Piece]) -> Iterator[Block]:
        """Classify the pieces of an open file.

        Raises:
            BadDataError: as `Opened.blocks`; or the model changes meanwhile.
            UnavailableError: a process was killed.
        """
        first = list(islice(pieces, PIECES_HERE + 1))
        if len(first) <= PIECES_HERE:
            yield from chain.from_iterable(map(opened.piece_blocks, first))
            return
        running: deque[Future[Block]] = deque()
        try:
            yield from self._spread(opened, chain(first, pieces), running)
        except BrokenProcessPool as error:
            raise UnavailableError(
                "a process that helped to classify was killed", "memory may be short: try again with --threads 1"
            ) from error
        finally:
            for future in running:
                future.cancel()
            wait(running)

    def _spread(self, opened: Opened, pieces: Iterator[Piece], running: deque[Future[Block]]) -> Iterator[Block]:
        """Give pieces to whoever is free; `running` has them in order until they are yielded."""
        here = partial(_joined, opened)
        there = partial(_classify, self._model, opened.task, opened.settings)
        own: Future[Block] | None = None
        others: set[Future[Block]] = set()
        left: Piece | None = next(pieces, None)
        while left is not None or running:
            others = {future for future in others if not future.done()}
            own = own if own is not None and not own.done() else None
            if left is not None and len(running) < AHEAD * (self._count + 1):
                if own is None:
                    running.append(own := self._here.submit(here, left))
                    left = next(pieces, None)
                    continue
                if len(others) < 2 * self._count:
                    others.add(future := self._others.submit(there, left))
                    running.append(future)
                    left = next(pieces, None)
                    continue
            if running[0].done():
                yield running.popleft().result()
            else:
                wait([future for future in running if not future.done()], return_when=FIRST_COMPLETED)


@contextmanager
def open_pool(classifier: Classifier, cores: int) -> Iterator[Pool | None]:
    """Share `cores` among processes. None if one process can use them all: the model's calls take most of the time."""
    processes = min(cores, MOST_PROCESSES)
    if classifier.calls == 1 or processes == 1:
        yield None
        return
    with Pool(classifier, processes - 1, cores // processes) as pool:
        yield pool


def _joined(opened: Opened, piece: Piece) -> Block:
    return joined_blocks(opened.piece_blocks(piece))


def _start(model: Model) -> None:
    """Prepare a new process: it opens the model, and ends with the process that started it."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    os.environ["RAYON_NUM_THREADS"] = str(model.threads)
    _load(model)


def _end_with_parent() -> None:
    if (parent := multiprocessing.parent_process()) is not None:
        parent.join()
    os._exit(1)


@cache
def _load(model: Model) -> Classifier:
    classifier = Classifier.load(model.folder, model.threads, model.precision)
    if classifier.model_digest != model.digest:
        raise BadDataError(f"the model in {model.folder} changed meanwhile", "start again")
    return classifier


def _classify(model: Model, task: Task, settings: Settings, piece: Piece) -> Block:
    with open_input(task, _load(model), settings) as opened:
        return _joined(opened, piece)
