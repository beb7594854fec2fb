"""`emotion train`: fit, export and evaluate one model."""

from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from emotion.cli import console
from emotion.cli.console import LogFormat
from emotion.cli.options import (
    DEFAULT_STORE,
    Encoding,
    JsonOption,
    LabelColumn,
    StoreOption,
    TextColumn,
    data_overrides,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from emotion.evaluation.metrics_file import Int8Scores, Metrics
    from emotion.training.progress import Epoch, TrainingProgress


def train(
    model: Annotated[str, typer.Argument(help="Which model: see [bold]emotion models[/].")],
    data: Annotated[Path, typer.Option("--data", help="Folder with train, validation and test, or one file to split.")],
    store: StoreOption = DEFAULT_STORE,
    params: Annotated[Path | None, typer.Option("--params", help="params.toml instead of the model's own.")] = None,
    overrides: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="TABLE.KEY=VALUE", help="Override one parameter; repeatable."),
    ] = None,
    run: Annotated[
        str | None, typer.Option("--run", help="The run's name (default: from seed, parameters, data).")
    ] = None,
    seed: Annotated[int | None, typer.Option("--seed", help="Same as --set training.seed=N.")] = None,
    text_column: TextColumn = None,
    label_column: LabelColumn = None,
    encoding: Encoding = None,
    deterministic: Annotated[
        bool, typer.Option("--deterministic", help="The same bits every time: --set training.deterministic=true.")
    ] = False,
    max_memory: Annotated[
        str | None,
        typer.Option(metavar="SIZE", help="Split batches to fit, such as 6G [dim](default: what is free)[/]."),
    ] = None,
    checkpoint_every: Annotated[
        str | None, typer.Option(metavar="TIME", help='"30s", "5m" or "200 steps" [dim](default: 1m)[/].')
    ] = None,
    log: Annotated[LogFormat, typer.Option("--log-format", help="How progress is told.")] = LogFormat.TEXT,
    as_json: JsonOption = False,
) -> None:
    """Train one model: fit, export to ONNX, evaluate the exported file.

    The same command finds the same run: it goes on from its last checkpoint, and where it is complete, nothing is
    done. SIGTERM and Ctrl-C write a checkpoint first. With TF_CONFIG, or EMOTION_WORKERS and EMOTION_SERVICE in an
    Indexed Job, several workers train together.

    [bold]Examples[/]

      emotion train ann --data data/emotion --store store

      emotion train minilm --data data/emotion --set training.epochs=2

      emotion train bert --data data/emotion --set model.checkpoint=FacebookAI/roberta-base

      emotion train lstm --data reviews.csv --text-column review --label-column stars --seed 2

      emotion train ann --data data/emotion --set training.epochs=5 --set training.batch_size=128

      emotion train bert --data data/emotion --max-memory 6G --checkpoint-every 5m
    """
    from emotion.models.registry import params_file
    from emotion.params.toml import load_params
    from emotion.runs.plan import plan_job
    from emotion.runs.train_job import cleaned, train_job
    from emotion.store.layout import Store

    options = {
        "training.seed": seed,
        "training.deterministic": "true" if deterministic else None,
        "resources.max_memory": max_memory,
        "resources.checkpoint_every": checkpoint_every,
    }
    named = [f"{key}={value}" for key, value in options.items() if value is not None]
    changes = [*data_overrides(text_column, label_column, encoding), *(overrides or []), *named]
    resolved = load_params(model, params or params_file(model), changes)
    job = plan_job(resolved, data, Store(store), run)
    metrics = job.complete()
    listener = Listener(log)
    if metrics is None:
        listener.note("start", f"training {job.run} on {job.data.name}: {job.size}")
    if metrics is None or not cleaned(job):
        metrics = train_job(job, listener)
    else:
        listener.note("complete", f"{job.run} is complete: nothing to do (emotion runs rm {job.run} removes it)")
    if metrics is not None:
        _report(metrics, job.run.folder, listener, as_json=as_json)


