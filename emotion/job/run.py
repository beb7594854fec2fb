"""Running a job: train, export, evaluate, in one run folder; metrics.json is written last."""

import resource
import time
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from emotion.evaluation.evaluate import evaluate_run
from emotion.evaluation.record import DataRecord, Digests, Int8Scores, Metrics, OnnxScores, Parameters, Seconds
from emotion.files import write_json
from emotion.job.learner import Learner
from emotion.job.plan import Job
from emotion.job.recorder import Recorder
from emotion.onnx.parity import Parity, check_parity
from emotion.onnx.quantise import quantise
from emotion.onnx.session import Classifier
from emotion.params import CheckpointParams
from emotion.provenance import provenance
from emotion.training.progress import Listener, progress_json

if TYPE_CHECKING:
    from emotion.training.fit import Fitted


def run_job(job: Job, listener: Listener) -> Metrics:
    """Train, export and evaluate; metrics.json is written last.

    Raises:
        CheckFailedError: the exported model does not give what the trained one gives.
        CannotWriteError: the store cannot be written.
        UnavailableError: the checkpoint to start from, or the GPU that is asked for, cannot be had.
    """
    from emotion.models.build import count_parameters

    started = time.monotonic()
    learner = _learner(job, listener)
    write_json(job.run.params, {"digest": job.digest, **job.identity, **provenance()})
    for line in learner.notes():
        listener.note("model", line)
    for line in learner.warnings(job.data.splits["validation"].texts):
        listener.note("warning", line)
    fitting = time.monotonic()
    fitted = _fit(job, learner, listener)
    exporting = time.monotonic()
    classifier, parity, int8 = _export(job, learner, listener)
    evaluating = time.monotonic()
    rows = sum(len(split) for split in job.data.splits.values())
    listener.note("evaluate", f"evaluating the exported model on {rows:,} rows")
    scores = evaluate_run(job.run, job.data, classifier)
    metrics = Metrics(
        model=job.run.model,
        run=job.run.name,
        seed=job.params.training.seed,
        finished_at=datetime.now(UTC).isoformat(timespec="microseconds"),
        data=_data_record(job),
        training_seconds=fitted.seconds,
        seconds=Seconds(
            load=fitting - started, export=evaluating - exporting, evaluation=time.monotonic() - evaluating
        ),
        epochs=len(fitted.epochs),
        best_epoch=fitted.best.epoch,
        parameters=Parameters(**count_parameters(learner.model)),
        train=scores.train,
        validation=scores.validation,
        test=scores.test,
        onnx=OnnxScores(
            bytes=(job.run.exported / "model.onnx").stat().st_size,
            max_abs_logit_diff=parity.max_abs_logit_diff,
            label_agreement=parity.label_agreement,
            rows_per_second=scores.rows_per_second,
            int8=int8,
        ),
        peak_memory_bytes=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
        samples_per_second=fitted.samples_per_second,
        max_length=learner.max_length,
        precision=learner.compute.precision,
        weights=learner.weights,
    )
    write_json(job.run.progress, progress_json("complete", fitted.epochs, job.params.training.epochs))
    write_json(job.run.metrics, metrics.model_dump(mode="json"))
    return metrics


def _learner(job: Job, listener: Listener) -> Learner:
    """Make the model and tokenizer that the parameters ask for; only here they are told apart."""
    from emotion.models.backend import prepare
    from emotion.models.compute import choose, select_device

    gpus = select_device(job.params.resources.device)
    prepare(job.params.training.seed, job.params.resources.threads)
    if isinstance(job.params, CheckpointParams):
        from emotion.job.checkpoints import CheckpointLearner

        compute = choose(job.params.training, gpus)
        return CheckpointLearner(job.params, job.data, job.store, compute, lambda line: listener.note("weights", line))
    from emotion.job.words import WordLearner

    return WordLearner(job.params, job.data)


def _data_record(job: Job) -> DataRecord:
    data = job.data
    return DataRecord(name=data.name, sample=data.sample, labels=data.labels, digests=Digests(**data.digests))


def _fit(job: Job, learner: Learner, listener: Listener) -> "Fitted":
    """Train; history.csv and progress.json follow each epoch, the weights come last."""
    from emotion.models.build import architecture
    from emotion.training.batches import Examples
    from emotion.training.fit import fit
    from emotion.training.step import label_weights

    params = job.params.training
    train, validation = (
        Examples(learner.encode(job.data.splits[name].texts), job.data.encoded(name))
        for name in ("train", "validation")
    )
    write_json(job.run.architecture, architecture(learner.model))
    write_json(job.run.progress, progress_json("training", [], params.epochs))
    weights = label_weights(params, job.data.labels, train.labels)
    recorder = Recorder(job, listener)
    fitted = fit(learner.model, train, validation, params, recorder, weights=weights, compute=learner.compute)
    learner.save(job.run.weights)
    return fitted


def _export(job: Job, learner: Learner, listener: Listener) -> tuple[Classifier, Parity, Int8Scores | None]:
    """Write model/, open it as any reader would, and hold it against the trained model on validation."""
    from emotion.training.fit import Forward

    listener.note("export", "exporting to ONNX and holding it against the trained model on validation")
    texts, labels = job.data.splits["validation"].texts, job.data.encoded("validation")
    threads = job.params.resources.threads or None
    exact = learner.export(job.run.exported, {"run": str(job.run), "data": job.data.name, "sample": job.data.sample})
    classifier = Classifier.load(job.run.exported, threads)
    trained = Forward(exact).predict(learner.encode(texts))
    parity = check_parity(trained, classifier.logits(texts), job.params.export.parity)
    if not (isinstance(job.params, CheckpointParams) and job.params.export.int8):
        return classifier, parity, None
    int8 = quantise(job.run.exported, classifier, texts, labels, threads)
    listener.note("export", f"int8: kept, {int8.speedup:.1f} times as fast" if int8.kept else f"no int8: {int8.reason}")
    return classifier, parity, Int8Scores(**asdict(int8))
