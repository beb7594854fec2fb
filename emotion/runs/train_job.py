"""Runs a training job end to end: train, export, evaluate, draw figures; metrics.json is written last."""

import os
import resource
import shutil
import time
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from emotion.errors import EmotionError, TryAgainError, UsageError
from emotion.evaluation.card import write_card
from emotion.evaluation.evaluate import RunScores, evaluate_run
from emotion.evaluation.figures import draw_run
from emotion.evaluation.metrics_file import (
    DataSource,
    Digests,
    Float16Scores,
    Int8Scores,
    Metrics,
    OnnxScores,
    Parameters,
    Seconds,
)
from emotion.onnx.compare import Verdict
from emotion.onnx.config import write_temperature
from emotion.onnx.digests import SUMS, write_digests
from emotion.onnx.float16 import write_float16
from emotion.onnx.graphs import FILES, FLOAT16, INT8
from emotion.onnx.parity import Parity, check_parity
from emotion.onnx.quantize import quantize
from emotion.onnx.session import Classifier
from emotion.params.schema import LinearParams, TransformerExportTable, TransformerParams
from emotion.runs.fitting import Attempt, fit_job, fitted_already
from emotion.runs.learner import Learner, Trained
from emotion.runs.linear_fitting import fit_linear_job
from emotion.runs.micro_batch import note_attempt
from emotion.runs.plan import TrainingJob
from emotion.runs.recorder import Recorder
from emotion.runs.teaching import teacher_source
from emotion.signals import stopped_by
from emotion.store.atomic import cannot_write, remove_leftovers, write_json
from emotion.store.layout import Run
from emotion.store.lease import Lease, hold
from emotion.store.lease_file import newest_holder
from emotion.store.scratch import scratch_folder
from emotion.training.distributed.topology import Topology, read_topology
from emotion.training.progress import TrainingListener


def train_job(job: TrainingJob, listener: TrainingListener) -> Metrics | None:
    """Start or resume training; export and evaluate; write metrics.json last.

    Among several workers, only the chief exports and evaluates; other workers return None.

    Raises:
        UsageError: several workers train a model that trains in one process.
        CheckFailedError: training diverged, or the exported model and the trained model differ.
        CannotWriteError: the store or the temporary folder cannot be written.
        UnavailableError: the pretrained weights or the requested GPU are not available.
        TryAgainError: another process holds the run, or a worker is lost.
        BadParametersError: the run's checkpoints belong to another training.
        Terminated, KeyboardInterrupt: a signal stops this process; a checkpoint is written.
    """
    topology = read_topology(os.environ)
    if topology is not None and isinstance(job.params, LinearParams):
        raise UsageError("linear trains in one process", "leave out TF_CONFIG and EMOTION_WORKERS")
    with scratch_folder():
        pass  # an export that cannot write its temporary files should fail before training
    if topology is not None and not topology.chief:
        _assist(job, listener, topology)
        return None
    with hold(job.run.folder, job.params.resources.wait, lambda line: listener.note("wait", line)) as lease:
        # The previous holder may have completed the run.
        metrics = job.complete()
        if metrics is None:
            remove_leftovers(job.run.folder)
            note_attempt(lease)
            metrics = _attempt(job, Recorder(job.run, listener, lease.check), topology, lease)
        else:
            listener.note("complete", f"{job.run} is complete: nothing to do")
        _remove(job.run.checkpoints)
        lease.remove()
    return metrics


def cleaned(job: TrainingJob) -> bool:
    """Whether a complete run has neither checkpoints nor a lease; a killed process may leave them."""
    return not job.run.checkpoints.exists() and newest_holder(job.run.folder) is None


def _remove(folder: Path) -> None:
    try:
        if folder.exists():
            shutil.rmtree(folder)
    except OSError as error:
        raise cannot_write(folder, error) from error


def _assist(job: TrainingJob, listener: TrainingListener, topology: Topology) -> None:
    """Train as a worker that is not the chief and writes nothing."""
    if job.run.complete or fitted_already(job, listener):
        listener.note("complete", f"{job.run} is trained: nothing to do for worker {topology.index}")
        return
    fit_job(job, listener, Attempt(topology))
    listener.note("complete", f"worker {topology.index} of {len(topology.workers)} has finished its part of {job.run}")


def _attempt(job: TrainingJob, recorder: Recorder, topology: Topology | None, lease: Lease) -> Metrics:
    """Run the job; progress.json says if a signal or a lost worker stops it, or if it fails."""
    # Until fitting starts, progress.json is the last attempt's, which may have been stopped.
    recorder.mark("training")
    try:
        return _run(job, recorder, topology, lease)
    except BaseException as error:
        recorder.mark("stopped" if stopped_by(error) or isinstance(error, TryAgainError) else "failed")
        raise


