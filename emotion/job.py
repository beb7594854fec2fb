"""One training job from labelled text to metrics.json: fit, export, evaluate, in one run folder."""

import resource
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from emotion.data.dataset import Dataset, load_dataset
from emotion.errors import BadParametersError
from emotion.evaluation.evaluate import evaluate_run
from emotion.evaluation.record import DataRecord, Digests, Metrics, OnnxScores, Parameters, Seconds, read_metrics
from emotion.files import cannot_write, write_bytes, write_json, write_text
from emotion.onnx.parity import Parity, check_parity
from emotion.onnx.session import Classifier
from emotion.params import Params
from emotion.provenance import provenance
from emotion.store import Run, Store, read_json
from emotion.text.wordlevel import coverage, encode, learn_tokenizer
from emotion.training.progress import Epoch, Listener, history_csv, progress_json

if TYPE_CHECKING:
    from tokenizers import Tokenizer

    from emotion.training.fit import Fitted


@dataclass(frozen=True)
class Job:
    """A training job that is settled: what it trains on, by which parameters, and where it goes."""

    params: Params
    data: Dataset
    run: Run
    digest: str

    @property
    def size(self) -> str:
        """Rows a split, for people."""
        rows = ", ".join(f"{len(split):,} {name}" for name, split in self.data.splits.items())
        return f"{rows} rows, {len(self.data.labels)} labels"

    def complete(self) -> Metrics | None:
        """The metrics, where the run is complete.

        Raises:
            BadDataError: metrics.json is there and damaged.
        """
        return read_metrics(self.run.metrics) if self.run.complete else None


def plan_job(params: Params, data: Path, store: Store, name: str | None) -> Job:
    """Read the data and settle the run's name; the same parameters and data find the same run.

    Raises:
        BadParametersError: the named run exists with other parameters or other data.
    """
    dataset = load_dataset(data, params.data)
    digest = params.digest(*dataset.digests.values())
    run = store.run(params.model.name, name or f"s{params.training.seed}-{digest[:8]}")
    job = Job(params, dataset, run, digest)
    if run.params.exists():
        _check_same(job)
    return job


def _check_same(job: Job) -> None:
    """Raise BadParametersError, naming what differs, if the run's folder is that of another job."""
    stored = read_json(job.run.params)
    if stored.get("digest") == job.digest:
        return
    mine, theirs = _flat(_identity(job)), _flat({key: stored.get(key) for key in _identity(job)})
    different = [
        f"  {key}: {theirs.get(key, 'absent')} there, {mine.get(key, 'absent')} here"
        for key in sorted(mine.keys() | theirs.keys())
        if mine.get(key) != theirs.get(key) and not key.startswith("params.resources")
    ]
    raise BadParametersError(
        f"the run {job.run} exists and was made otherwise:\n" + "\n".join(different),
        "choose another --run name, or remove it: emotion runs rm " + str(job.run),
    )


def _identity(job: Job) -> dict[str, Any]:
    return {"params": job.params.model_dump(), "data": {"digests": job.data.digests}}


def _flat(content: Any, prefix: str = "") -> dict[str, Any]:
    if not isinstance(content, dict):
        return {prefix: content}
    return {
        key: value
        for name, inner in content.items()
        for key, value in _flat(inner, f"{prefix}.{name}".lstrip(".")).items()
    }


