"""Fits the model of a job: chooses devices, memory use and checkpoint."""

import gc
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from emotion.distillation.lesson import Lesson
from emotion.hardware import free_gpu_memory
from emotion.params.schema import LinearParams, LinearTrainingTable, TransformerParams
from emotion.provenance import provenance
from emotion.runs.learner import KerasLearner, Trained
from emotion.runs.micro_batch import choose_micro_batch
from emotion.runs.plan import TrainingJob
from emotion.runs.teaching import prepare_lesson
from emotion.signals import DeferredSignals
from emotion.store.atomic import write_json
from emotion.store.lease import Lease
from emotion.training.checkpoints import Checkpoints
from emotion.training.distributed.topology import Topology
from emotion.training.progress import TrainingListener

if TYPE_CHECKING:
    from emotion.training.distributed.replicas import ReplicaGroup
    from emotion.training.fit import Fitted


@dataclass(frozen=True)
class Attempt:
    """An attempt at a run: the workers that train together, and the lease of the writing worker."""

    topology: Topology | None = None
    lease: Lease | None = None


def fitted_already(job: TrainingJob, listener: TrainingListener) -> bool:
    """Whether an earlier attempt finished fitting: then no other worker is needed."""
    newest = next(_checkpoints(job).newest(_warner(listener)), None)
    return newest is not None and newest.state.finished


def fit_job(job: TrainingJob, listener: TrainingListener, attempt: Attempt) -> Trained:
    """Start or resume training; write the weights, params.json and architecture.json into the run's folder.

    Raises:
        As `emotion.runs.train_job.train_job`.
    """
    # Before TensorFlow starts, the teacher can use all cores and memory.
    lesson = prepare_lesson(job, listener, attempt.topology, attempt.lease)
    group, gpus, free = _prepare(job, listener, attempt.topology)
    with group.scope():
        learner = _learner(job, listener, gpus)
    if group.description:
        listener.note("team", f"training on {group.description}, {group.replicas} parts per batch")
    for line in learner.notes():
        listener.note("model", line)
    for line in learner.warnings(job.data.splits["validation"].texts):
        listener.note("warning", line)
    if group.chief:
        _describe(job, learner)
    began = time.monotonic()
    fitted = _fit(job, learner, lesson, group, free, attempt.lease, listener)
    # Reference cycles of the graphs hold the optimizer's memory, and the export needs more memory.
    gc.collect()
    if group.chief:
        learner.save(job.run.weights)
    return Trained(
        learner,
        began,
        seconds=fitted.seconds,
        epochs=len(fitted.epochs),
        best_epoch=fitted.best.epoch,
        samples_per_second=fitted.samples_per_second,
        micro_batch=fitted.state.micro_batch,
        resumes=fitted.state.resumes,
        lesson=lesson,
    )


def _prepare(
    job: TrainingJob, listener: TrainingListener, topology: Topology | None
) -> "tuple[ReplicaGroup, list[tuple[int, int]], int | None]":
    """Set up devices, threads and replicas in the order that TensorFlow needs; return GPUs and their free memory."""
    from emotion.models.backend import prepare
    from emotion.models.compute import select_device

    resources, training = job.params.resources, job.params.training
    gpus = select_device(resources.device)
    free = min(free_gpu_memory(), default=None) if gpus else None
    prepare(training.seed, resources.threads, deterministic=training.deterministic)
    # Imported late: `select_device` must load TensorFlow first.
    from emotion.training.distributed.peers import join
    from emotion.training.distributed.replicas import form_group

    group = form_group(resources.replicas, len(gpus), topology)
    if topology is not None:
        join(group, topology, job.digest, resources.wait, lambda line: listener.note("wait", line))
    return group, gpus, free


def _learner(job: TrainingJob, listener: TrainingListener, gpus: list[tuple[int, int]]) -> KerasLearner:
    """Make the model and tokenizer for the parameters."""
    from emotion.models.compute import choose

    if isinstance(job.params, TransformerParams):
        from emotion.runs.transformer_learner import TransformerLearner

        compute = choose(job.params.training, gpus)
        return TransformerLearner(job.params, job.data, job.store, compute, lambda line: listener.note("weights", line))
    from emotion.runs.word_learner import WordLearner

    assert not isinstance(job.params, LinearParams)  # noqa: S101  no Keras model
    return WordLearner(job.params, job.data)


def _describe(job: TrainingJob, learner: KerasLearner) -> None:
    """Write params.json and architecture.json."""
    write_json(job.run.params, {"digest": job.digest, **job.identity, **provenance()})
    write_json(job.run.architecture, learner.architecture())


def _fit(
    job: TrainingJob,
    learner: KerasLearner,
    lesson: Lesson | None,
    group: "ReplicaGroup",
    free: int | None,
    lease: Lease | None,
    listener: TrainingListener,
) -> "Fitted":
    from emotion.training.batches import Examples
    from emotion.training.checkpoint_policy import CheckpointPolicy
    from emotion.training.fit import Fitting, steps_per_epoch
    from emotion.training.label_weights import label_weights
    from emotion.training.scalars import Scalars
    from emotion.training.step import Step

    params = job.params.training
    assert not isinstance(params, LinearTrainingTable)  # noqa: S101  no Keras model
    validation = Examples(learner.encode(job.data.splits["validation"].texts), job.data.encoded("validation"))
    if lesson is None:
        train = Examples(learner.encode(job.data.splits["train"].texts), job.data.encoded("train"))
    else:
        train = Examples(learner.encode(lesson.material.texts), lesson.labels, lesson.targets)
    rows = -(-min(params.batch_size, len(train)) // group.replicas)
    memory = learner.memory(train.texts.ids.shape[1])
    micro_batch = choose_micro_batch(job.params, memory, rows, free, lease, lambda line: listener.note("memory", line))
    epoch_steps = steps_per_epoch(len(train), params)
    steps = epoch_steps * params.epochs
    weights = label_weights(params.class_weights, job.data.labels, train.labels)
    step = Step(learner.model, params, steps, weights, learner.compute, group, micro_batch, soft=lesson is not None)
    policy = CheckpointPolicy(
        _checkpoints(job), job.params.resources.checkpoint_every, _warner(listener), chief=group.chief
    )
    scalars = Scalars(
        job.run.tensorboard,
        epoch_steps,
        steps,
        _warner(listener),
        on=job.params.resources.tensorboard,
        chief=group.chief,
    )
    fitting = Fitting(step, train, validation, params, policy, listener, scalars)
    return fitting.run(DeferredSignals(), learner.compute.multiple)


def _checkpoints(job: TrainingJob) -> Checkpoints:
    return Checkpoints(job.run.checkpoints, job.identity)


def _warner(listener: TrainingListener) -> Callable[[str], Any]:
    return lambda line: listener.note("warning", line)
