"""Classifies the pieces of a file in several processes, and yields their blocks in the file's order.

Python's lock keeps one process from using much more than one core for reading, tokenizing and writing.
"""

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from itertools import chain, islice
from os.path import realpath
from pathlib import Path
from queue import SimpleQueue

from emotion.classify.blocks import Block, Opened, joined_blocks
from emotion.classify.helper import Helper, Model
from emotion.classify.pieces import Piece
from emotion.classify.tasks import Task
from emotion.composites.predictor import Predictor

# Another process needs half a second to start; a piece needs a tenth of a second.
PIECES_HERE = 4
# Every process holds models and buffers in memory, about 100 MB with one model.
MOST_PROCESSES = 8
# Pieces per process that may be in progress, or wait until earlier pieces are written.
AHEAD = 4
# Largest piece, in bytes, to hold in memory. A larger piece, in a file with few borders, is written by chunks.
LARGEST_BLOCK = 8 << 20
# Seconds that a piece may still take after an error.
SECONDS = 60


class Pool:
    """This process and `helpers`, which start when a file is large enough."""

    def __init__(self, helpers: list[Helper]) -> None:
        self._helpers = helpers
        self._threads = ThreadPoolExecutor(len(helpers) + 1)

    def close(self) -> None:
        """End the processes."""
        self._kill()
        self._threads.shutdown(cancel_futures=True)
        for helper in self._helpers:
            helper.close()

    def _kill(self) -> None:
        """Kill the processes: a stopped process would never answer."""
        for helper in self._helpers:
            helper.kill()

    def blocks(self, opened: Opened, pieces: Iterator[Piece]) -> Iterator[Block]:
        """Classify the pieces of an open file.

        Raises:
            BadDataError: as `Opened.blocks`; or the model changes meanwhile.
            UnavailableError: a process was killed.
        """
        first = list(islice(pieces, PIECES_HERE + 1))
        task = _for_others(opened.task)
        if len(first) <= PIECES_HERE or task is None:
            yield from chain.from_iterable(map(opened.piece_blocks, chain(first, pieces)))
            return
        # The first rows must not wait for the rest of their piece.
        yield from opened.piece_blocks(first[0])
        yield from self._spread(opened, chain(first[1:], pieces), self._worker(opened, task))

    def _worker(self, opened: Opened, task: Task) -> Callable[[Piece], Block]:
        """Make a function that classifies a piece in an idle process."""
        # This process comes first: it is ready.
        idle: SimpleQueue[Callable[[Piece], Block]] = SimpleQueue()
        idle.put(lambda piece: joined_blocks(opened.piece_blocks(piece)))
        for helper in self._helpers:
            idle.put(partial(helper.classify, task, opened.settings))

        def classify(piece: Piece) -> Block:
            worker = idle.get()
            try:
                return worker(piece)
            finally:
                idle.put(worker)

        return classify

    def _spread(self, opened: Opened, pieces: Iterator[Piece], classify: Callable[[Piece], Block]) -> Iterator[Block]:
        running: deque[Future[Block]] = deque()
        try:
            for piece in pieces:
                if piece.stop - piece.start > LARGEST_BLOCK:
                    while running:
                        yield running.popleft().result()
                    yield from opened.piece_blocks(piece)
                    continue
                running.append(self._threads.submit(classify, piece))
                while running and (running[0].done() or len(running) > AHEAD * (len(self._helpers) + 1)):
                    yield running.popleft().result()
            while running:
                yield running.popleft().result()
        finally:
            for future in running:
                future.cancel()
            if wait(running, SECONDS).not_done:
                self._kill()
                wait(running)


def _for_others(task: Task) -> Task | None:
    """Make a task that other processes can open; None if impossible: their /dev/stdin is another file."""
    try:
        source = Path(realpath(task.source))
        return replace(task, source=source) if source.samefile(task.source) else None
    except OSError:
        return None


@contextmanager
def open_pool(predictor: Predictor, cores: int) -> Iterator[Pool | None]:
    """Share `cores` among processes; None if one process can use all cores.

    With a large model or a GPU, calls to the model take most of the time.
    """
    processes = min(cores, MOST_PROCESSES)
    classifiers = [member.classifier for member in predictor.members]
    large = any(classifier.device == "gpu" or classifier.calls == 1 for classifier in classifiers)
    if large or processes == 1:
        yield None
        return
    model = Model.of(predictor, cores // processes)
    pool = Pool([Helper(model) for _ in range(processes - 1)])
    try:
        yield pool
    finally:
        pool.close()