def run_job(job: Job, listener: Listener, warn: Callable[[str], None]) -> Metrics:
    """Train, export and evaluate; metrics.json is written last.

    Raises:
        CheckFailedError: the exported model does not give what the trained one gives.
        CannotWriteError: the store cannot be written.
    """
    from emotion.models.backend import prepare

    started = time.monotonic()
    write_json(job.run.params, {"digest": job.digest, **_identity(job), **provenance()})
    prepare(job.params.training.seed, job.params.resources.threads)
    tokenizer = learn_tokenizer(job.data.splits["train"].texts, job.params.text)
    for warning in coverage(tokenizer, job.data.splits["validation"].texts).warnings():
        warn(warning)
    fitting = time.monotonic()
    model, fitted = _fit(job, tokenizer, listener)
    exporting = time.monotonic()
    classifier, parity = _export(job, model, tokenizer)
    evaluating = time.monotonic()
    scores = evaluate_run(job.run, job.data, classifier)
    spent = Seconds(load=fitting - started, export=evaluating - exporting, evaluation=time.monotonic() - evaluating)
    metrics = Metrics(
        model=job.run.model,
        run=job.run.name,
        seed=job.params.training.seed,
        finished_at=datetime.now(UTC).isoformat(timespec="microseconds"),
        data=DataRecord(
            name=job.data.name, sample=job.data.sample, labels=job.data.labels, digests=Digests(**job.data.digests)
        ),
        training_seconds=fitted.seconds,
        seconds=spent,
        epochs=len(fitted.epochs),
        best_epoch=fitted.best.epoch,
        parameters=_parameters(model),
        train=scores.train,
        validation=scores.validation,
        test=scores.test,
        onnx=_onnx_scores(job.run, parity, scores.rows_per_second),
        peak_memory_bytes=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
        samples_per_second=fitted.samples_per_second,
    )
    write_json(job.run.progress, progress_json("complete", fitted.epochs, job.params.training.epochs))
    write_json(job.run.metrics, metrics.model_dump(mode="json"))
    return metrics


def _fit(job: Job, tokenizer: "Tokenizer", listener: Listener) -> tuple[Any, "Fitted"]:
    """Train a new model; history.csv and progress.json follow each epoch."""
    from emotion.models.build import architecture, build_model
    from emotion.training.batches import Examples
    from emotion.training.fit import fit

    train, validation = (
        Examples(encode(tokenizer, job.data.splits[name].texts), job.data.encoded(name))
        for name in ("train", "validation")
    )
    model = build_model(job.params, tokenizer.get_vocab_size(), len(job.data.labels))
    write_json(job.run.architecture, architecture(model))
    write_json(job.run.progress, progress_json("training", [], job.params.training.epochs))
    fitted = fit(model, train, validation, job.params.training, _Recorder(job, listener))
    _save_weights(model, job.run.weights / "model.weights.h5")
    return model, fitted


def _save_weights(model: Any, path: Path) -> None:
    """Write Keras' weights. HDF5 ends the process where its disk is full: it gets one of its own."""
    try:
        with tempfile.TemporaryDirectory() as folder:
            draft = Path(folder) / path.name
            model.save_weights(draft)
            content = draft.read_bytes()
    except OSError as error:
        raise cannot_write(Path(tempfile.gettempdir()), error) from error
    write_bytes(path, content)


class _Recorder:
    """Writes what a listener is told into the run's folder, and passes it on."""

    def __init__(self, job: Job, listener: Listener) -> None:
        self.job, self.listener = job, listener
        self.epochs: list[Epoch] = []
        self.on_start, self.on_rows = listener.on_start, listener.on_rows

    def on_epoch(self, epoch: Epoch) -> None:
        """Write history.csv and progress.json."""
        self.epochs.append(epoch)
        write_text(self.job.run.history, history_csv(self.epochs))
        total = self.job.params.training.epochs
        write_json(self.job.run.progress, progress_json("training", self.epochs, total))
        self.listener.on_epoch(epoch)


def _export(job: Job, model: Any, tokenizer: "Tokenizer") -> tuple[Classifier, Parity]:
    """Write model/, open it as any reader would, and hold it against the trained model on validation."""
    from emotion.onnx.export import export_model
    from emotion.training.fit import predict

    texts = job.data.splits["validation"].texts
    card = {"run": str(job.run), "data": job.data.name, "sample": job.data.sample}
    export_model(job.run.exported, model, tokenizer, job.data.labels, job.params, card)
    classifier = Classifier.load(job.run.exported, job.params.resources.threads or None)
    trained = predict(model, encode(tokenizer, texts))
    return classifier, check_parity(trained, classifier.logits(texts), job.params.export.parity)


def _parameters(model: Any) -> Parameters:
    from emotion.models.build import count_parameters

    return Parameters(**count_parameters(model))


def _onnx_scores(run: Run, parity: Parity, rows_per_second: float) -> OnnxScores:
    return OnnxScores(
        bytes=(run.exported / "model.onnx").stat().st_size,
        max_abs_logit_diff=parity.max_abs_logit_diff,
        label_agreement=parity.label_agreement,
        rows_per_second=rows_per_second,
    )
