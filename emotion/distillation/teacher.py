"""Finds a student's teacher, checks that it has the same labels and data, and opens it."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from emotion.composites.fit import make_predictor
from emotion.composites.predictor import Member, Predictor
from emotion.composites.spec import Composite, parse_composite
from emotion.data.dataset import Dataset
from emotion.data.label_text import name_labels
from emotion.errors import BadParametersError, UsageError
from emotion.evaluation.metrics_file import Metrics, read_metrics
from emotion.onnx.graphs import find_graph, find_model
from emotion.onnx.model_files import read_files
from emotion.onnx.session import Classifier
from emotion.params.schema import TeacherTable
from emotion.records.text_io import unreadable
from emotion.store.atomic import sha256
from emotion.store.layout import Run, Store


@dataclass(frozen=True)
class Teacher:
    """A complete run that teaches, or several runs in a `composite`, as set in `params`.

    `folders` has the exported models. `digest` is the SHA-256 of the model, or of a composite's models and name.
    `unlabelled` is the SHA-256 of the file of unlabeled texts, or "".
    """

    params: TeacherTable
    folders: tuple[Path, ...]
    digest: str
    unlabelled: str = ""
    composite: Composite | None = None

    @property
    def name(self) -> str:
        """MODEL/RUN, or the name of the composite."""
        return self.params.run

    @property
    def digests(self) -> dict[str, str]:
        """SHA-256 of models and texts for teaching, by name."""
        return {"model": self.digest} | ({"unlabelled": self.unlabelled} if self.unlabelled else {})

    def open(self, threads: int | None) -> Predictor:
        """Open the models.

        Raises:
            BadParametersError: a model has changed since the search for the teacher.
            BadDataError: a model is damaged, or a composite's models do not match.
        """
        names = self.composite.members if self.composite else (self.name,)
        models = [Classifier.load(folder, threads) for folder in self.folders]
        if composite_digest(self.composite, [model.model_digest for model in models]) != self.digest:
            raise BadParametersError(f"the teacher {self.name} changed meanwhile", "start again")
        members = tuple(Member(name, model) for name, model in zip(names, models, strict=True))
        return make_predictor(self.name, self.composite, members)


def find_teacher(params: TeacherTable, data: Dataset, store: Store) -> Teacher:
    """Find the teacher that `[training.teacher]` names.

    A teacher with other data could have learned from the student's validation or test.

    Raises:
        InputMissingError: the run, a file of its model, or the file of texts does not exist.
        BadParametersError: the name is malformed; or a run is incomplete, or has other labels or data.
        BadDataError: the run's files are damaged, or have changed since their export.
    """
    try:
        composite = parse_composite(params.run)
    except UsageError as error:
        raise BadParametersError(f"[training.teacher] run: {error.message}", error.hint) from error
    runs = [store.find(name) for name in (composite.members if composite else (params.run,))]
    for run in runs:
        _check(run, data)
    digests = [read_files(find_graph(find_model(run.exported), "float32")).digest for run in runs]
    digest = composite_digest(composite, digests)
    return Teacher(params, tuple(run.exported for run in runs), digest, _texts_digest(params.unlabelled), composite)


def composite_digest(composite: Composite | None, models: Sequence[str]) -> str:
    """Compute a teacher's SHA-256 from its models' digests."""
    if composite is None:
        return models[0]
    return hashlib.sha256(json.dumps([str(composite), *models]).encode()).hexdigest()


def _texts_digest(unlabelled: str) -> str:
    if not unlabelled:
        return ""
    try:
        return sha256(Path(unlabelled))
    except OSError as error:
        raise unreadable(Path(unlabelled), error) from error


def _check(run: Run, data: Dataset) -> None:
    if not run.complete:
        raise BadParametersError(f"the teacher {run} is incomplete", "finish its training with its command")
    metrics, hint = read_metrics(run.metrics), "choose a teacher that was trained on the same data"
    if metrics.data.labels != data.labels:
        raise BadParametersError(
            f"the teacher {run} has other labels: {name_labels(metrics.data.labels)}; the data has"
            f" {name_labels(data.labels)}",
            hint,
        )
    if different := _different_splits(metrics, data):
        raise BadParametersError(
            f"the teacher {run} was trained on other data: its {' and '.join(different)} differ from {data.name}", hint
        )


def _different_splits(metrics: Metrics, data: Dataset) -> list[str]:
    there = metrics.data.digests.model_dump()
    return [split for split, digest in data.digests.items() if there[split] != digest]
