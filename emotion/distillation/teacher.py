"""Finds the teacher of a student, and checks that it may teach: the same labels, and the same data."""

from dataclasses import dataclass
from pathlib import Path

from emotion.data.dataset import Dataset
from emotion.data.label_text import name_labels
from emotion.errors import BadParametersError
from emotion.evaluation.metrics_file import Metrics, read_metrics
from emotion.onnx.graphs import find_graph, find_model
from emotion.onnx.model_files import read_files
from emotion.params.schema import TeacherTable
from emotion.records.text_io import unreadable
from emotion.store.atomic import sha256
from emotion.store.layout import Store


@dataclass(frozen=True)
class Teacher:
    """A complete run that teaches, as `params` say; `folder` has its exported model.

    `digest` is the SHA-256 of this model, `unlabelled` that of the file of unlabelled texts, "" without one.
    """

    params: TeacherTable
    folder: Path
    digest: str
    unlabelled: str = ""

    @property
    def name(self) -> str:
        """MODEL/RUN."""
        return self.params.run

    @property
    def digests(self) -> dict[str, str]:
        """SHA-256 of all that it teaches with, by name."""
        return {"model": self.digest} | ({"unlabelled": self.unlabelled} if self.unlabelled else {})


def find_teacher(params: TeacherTable, data: Dataset, store: Store) -> Teacher:
    """Find the teacher that `[training.teacher]` names.

    A teacher of other data could have learned from the student's validation or test.

    Raises:
        InputMissingError: the store has no such run, the run lacks a file of its model, or there is no file of texts.
        BadParametersError: the run is incomplete, or has other labels or other data.
        BadDataError: its files are damaged, or changed since their export.
    """
    run = store.find(params.run)
    if not run.complete:
        raise BadParametersError(f"the teacher {run} is incomplete", "train it to its end, with its own command")
    _check(str(run), read_metrics(run.metrics), data)
    model = read_files(find_graph(find_model(run.exported), "float32"))
    return Teacher(params, run.exported, model.digest, _digest(params.unlabelled))


def _digest(unlabelled: str) -> str:
    if not unlabelled:
        return ""
    try:
        return sha256(Path(unlabelled))
    except OSError as error:
        raise unreadable(Path(unlabelled), error) from error


def _check(name: str, metrics: Metrics, data: Dataset) -> None:
    hint = "choose a teacher that was trained on the same data"
    if metrics.data.labels != data.labels:
        raise BadParametersError(
            f"the teacher {name} has other labels: {name_labels(metrics.data.labels)}; the data has"
            f" {name_labels(data.labels)}",
            hint,
        )
    there = metrics.data.digests.model_dump()
    different = [split for split, digest in data.digests.items() if there[split] != digest]
    if different:
        raise BadParametersError(
            f"the teacher {name} was trained on other data: its {' and '.join(different)} differ from {data.name}", hint
        )
