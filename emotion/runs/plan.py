"""Plans a training job: data, run name, and whether an existing run is the same job."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from emotion.data.dataset import Dataset, load_dataset
from emotion.data.label_text import name_labels
from emotion.distillation.teacher import Teacher, find_teacher
from emotion.errors import BadParametersError
from emotion.evaluation.metrics_file import Metrics, read_metrics
from emotion.formatting import differences
from emotion.params.schema import AnyParams, TransformerParams, WordParams
from emotion.reader import runs_command
from emotion.store.layout import Run, Store, read_json
from emotion.weights.catalog import is_folder, parse_reference
from emotion.weights.find import find_weights


@dataclass(frozen=True)
class TrainingJob:
    """A planned training job: its parameters, its data, and the run that it writes.

    If the pretrained weights are a folder, `weights` has its files' digests. For weights from a hub, the parameters
    have the revision. A student has a `teacher`.
    """

    params: AnyParams
    data: Dataset
    store: Store
    run: Run
    digest: str
    weights: dict[str, str] = field(default_factory=dict)
    teacher: Teacher | None = None

    @property
    def size(self) -> str:
        """Rows per split and the number of labels, for people."""
        rows = ", ".join(f"{len(split):,} {name}" for name, split in self.data.splits.items())
        return f"{rows} rows, {len(self.data.labels)} labels"

    @property
    def identity(self) -> dict[str, Any]:
        """Facts that distinguish this job from others: parameters, and digests of data, weights and teacher."""
        identity = {"params": self.params.identity, "data": {"digests": self.data.digests}}
        weights = {"weights": self.weights} if self.weights else {}
        return identity | weights | ({"teacher": self.teacher.digests} if self.teacher else {})

    def complete(self) -> Metrics | None:
        """Read the metrics of a complete run; None if the run is incomplete.

        Raises:
            BadDataError: metrics.json is damaged.
        """
        return read_metrics(self.run.metrics) if self.run.complete else None


def plan_job(params: AnyParams, data: Path, store: Store, name: str | None) -> TrainingJob:
    """Read the data and choose the run: the same parameters and data give the same run, unless `name` names one.

    Raises:
        BadParametersError: the named run exists with other parameters or data, or its teacher is unsuitable.
        InputMissingError: a file of the pretrained weights, or the teacher, is missing.
        UsageError: the pretrained weights are neither a folder nor a repository.
    """
    dataset = load_dataset(data, params.data)
    _check_labels(params, dataset)
    weights = _folder_digests(params, store)
    asked = params.training.teacher if isinstance(params, WordParams) else None
    teacher = find_teacher(asked, dataset, store) if asked else None
    digest = params.digest(*dataset.digests.values(), *weights.values(), *(teacher.digests.values() if teacher else ()))
    run = store.run(params.model.name, name or f"s{params.training.seed}-{digest[:8]}")
    job = TrainingJob(params, dataset, store, run, digest, weights, teacher)
    if run.params.exists():
        _check_same(job)
    return job


def _folder_digests(params: AnyParams, store: Store) -> dict[str, str]:
    """Compute digests of pretrained weights in a folder: the content may change under the same name."""
    if not isinstance(params, TransformerParams):
        return {}
    if not is_folder(params.model.checkpoint):
        parse_reference(params.model.checkpoint, params.model.revision)
        return {}
    return find_weights(params.model.checkpoint, "", store, lambda _: None).digests


def _check_labels(params: AnyParams, data: Dataset) -> None:
    """Raise BadParametersError if `[training] class_weights` names a label that the data does not have."""
    asked = params.training.class_weights
    unknown = sorted(set(asked) - set(data.labels)) if isinstance(asked, dict) else []
    if unknown:
        raise BadParametersError(
            f"[training] class_weights names labels that the data does not have: {name_labels(unknown)}",
            f"the labels are {name_labels(data.labels)}",
        )


def _check_same(job: TrainingJob) -> None:
    """Raise BadParametersError with the differences if the run's folder belongs to another job."""
    stored = read_json(job.run.params)
    if stored.get("digest") == job.digest:
        return
    different = differences({key: stored.get(key) for key in job.identity}, job.identity, "params.resources")
    raise BadParametersError(
        f"the run {job.run} exists with other settings:\n" + "\n".join(different),
        f"choose another --run name, or remove the run: {runs_command(f'rm {job.run}', job.store.folder)}",
    )
