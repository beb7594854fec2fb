"""A lesson: a student's texts with their targets."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emotion.data.dataset import Dataset
from emotion.data.unlabelled import read_unlabelled
from emotion.distillation.made_texts import make_texts
from emotion.distillation.teacher import Teacher
from emotion.errors import BadDataError
from emotion.formatting import count
from emotion.onnx.session import probabilities
from emotion.params.schema import TeacherTable, WordParams

UNSEEN = ("validation", "test")


@dataclass(frozen=True)
class Material:
    """All texts of a lesson in order: `known` texts from train, `made` texts, then `unlabelled` texts from a file."""

    texts: list[str]
    known: int
    made: int
    unlabelled: int


def collect(params: WordParams, teacher: Teacher, data: Dataset, tell: Callable[[str], None]) -> Material:
    """Collect the texts. Texts in validation or test are left out: they would raise scores unfairly.

    `tell` receives warnings.

    Raises:
        InputMissingError, BadDataError: the file of unlabeled texts cannot be read, or has changed since its digest.
    """
    train, table = data.splits["train"].texts, teacher.params
    unseen = {text for split in UNSEEN for text in data.splits[split].texts}
    made = [text for text in make_texts(train, table) if text not in unseen]
    more: list[str] = []
    if table.unlabelled:
        path = Path(table.unlabelled)
        found = read_unlabelled(path, params.data)
        if found.digest != teacher.unlabelled:
            raise BadDataError(f"{path} changed while it was read", "start again when the file is complete")
        more = [text for text in found.texts if text not in unseen]
        if found.left_out:
            tell(f"{path}: left out {count(found.left_out, 'row')} without a text")
        if same := len(found.texts) - len(more):
            tell(
                f"{path}: left out {count(same, 'text')} from validation or test, which would make their"
                " scores unreliable"
            )
    return Material([*train, *made, *more], len(train), len(made), len(more))


@dataclass(frozen=True)
class Lesson:
    """Texts of `material` with their labels int32 (texts,) and targets float32 (texts, labels).

    A text without a label gets the teacher's label.
    """

    material: Material
    labels: NDArray[np.int32]
    targets: NDArray[np.float32]


def make_lesson(
    material: Material,
    answers: NDArray[np.floating[Any]],
    labels: NDArray[np.int32],
    table: TeacherTable,
    smoothing: float,
) -> Lesson:
    """Mix the teacher's `answers`, log probabilities (texts, labels), with train's `labels`.

    `smoothing` softens train's labels as without a teacher. For other texts, only the teacher's answers count.
    """
    taught = probabilities(answers, table.temperature)
    known = material.known
    names = taught.shape[1]
    said = (1 - smoothing) * np.eye(names)[labels] + smoothing / names
    taught[:known] = (1 - table.weight) * said + table.weight * taught[:known]
    # The temperature does not change the order.
    guessed = answers[known:].argmax(axis=1).astype(np.int32)
    return Lesson(material, np.concatenate([labels, guessed]), taught.astype(np.float32))
