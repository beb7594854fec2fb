"""A helper process that classifies pieces of files, and the main process's side of its pipes.

The helper ends with its input, so it never outlives the main process.
"""

import os
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, Pipe
from pathlib import Path

from emotion.classify.blocks import Block, joined_blocks, open_input
from emotion.classify.pieces import Piece
from emotion.classify.tasks import Settings, Task
from emotion.composites.predictor import Member, Predictor
from emotion.composites.spec import Composite
from emotion.errors import BadDataError, EmotionError, UnavailableError
from emotion.onnx.graphs import Precision
from emotion.onnx.session import Classifier
from emotion.reader import for_reader

# Without -P, Python would import modules from the current folder, which may hold foreign files.
FLAGS = "-I" if sys.flags.isolated else "-P"
COMMAND = (sys.executable, FLAGS, "-c", "from emotion.classify.helper import serve; serve()")


@dataclass(frozen=True)
class MemberFiles:
    """A model folder for another process. `digest` shows that the model is the same."""

    name: str
    folder: Path
    precision: Precision
    digest: str


@dataclass(frozen=True)
class Model:
    """A predictor for another process, with the threshold and the temperature from this process."""

    name: str
    members: tuple[MemberFiles, ...]
    composite: Composite | None
    temperature: float
    threads: int

    @classmethod
    def of(cls, predictor: Predictor, threads: int) -> "Model":
        """Describe a predictor for processes with this number of threads."""
        members = [(member.name, member.classifier) for member in predictor.members]
        files = tuple(
            MemberFiles(name, classifier.graph.parent.absolute(), classifier.precision, classifier.model_digest)
            for name, classifier in members
        )
        return cls(predictor.name, files, predictor.composite, predictor.temperature, threads)


class Helper:
    """A helper process. It starts with its first piece."""

    def __init__(self, model: Model) -> None:
        self._model = model
        self._process: subprocess.Popen[bytes] | None = None

    def classify(self, task: Task, settings: Settings, piece: Piece) -> Block:
        """Classify a piece of a task's input.

        Raises:
            EmotionError: the process raised the error.
            UnavailableError: the process was killed.
        """
        started = self._process is not None
        if not started:
            self._process = self._start()
        try:
            if not started:
                self._requests.send(self._model)
            self._requests.send((task, settings, piece))
            answer: Block | EmotionError = self._answers.recv()
        except (OSError, EOFError) as error:
            raise UnavailableError(
                "a helper process was killed",
                for_reader(
                    "memory may be short: try again with --threads 1",
                    "memory may be short: raise the memory limit in an overlay (--overlay)",
                ),
            ) from error
        if isinstance(answer, EmotionError):
            raise answer
        return answer

    def kill(self) -> None:
        """Kill the process at once."""
        if self._process is not None:
            self._process.kill()

    def close(self) -> None:
        """End the idle process."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._requests.close()
            self._answers.close()

    def _start(self) -> subprocess.Popen[bytes]:
        """Start the process.

        Raises:
            UnavailableError: the system has no more processes, files or memory.
        """
        # Ctrl-C reaches only this process, which then ends the helper.
        threads = {"RAYON_NUM_THREADS": str(self._model.threads)}
        try:
            # Unused pipes close automatically.
            asked, self._requests = Pipe(duplex=False)
            self._answers, answered = Pipe(duplex=False)
            process = subprocess.Popen(  # noqa: S603  our own interpreter
                COMMAND, stdin=asked.fileno(), stdout=answered.fileno(), process_group=0, env=os.environ | threads
            )
        except OSError as error:
            raise UnavailableError(f"a helper process cannot start: {error.strerror}", "use --threads 1") from error
        asked.close()
        answered.close()
        return process


def serve() -> None:
    """Answer requests until they end, or nobody reads the answers."""
    requests, answers = Connection(os.dup(0), writable=False), Connection(os.dup(1), readable=False)
    # Output of libraries must not mix with the answers.
    os.dup2(2, 1)
    with suppress(EOFError, OSError):
        model: Model = requests.recv()
        predictor: Predictor | None = None
        while True:
            task, settings, piece = requests.recv()
            try:
                predictor = predictor or _load(model)
                with open_input(task, predictor, settings) as opened:
                    answer: Block | EmotionError = joined_blocks(opened.piece_blocks(piece))
            except EmotionError as error:
                answer = error
            answers.send(answer)


def _load(model: Model) -> Predictor:
    members = tuple(_load_member(files, model.threads) for files in model.members)
    return Predictor(model.name, members, model.composite, model.temperature)


def _load_member(files: MemberFiles, threads: int) -> Member:
    classifier = Classifier.load(files.folder, threads, files.precision, concurrent=True)
    if classifier.model_digest != files.digest:
        raise BadDataError(f"the model in {files.folder} changed meanwhile", "start again")
    return Member(files.name, classifier)