def _report(metrics: "Metrics", folder: Path, listener: "Listener", *, as_json: bool) -> None:
    """Print what the run is worth."""
    from emotion.comparison.table import SAMPLE_NOTE
    from emotion.formatting import duration

    if as_json:
        console.data_json(metrics.model_dump(mode="json"))
        return
    low, high = metrics.test.accuracy_ci95
    test, onnx = metrics.test, metrics.onnx
    rows = [
        ("training time", f"{duration(metrics.training_seconds)}, best epoch {metrics.best_epoch} of {metrics.epochs}"),
        ("train", f"accuracy {metrics.train.accuracy:.4f}, loss {metrics.train.loss:.4f}"),
        ("validation", f"accuracy {metrics.validation.accuracy:.4f}, loss {metrics.validation.loss:.4f}"),
        ("test", f"accuracy {test.accuracy:.4f} ({low:.3f} to {high:.3f}), macro-F1 {test.macro_f1:.4f}"),
        ("ONNX", f"{onnx.bytes / 1e6:.1f} MB, {onnx.rows_per_second:,.0f} rows/s"),
        ("ONNX parity", f"logits within {onnx.max_abs_logit_diff:.0e}, {onnx.label_agreement:.0%} of labels equal"),
        *([("ONNX int8", _int8(onnx.int8))] if onnx.int8 else []),
        ("peak memory", f"{metrics.peak_memory_bytes / 1e9:.1f} GB"),
        ("folder", str(folder)),
    ]
    console.table(f"{metrics.model}/{metrics.run} on {metrics.data.name}", ["", ""], rows, numbers=0)
    if metrics.data.sample:
        listener.note("warning", SAMPLE_NOTE)


def _int8(scores: "Int8Scores") -> str:
    if not scores.kept:
        return f"not kept: {scores.reason}"
    return (
        f"{scores.bytes / 1e6:.1f} MB, {scores.speedup:.1f} times the rows/s, {scores.label_agreement:.2%} of labels"
        f" equal, accuracy {scores.accuracy_change:+.4f} on validation"
    )


class Listener:
    """Tells a person, or a log, how training goes: a line an epoch, and a bar within it on a terminal."""

    def __init__(self, log: LogFormat) -> None:
        self.log = log
        self.rows = 0
        self.done = 0
        self.open = ExitStack()
        self.meter: console.Meter | None = None

    def note(self, event: str, message: str) -> None:
        """Tell something beside the epochs: the start, or a warning."""
        if self.log is LogFormat.JSON:
            console.log_json({"event": event, "message": message})
        elif event == "warning":
            console.warn(message)
        else:
            console.say(message)

    def on_start(self, standing: "TrainingProgress", rows: int, _: "Sequence[Epoch]") -> None:
        """Remember how much there is to do, and how much of the first epoch is done."""
        self.rows = rows
        self.done = round(standing.step * standing.epochs / standing.steps % 1 * rows)

    def on_step(self, standing: "TrainingProgress", rows: int) -> None:
        """Move the bar of this epoch."""
        from emotion.formatting import duration

        if self.meter is None:
            what = f"epoch {standing.epoch}/{standing.epochs}"
            self.meter = self.open.enter_context(
                console.meter(what, "rows", total=self.rows, done=self.done, log=self.log)
            )
            self.done = 0
        places = {"epoch": standing.epoch, "epochs": standing.epochs, "step": standing.step, "steps": standing.steps}
        self.meter.advance(rows, f"loss {standing.loss:.4f}, {duration(standing.seconds_left)} left", **places)

    def on_epoch(self, standing: "TrainingProgress", epoch: "Epoch") -> None:
        """Close the bar, print the epoch's line."""
        self._close()
        if self.log is LogFormat.JSON:
            console.log_json({"event": "epoch", "epochs": standing.epochs, **asdict(epoch)})
        else:
            console.say(self._line(standing.epochs, epoch))

    def on_checkpoint(self, standing: "TrainingProgress", seconds: float) -> None:
        """Tell programs; a person looks at `emotion runs show`."""
        if self.log is LogFormat.JSON:
            console.log_json({"event": "checkpoint", "step": standing.step, "seconds": round(seconds, 3)})

    def _close(self) -> None:
        self.open.close()
        self.meter = None

    @staticmethod
    def _line(epochs: int, epoch: "Epoch") -> str:
        from emotion.formatting import duration

        mark = " *" if epoch.best else "  "
        return (
            f"epoch {epoch.epoch:>{len(str(epochs))}}/{epochs}{mark}"
            f" loss {epoch.loss:.4f}  accuracy {epoch.accuracy:.4f}"
            f"  val. loss {epoch.validation_loss:.4f}  val. accuracy {epoch.validation_accuracy:.4f}"
            f"  {epoch.samples_per_second:,.0f} samples/s  {duration(epoch.seconds_left)} left"
        )
