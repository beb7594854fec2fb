"""Fits the linear model of a job on the CPU in one process. Fitting takes seconds, so it needs no checkpoints."""

import math
import time
from dataclasses import asdict

from emotion.errors import BadParametersError
from emotion.evaluation.metrics import split_scores
from emotion.evaluation.metrics_file import Candidate
from emotion.params.schema import LinearParams
from emotion.provenance import provenance
from emotion.runs.learner import Trained
from emotion.runs.plan import TrainingJob
from emotion.store.atomic import write_json
from emotion.training.progress import Epoch, TrainingListener, TrainingProgress


def fit_linear_job(job: TrainingJob, listener: TrainingListener) -> Trained:
    """Train; write the weights, params.json and architecture.json into the run's folder.

    An interrupted training starts again from its beginning. The whole training counts as one epoch.

    Raises:
        BadParametersError: the parameters ask for a GPU.
        CannotWriteError: the store cannot be written.
    """
    # Imported late: importing scikit-learn takes a second.
    from emotion.runs.linear_learner import LinearLearner

    assert isinstance(job.params, LinearParams)  # noqa: S101  the caller looked
    if job.params.resources.device == "gpu":
        raise BadParametersError("linear trains on the CPU only", 'leave out [resources] device = "gpu"')
    learner = LinearLearner(job.params, job.data)
    for line in learner.warnings(job.data.splits["validation"].texts):
        listener.note("warning", line)
    write_json(job.run.params, {"digest": job.digest, **job.identity, **provenance()})
    began = time.monotonic()
    listener.on_start(_progress(0), len(job.data.splits["train"]), [])
    train, validation = (learner.split(name) for name in ("train", "validation"))
    fitted = learner.fit(train, validation, lambda candidate: listener.note("candidate", str(candidate)))
    trained, validated = (
        split_scores(fitted.model.logits(split.texts), split.labels, job.data.labels) for split in (train, validation)
    )
    rate = len(train.labels) * len(fitted.candidates) / fitted.seconds
    epoch = Epoch(
        epoch=1,
        loss=trained.loss,
        accuracy=trained.accuracy,
        validation_loss=validated.loss,
        validation_accuracy=validated.accuracy,
        samples_per_second=rate,
        seconds=fitted.seconds,
        seconds_left=0.0,
        best=True,
    )
    listener.on_epoch(_progress(1, trained.loss, rate, fitted.seconds), epoch)
    write_json(job.run.architecture, learner.architecture())
    learner.save(job.run.weights)
    candidates = [Candidate(**asdict(candidate)) for candidate in fitted.candidates]
    return Trained(learner, began, fitted.seconds, 1, 1, rate, candidates=candidates)


def _progress(step: int, loss: float = math.nan, rate: float | None = None, seconds: float = 0.0) -> TrainingProgress:
    return TrainingProgress(
        epoch=1,
        epochs=1,
        step=step,
        steps=1,
        loss=loss,
        samples_per_second=rate,
        seconds=seconds,
        seconds_left=0.0,
        resumes=0,
    )
