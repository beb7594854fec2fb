"""Fits the linear model of a job: in one process, on the CPU, without checkpoints, because it takes seconds."""

import time
from dataclasses import asdict

from emotion.errors import BadParametersError
from emotion.evaluation.metrics_file import Candidate
from emotion.params.schema import LinearParams
from emotion.provenance import provenance
from emotion.runs.learner import Trained
from emotion.runs.plan import TrainingJob
from emotion.store.atomic import write_json
from emotion.training.progress import Epoch, TrainingListener, TrainingProgress


def fit_linear_job(job: TrainingJob, listener: TrainingListener) -> Trained:
    """Train; write the weights, params.json and architecture.json into the run's folder.

    An interrupted training starts again from its beginning. The whole of it counts as one epoch.

    Raises:
        BadParametersError: the parameters ask for a GPU.
        CannotWriteError: the store cannot be written.
    """
    # Not before: scikit-learn takes a second to import.
    from emotion.runs.linear_learner import LinearLearner
    from emotion.training.linear import mean_loss

    assert isinstance(job.params, LinearParams)  # noqa: S101  the caller looked
    if job.params.resources.device == "gpu":
        raise BadParametersError("linear trains on the CPU only", 'leave out [resources] device = "gpu"')
    learner = LinearLearner(job.params, job.data)
    for line in learner.warnings(job.data.splits["validation"].texts):
        listener.note("warning", line)
    write_json(job.run.params, {"digest": job.digest, **job.identity, **provenance()})
    began = time.monotonic()
    listener.on_start(_progress(0, 0.0), len(job.data.splits["train"]), [])
    fitted = learner.fit(lambda candidate: listener.note("candidate", str(candidate)))
    train, validation = (learner.split(name) for name in ("train", "validation"))
    logits = {name: fitted.model.logits(split.texts) for name, split in (("train", train), ("validation", validation))}
    rate = len(train.labels) * len(fitted.candidates) / fitted.seconds
    loss = mean_loss(logits["train"], train.labels)
    epoch = Epoch(
        epoch=1,
        loss=loss,
        accuracy=float((logits["train"].argmax(axis=1) == train.labels).mean()),
        validation_loss=mean_loss(logits["validation"], validation.labels),
        validation_accuracy=max(candidate.validation_accuracy for candidate in fitted.candidates),
        samples_per_second=rate,
        seconds=fitted.seconds,
        seconds_left=0.0,
        best=True,
    )
    listener.on_epoch(_progress(1, loss), epoch)
    write_json(job.run.architecture, learner.architecture())
    learner.save(job.run.weights)
    candidates = [Candidate(**asdict(candidate)) for candidate in fitted.candidates]
    return Trained(learner, began, fitted.seconds, 1, 1, rate, candidates=candidates)


def _progress(step: int, loss: float) -> TrainingProgress:
    return TrainingProgress(
        epoch=1,
        epochs=1,
        step=step,
        steps=1,
        loss=loss,
        samples_per_second=None,
        seconds=0.0,
        seconds_left=0.0,
        resumes=0,
    )
