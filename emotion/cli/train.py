"""`emotion train`: fit, export and evaluate one model."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from emotion.cli import console
from emotion.cli.console import LogFormat
from emotion.cli.option_groups import with_option_groups
from emotion.cli.options import (
    DEFAULT_STORE,
    DEVICE_VARIABLE,
    DataOptions,
    Device,
    JsonOption,
    LogFormatOption,
    ParamsOption,
    StoreOption,
    TeacherOptions,
)
from emotion.cli.progress_reporter import ProgressReporter
from emotion.errors import UsageError
from emotion.formatting import duration
from emotion.reader import runs_command
from emotion.signals import stopped_by

if TYPE_CHECKING:
    from emotion.evaluation.metrics_file import Float16Scores, Int8Scores, Metrics


@with_option_groups
def train(
    *,
    data: Annotated[
        Path,
        typer.Option(
            "--data", envvar="EMOTION_DATA", help="Folder with train, validation and test, or one file to split."
        ),
    ],
    model: Annotated[
        str | None,
        typer.Argument(
            metavar="MODEL",
            help="Which model: see [bold]emotion models[/] [dim](default: the model that --params names)[/].",
        ),
    ] = None,
    store: StoreOption = DEFAULT_STORE,
    params: ParamsOption = None,
    overrides: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="TABLE.KEY=VALUE", help="Override one parameter; repeatable."),
    ] = None,
    run: Annotated[
        str | None,
        typer.Option(
            "--run", envvar="EMOTION_RUN", help="The run's name [dim](default: from seed, parameters, data)[/]."
        ),
    ] = None,
    device: Annotated[
        Device | None,
        typer.Option(
            envvar=DEVICE_VARIABLE,
            help="auto uses GPUs if possible; gpu fails without a GPU. --set resources.device= wins.",
        ),
    ] = None,
    seed: Annotated[int | None, typer.Option("--seed", help="Same as --set training.seed=N.")] = None,
    options: DataOptions,
    teacher: TeacherOptions,
    deterministic: Annotated[
        bool,
        typer.Option(
            "--deterministic", help="Reproduce results bit by bit: same as --set training.deterministic=true."
        ),
    ] = False,
    max_memory: Annotated[
        str | None,
        typer.Option(
            metavar="SIZE", help="Split batches to fit this memory, such as 6G [dim](default: free memory)[/]."
        ),
    ] = None,
    checkpoint_every: Annotated[
        str | None, typer.Option(metavar="TIME", help='Interval: "30s", "5m" or "200 steps" [dim](default: 1m)[/].')
    ] = None,
    points: Annotated[
        Path | None, typer.Option("--points", envvar="EMOTION_POINTS", hidden=True, help="The points of a sweep.")
    ] = None,
    point: Annotated[
        int | None, typer.Option("--point", hidden=True, help="Index of the point to train, from 0.")
    ] = None,
    in_sweep: Annotated[
        bool, typer.Option("--in-sweep", hidden=True, help="Give no hint how to resume: the sweep gives one.")
    ] = False,
    log: LogFormatOption = LogFormat.TEXT,
    as_json: JsonOption = False,
) -> None:
    """Train one model: fit, export to ONNX, evaluate the exported file.

    The same command finds the same run and resumes from its last checkpoint.
    If the run is complete, the command does nothing.
    SIGTERM and Ctrl-C write a checkpoint first.
    Several workers train together if TF_CONFIG is set, or EMOTION_WORKERS and EMOTION_SERVICE in an Indexed Job.

    [bold]Examples[/]

      emotion train ann --data data/emotion --store store

      emotion train minilm --data data/emotion --set training.epochs=2

      emotion train bert --data data/emotion --set model.checkpoint=FacebookAI/roberta-base

      emotion train --params jobs/lstm/params.toml --data data/emotion

      emotion train lstm --data reviews.csv --text-column review --label-column stars --seed 2

      emotion train ann --data data/emotion --set training.epochs=5 --set training.batch_size=128

      emotion train lstm --data data/emotion --teacher minilm/s1-0a1b2c3d --unlabelled more.csv

      emotion train bert --data data/emotion --max-memory 6G --checkpoint-every 5m
    """
    from emotion.data.dataset import describe_files
    from emotion.data.label_warnings import find_warnings
    from emotion.models.registry import params_file
    from emotion.params.grid import read_point
    from emotion.params.toml import load_params
    from emotion.runs.plan import plan_job
    from emotion.runs.train_job import cleaned, train_job
    from emotion.store.layout import Store

    settings = {
        "training.seed": seed,
        "training.deterministic": "true" if deterministic else None,
        "resources.max_memory": max_memory,
        "resources.checkpoint_every": checkpoint_every,
    }
    changes = [
        *options.overrides,
        *teacher.overrides,
        # A Job's EMOTION_DEVICE is a default: --set overrides it.
        *([] if device is None else [f"resources.device={device}"]),
        *(overrides or []),
        *(f"{key}={value}" for key, value in settings.items() if value is not None),
    ]
    if point is not None:
        if points is None:
            raise UsageError("--point needs --points", "name the file with the sweep's points")
        chosen = read_point(points, point)
        changes += chosen.overrides
        run = run or chosen.run or None
    name = model or _model_of(params)
    job = plan_job(load_params(name, params or params_file(name), changes), data, Store(store), run)
    metrics = job.complete()
    reporter = ProgressReporter(log)
    if metrics is None or not cleaned(job):
        try:
            if metrics is None:
                reporter.note("start", f"training {job.run} on {job.data.name}: {job.size}")
                for line in describe_files(data, job.params.data):
                    reporter.note("data", line)
                for warning in find_warnings(job.data.splits):
                    reporter.note("warning", warning)
            metrics = train_job(job, reporter)
        except BaseException as error:
            if signal := stopped_by(error):
                reporter.stopped(signal, earlier_checkpoint=any(job.run.checkpoints.glob("*.json")), hint=not in_sweep)
            raise
    else:
        removal = runs_command(f"rm {job.run}", job.store.folder)
        reporter.note("complete", f"{job.run} is complete: nothing to do ({removal} removes it)")
    if metrics is not None:
        _report(metrics, job.run.folder, reporter, as_json=as_json)


def _model_of(params: Path | None) -> str:
    """Find the model in the parameter file if the command line has no MODEL.

    Raises:
        UsageError: there is no file, or it names no model.
        InputMissingError, BadParametersError: the file cannot be read.
    """
    from emotion.params.toml import read_model_name

    if params is None:
        raise UsageError("no model is named", "give MODEL or --params FILE; `emotion models` lists the models")
    name = read_model_name(params)
    if not name:
        raise UsageError(
            f"{params} names no model",
            f"use emotion train MODEL --params {params}, or add name = ... below [model] in the file",
        )
    return name


def _report(metrics: "Metrics", folder: Path, reporter: ProgressReporter, *, as_json: bool) -> None:
    """Print the run's figures: a table, or metrics.json."""
    from emotion.comparison.table import SAMPLE_NOTE

    if as_json:
        console.data_json(metrics.model_dump(mode="json"))
        return
    low, high = metrics.test.accuracy_ci95
    test, onnx = metrics.test, metrics.onnx
    rows = [
        ("training time", f"{duration(metrics.training_seconds)}, {_choice(metrics)}"),
        ("train", f"accuracy {metrics.train.accuracy:.4f}, loss {metrics.train.loss:.4f}"),
        ("validation", f"accuracy {metrics.validation.accuracy:.4f}, loss {metrics.validation.loss:.4f}"),
        (
            "test",
            f"accuracy {test.accuracy:.4f} ({low:.3f} to {high:.3f}), macro-F1 {test.macro_f1:.4f}{_labels(metrics)}",
        ),
        ("ONNX", f"{onnx.bytes / 1e6:.1f} MB, {onnx.rows_per_second:,.0f} rows/s"),
        ("ONNX parity", f"logits within {onnx.max_abs_logit_diff:.0e}, {onnx.label_agreement:.0%} of labels equal"),
        *([("ONNX int8", _graph(onnx.int8, f"{onnx.int8.speedup:.1f} times the rows/s"))] if onnx.int8 else []),
        *([("ONNX float16", _graph(onnx.float16, f"on the {onnx.float16.device.upper()}"))] if onnx.float16 else []),
        ("peak memory", f"{metrics.peak_memory_bytes / 1e9:.1f} GB"),
        ("folder", str(folder)),
    ]
    console.table(f"{metrics.model}/{metrics.run} on {metrics.data.name}", ["", ""], rows, numbers=0)
    if metrics.data.sample:
        reporter.note("warning", SAMPLE_NOTE)


def _choice(metrics: "Metrics") -> str:
    """Describe the choice on validation: an epoch, or one of several candidates."""
    if (chosen := metrics.chosen) is None:
        return f"best epoch {metrics.best_epoch} of {metrics.epochs}"
    return f"best of {len(metrics.candidates)}: {chosen.classifier}, C = {chosen.c:g}, {chosen.features}"


def _labels(metrics: "Metrics") -> str:
    """Describe how many labels macro-F1 on test covers, unless it covers all."""
    if not metrics.absent_labels(metrics.test):
        return ""
    return f" over {len(metrics.test.macro_f1_labels or []):,} of {len(metrics.data.labels):,} labels"


def _graph(scores: "Int8Scores | Float16Scores", more: str) -> str:
    if not scores.kept:
        return f"not kept: {scores.reason}"
    return (
        f"{scores.bytes / 1e6:.1f} MB, {more}, {scores.label_agreement:.2%} of labels equal, accuracy"
        f" {scores.accuracy_change:+.4f} on validation"
    )
