"""The teacher's answers: the logarithms of its scores for many texts, computed once and kept in the student's run.

Answers are stored in parts, so a restarted process resumes. A part has the digest of its texts and of the teacher.
Damaged parts, and parts with other digests, are computed again.
"""

import hashlib
import json
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from emotion.composites.predictor import Predictor
from emotion.composites.scores import log_probabilities
from emotion.distillation.teacher import Teacher
from emotion.errors import BadDataError, BadParametersError, TryAgainError
from emotion.formatting import duration
from emotion.store.atomic import replacing

# Texts per part: some seconds of work.
PART = 2048
# Seconds between progress lines.
PAUSE_SECONDS = 10.0
POLL_SECONDS = 0.5

Logits = NDArray[np.float32]


@dataclass(frozen=True)
class _Part:
    """A part of the answers: texts and file."""

    path: Path
    texts: Sequence[str]
    digest: str

    def read(self, labels: int) -> Logits | None:
        """Read the logits, float32 (texts, labels), without unpickling; None if the file does not have them."""
        try:
            with np.load(self.path, allow_pickle=False) as file:
                # The digest first: other runs may have many parts of other teachers.
                if str(file["digest"]) != self.digest:
                    return None
                logits = np.asarray(file["logits"])
        except Exception:  # noqa: BLE001  errors of zip, deflate and NumPy's headers have no common class
            return None
        fits = logits.shape == (len(self.texts), labels) and logits.dtype == np.float32
        return logits if fits and np.isfinite(logits).all() else None

    def copy(self, labels: int, others: Iterable[Path], check: Callable[[], None]) -> Logits | None:
        """Copy the part from the first of the folders `others` that has it; None if none has it."""
        for folder in others:
            logits = replace(self, path=folder / self.path.name).read(labels)
            if logits is not None:
                check()
                self.write(logits)
                return logits
        return None

    def write(self, logits: Logits) -> None:
        """Write the logits with the digest, without pickled objects."""
        with replacing(self.path) as temporary:
            np.savez_compressed(temporary, logits=logits, digest=np.asarray(self.digest))


def ask(
    teacher: Teacher,
    texts: Sequence[str],
    labels: Sequence[str],
    folder: Path,
    others: Sequence[Path],
    threads: int | None,
    tell: Callable[[str], None],
    check: Callable[[], None],
) -> Logits:
    """Let the teacher answer, and store its answers in `folder`; return log probabilities, float32 (texts, labels).

    Answers of the same teacher to the same texts are copied from `others`, the same folders of other runs: the points
    of a sweep ask once. `check` runs before every part is written.

    Raises:
        BadParametersError: a model of the teacher has changed meanwhile, or has other labels.
        BadDataError: a model cannot be run, or refuses a text.
        CannotWriteError: `folder` cannot be written.
    """
    parts = list(_parts(teacher, texts, folder))
    answers = [part.read(len(labels)) for part in parts]
    copied = 0
    for number, part in enumerate(parts):
        if answers[number] is None:
            answers[number] = part.copy(len(labels), others, check)
            copied += 0 if answers[number] is None else len(part.texts)
    if copied:
        tell(f"the teacher answered {copied:,} texts for other runs: copied")
    missing = [number for number, answer in enumerate(answers) if answer is None]
    if missing:
        progress = _Progress(sum(len(parts[number].texts) for number in missing), tell)
        predictor = _open(teacher, labels, threads)
        for number in missing:
            part = parts[number]
            answer = _log_scores(predictor, part.texts)
            check()
            part.write(answer)
            answers[number] = answer
            progress.add(len(part.texts))
    return np.concatenate([answer for answer in answers if answer is not None])


def wait_for_answers(
    teacher: Teacher, texts: Sequence[str], labels: Sequence[str], folder: Path, seconds: float
) -> Logits:
    """Read the answers that another worker stores in `folder`.

    Raises:
        TryAgainError: no new part has appeared for `seconds`.
    """
    answers = []
    for part in _parts(teacher, texts, folder):
        began = time.monotonic()
        while (answer := part.read(len(labels))) is None:
            if time.monotonic() - began > seconds:
                raise TryAgainError(
                    f"the first worker wrote no {part.path.name} of the teacher's answers within {seconds:g} s",
                    "all workers need the same store: start them again with one store",
                )
            time.sleep(POLL_SECONDS)
        answers.append(answer)
    return np.concatenate(answers)


def _parts(teacher: Teacher, texts: Sequence[str], folder: Path) -> Iterator[_Part]:
    for number, first in enumerate(range(0, len(texts), PART)):
        chosen = texts[first : first + PART]
        digest = hashlib.sha256(json.dumps([teacher.digest, *chosen]).encode()).hexdigest()
        yield _Part(folder / f"{number:05d}.npz", chosen, digest)


def _open(teacher: Teacher, labels: Sequence[str], threads: int | None) -> Predictor:
    predictor = teacher.open(threads)
    if predictor.labels != list(labels):
        raise BadParametersError(f"the model of the teacher {teacher.name} has other labels than its metrics.json")
    return predictor


def _log_scores(predictor: Predictor, texts: Sequence[str]) -> Logits:
    scores = predictor.scores(texts).probabilities
    refused = np.flatnonzero(~np.isfinite(scores).all(axis=1))
    if len(refused):
        text = texts[int(refused[0])]
        raise BadDataError(f"the teacher {predictor.name} has no scores for {text!r:.80}", "remove this text")
    return log_probabilities(scores).astype(np.float32)


class _Progress:
    """Reports the number of answered texts every few seconds."""

    def __init__(self, texts: int, tell: Callable[[str], None]) -> None:
        self.texts, self.tell, self.done = texts, tell, 0
        self.began = self.told = time.monotonic()
        tell(f"the teacher answers {texts:,} texts")

    def add(self, texts: int) -> None:
        self.done += texts
        now = time.monotonic()
        if now - self.told >= PAUSE_SECONDS or self.done == self.texts:
            self.told = now
            speed = self.done / max(now - self.began, 1e-9)
            left = f", {duration((self.texts - self.done) / speed)} left" if self.done < self.texts else ""
            self.tell(f"the teacher answered {self.done:,} of {self.texts:,} texts, {speed:,.0f}/s{left}")