def _run(job: TrainingJob, recorder: Recorder, topology: Topology | None, lease: Lease) -> Metrics:
    started, listener = time.monotonic(), recorder.listener
    if topology is not None and fitted_already(job, listener):
        topology = None
    linear = isinstance(job.params, LinearParams)
    trained = fit_linear_job(job, recorder) if linear else fit_job(job, recorder, Attempt(topology, lease))
    exporting = time.monotonic()
    recorder.state("exporting")
    exported = _export(job, trained.learner, listener)
    evaluating = time.monotonic()
    recorder.state("evaluating")
    rows = sum(len(split) for split in job.data.splits.values())
    listener.note("evaluate", f"evaluating the exported model on {rows:,} rows")
    scores = evaluate_run(job.run, job.data, exported.classifier)
    write_temperature(job.run.exported / "config.json", scores.temperature)
    seconds = Seconds(
        load=trained.began - started, export=evaluating - exporting, evaluation=time.monotonic() - evaluating
    )
    # The model's files are complete: later changes do not belong to the export.
    digests = write_digests(job.run.exported, [*FILES, INT8, FLOAT16])
    metrics = _metrics(job, trained, exported, scores, seconds, digests)
    _illustrate(job.run, metrics, listener)
    recorder.state("complete")
    write_json(job.run.metrics, metrics.model_dump(mode="json"))
    return metrics


def _illustrate(run: Run, metrics: Metrics, listener: TrainingListener) -> None:
    """Write the model card and the figures. A failed figure is a warning and does not fail the training."""
    write_card(run, metrics)
    try:
        warnings = draw_run(run, metrics)
    except EmotionError:
        raise
    except Exception as error:  # noqa: BLE001  labels and figures of users can break drawing in any way
        warnings = [f"the figures could not be drawn: {type(error).__name__}: {error}"]
    for warning in warnings:
        listener.note("warning", warning)


@dataclass(frozen=True)
class Exported:
    """The exported model as its users open it, and its comparison with the trained model."""

    classifier: Classifier
    parity: Parity
    int8: Int8Scores | None = None
    float16: Float16Scores | None = None


def _metrics(
    job: TrainingJob,
    trained: Trained,
    exported: Exported,
    scores: RunScores,
    seconds: Seconds,
    digests: dict[str, str],
) -> Metrics:
    learner = trained.learner
    return Metrics(
        model=job.run.model,
        run=job.run.name,
        seed=job.params.training.seed,
        finished_at=datetime.now(UTC).isoformat(timespec="microseconds"),
        data=_data_source(job),
        training_seconds=trained.seconds,
        seconds=seconds,
        epochs=trained.epochs,
        best_epoch=trained.best_epoch,
        parameters=Parameters(**learner.architecture()["parameters"]),
        train=scores.train,
        validation=scores.validation,
        test=scores.test,
        onnx=OnnxScores(
            bytes=(job.run.exported / "model.onnx").stat().st_size,
            max_abs_logit_diff=exported.parity.max_abs_logit_diff,
            label_agreement=exported.parity.label_agreement,
            rows_per_second=scores.rows_per_second,
            int8=exported.int8,
            float16=exported.float16,
            digests=digests,
        ),
        peak_memory_bytes=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
        samples_per_second=trained.samples_per_second,
        max_length=learner.max_length,
        precision=learner.precision,
        micro_batch=trained.micro_batch,
        temperature=scores.temperature,
        resumes=trained.resumes,
        weights=learner.weights,
        teacher=teacher_source(job, trained.lesson),
        candidates=list(trained.candidates),
    )


def _data_source(job: TrainingJob) -> DataSource:
    data = job.data
    return DataSource(**asdict(data.origin), labels=data.labels, digests=Digests(**data.digests))


def _export(job: TrainingJob, learner: Learner, listener: TrainingListener) -> Exported:
    """Write model/, open it as its users do, and compare it with the trained model on validation."""
    listener.note("export", "exporting to ONNX and comparing with the trained model on validation")
    # This export replaces the export of an earlier attempt that was killed.
    (job.run.exported / SUMS).unlink(missing_ok=True)
    texts = job.data.splits["validation"].texts
    trained = learner.export(job.run.exported, {"run": str(job.run), "data": job.data.name, "sample": job.data.sample})
    classifier = Classifier.load(job.run.exported, job.params.resources.threads or None)
    parity = check_parity(trained(learner.encode(texts)), classifier.logits(texts), job.params.export.parity)
    exported = Exported(classifier, parity)
    if isinstance(job.params, TransformerParams):
        return _add_graphs(job, job.params.export, exported, listener)
    return exported


def _add_graphs(
    job: TrainingJob, table: TransformerExportTable, exported: Exported, listener: TrainingListener
) -> Exported:
    """Write graphs in other precisions as set in `table`, unless validation rejects them."""
    texts, labels = job.data.splits["validation"].texts, job.data.encoded("validation")
    folder, float32, threads = job.run.exported, exported.classifier, job.params.resources.threads or None
    if table.int8:
        int8 = quantize(folder, float32, texts, labels, threads)
        listener.note("export", _outcome("int8", int8, f"{int8.speedup:.1f} times as fast"))
        exported = replace(exported, int8=Int8Scores(**asdict(int8)))
    if table.float16:
        float16 = write_float16(folder, float32, texts, labels, threads)
        listener.note("export", _outcome("float16", float16, f"compared on the {float16.device.upper()}"))
        exported = replace(exported, float16=Float16Scores(**asdict(float16)))
    return exported


def _outcome(precision: str, verdict: Verdict, more: str) -> str:
    return f"{precision}: kept, {more}" if verdict.kept else f"no {precision}: {verdict.reason}"
