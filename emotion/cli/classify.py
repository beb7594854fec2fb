"""`emotion classify`: labels for the rows of CSV, TSV and JSONL files."""

import os
import time
from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from emotion.classify.model import choose_model
from emotion.classify.shard import Shard
from emotion.classify.tasks import RowListener, Settings, Task, is_stream, list_tasks
from emotion.cli import console
from emotion.cli.console import LogFormat
from emotion.cli.options import DEFAULT_STORE, DEVICE_VARIABLE, Device, LogFormatOption, StoreOption
from emotion.data.text_io import STANDARD_STREAM
from emotion.errors import UsageError
from emotion.store.layout import Store

if TYPE_CHECKING:
    # Not before: --help and mistakes must not wait for onnxruntime.
    from emotion.classify.part_files import ShardResult
    from emotion.onnx.session import Classifier


class OnError(StrEnum):
    """What to do with a row that cannot be classified."""

    KEEP = "keep"
    FAIL = "fail"


class PrecisionName(StrEnum):
    """Which file of a model classifies."""

    FLOAT32 = "float32"
    INT8 = "int8"


class FormatName(StrEnum):
    """Formats of records."""

    CSV = "csv"
    TSV = "tsv"
    JSONL = "jsonl"


def classify(
    source: Annotated[
        Path,
        typer.Argument(metavar="IN", envvar="EMOTION_INPUT", help="A file, a folder, or - for standard input."),
    ],
    output: Annotated[
        Path, typer.Argument(metavar="OUT", envvar="EMOTION_OUTPUT", help="File or folder, or - for standard output.")
    ],
    model: Annotated[
        str | None,
        typer.Option(envvar="EMOTION_MODEL", help="A model's folder or a run [dim](default: the store's best run)[/]."),
    ] = None,
    precision: Annotated[
        PrecisionName, typer.Option(help="int8 is faster, where the model has it: see its metrics.json.")
    ] = PrecisionName.FLOAT32,
    device: Annotated[
        Device,
        typer.Option(envvar=DEVICE_VARIABLE, help="auto takes a GPU where it can, gpu fails without one."),
    ] = Device.AUTO,
    store: StoreOption = DEFAULT_STORE,
    text_column: Annotated[
        str | None, typer.Option(help="Column or key of the text [dim](default: text, or the only one)[/].")
    ] = None,
    all_scores: Annotated[bool, typer.Option("--all-scores", help="Append score_LABEL for each label.")] = False,
    on_error: Annotated[
        OnError, typer.Option(help="Keep rows that cannot be classified, or fail at the first.")
    ] = OnError.KEEP,
    errors: Annotated[
        Path | None, typer.Option(help="List of those rows [dim](default: OUT.errors.csv; for - stderr)[/].")
    ] = None,
    shard: Annotated[
        str | None, typer.Option(metavar="I/N", help="Write part I (0 to N-1); the last to end joins all.")
    ] = None,
    format_name: Annotated[
        FormatName | None, typer.Option("--format", help="Format, where the name does not say it.")
    ] = None,
    encoding: Annotated[str, typer.Option(help="Encoding of the input, and so of the output.")] = "utf-8",
    threads: Annotated[int | None, typer.Option(min=1, help="Cores to use [dim](default: all that it may)[/].")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print a summary as JSON on stdout.")] = False,
    log_format: LogFormatOption = LogFormat.TEXT,
) -> None:
    """Classify the rows of CSV, TSV or JSONL files, also .gz.

    Every column and row is kept, in order; label and score, the label's probability, are appended.
    A row that cannot be classified keeps its place with an empty label; OUT.errors.csv lists it.

    [bold]Examples[/]

      emotion classify tweets.csv labelled.csv

      emotion classify inbox/ labelled/ --model lstm/s42-77ab0e12 --all-scores

      zcat big.tsv.gz | emotion classify - - --format tsv --text-column body > labelled.tsv

      emotion classify huge.csv labelled.csv --shard 0/8   [dim](and 1/8 to 7/8, on any machines)[/]
    """
    started = time.monotonic()
    own_shard = Shard.parse(shard) if shard is not None else None
    tasks = list_tasks(source, output, errors, format_name.value if format_name else None)
    _refuse_streams(tasks[0], own_shard, as_json=as_json)
    if threads is not None:
        os.environ["RAYON_NUM_THREADS"] = str(threads)
    folder = choose_model(model, Store(store))
    # Not before: --help and mistakes must not wait for onnxruntime.
    from emotion.classify.engine import ClosedPipe
    from emotion.onnx.session import Classifier

    classifier = Classifier.load(folder, threads, precision.value, device.value)
    if classifier.device == "gpu":
        console.say("classifying on the GPU")
    settings = Settings(text_column, all_scores, encoding, on_error is OnError.FAIL)
    try:
        outputs = _run(tasks, classifier, settings, own_shard, log_format)
    except ClosedPipe:
        return
    _summarise(classifier, outputs, time.monotonic() - started, as_json=as_json)


def _refuse_streams(task: Task, shard: Shard | None, *, as_json: bool) -> None:
    """Refuse options that make no sense with - (or a device) as input or output."""
    if as_json and task.output == STANDARD_STREAM:
        raise UsageError("--json and OUT - would both write on standard output", "name an output file")
    if shard is not None and any(is_stream(path) for path in (task.source, task.output)):
        raise UsageError("--shard reads its input twice and writes files", "name files or folders")


def _run(
    tasks: list[Task],
    classifier: "Classifier",
    settings: Settings,
    shard: Shard | None,
    log: LogFormat,
) -> list[dict[str, Any]]:
    """Classify all files, report what is unusual, and give the outputs' entries for the summary."""
    from emotion.classify.engine import classify_file
    from emotion.classify.part_files import classify_shard

    def report_error(line: int, reason: str, record: str) -> None:
        if log is LogFormat.JSON:
            console.log_json({"event": "error", "line": line, "reason": reason, "record": record})
        else:
            console.err.out(f"line {line}: {reason}: {record}", highlight=False)

    outputs = []
    with console.meter("classify", "rows", log=log) as meter:
        listener = RowListener(meter.advance, report_error)
        for task in tasks:
            if shard is None:
                outputs.append(_report(task, asdict(classify_file(task, classifier, settings, listener))))
            else:
                result = classify_shard(task, shard, classifier, settings, listener)
                outputs.append(_report(shard.part(task), asdict(result)))
                _report_shard(task, result, shard)
    return outputs


def _report(task: Task, result: dict[str, Any]) -> dict[str, Any]:
    """Report what is unusual about an output; give its entry for the summary."""
    rows, errors, prefixed = (result.pop(name) for name in ("rows", "errors", "prefixed"))
    if not rows:
        console.say(f"no rows in {task.source}" if "skipped" not in result else f"no rows for {task.output}")
    if prefixed:
        console.say(f"{task.source} has a label or score already: the new ones are called predicted_...")
    if errors:
        where = f"see {task.errors}" if task.errors else "they are named above"
        console.warn(f"{errors:,} of {rows:,} rows of {task.source} could not be classified: {where}")
    entry = {"input": str(task.source), "output": str(task.output), "rows": rows, "errors": errors}
    shard = {name: value for name, value in result.items() if name in {"skipped", "missing"}}
    return {**entry, "errors_file": str(task.errors) if errors and task.errors else None, **shard}


def _report_shard(task: Task, result: "ShardResult", shard: Shard) -> None:
    """Report whether the part is new, and whether the whole output is complete."""
    if result.skipped:
        console.say(f"part {shard.index} of {shard.count} was there already: {result.part}")
    if result.missing:
        console.say(f"{len(result.missing)} of {shard.count} parts of {task.output} are still to come")
    else:
        console.say(f"all {shard.count} parts joined in {task.output}; {result.part.parent} may be deleted")


def _summarise(classifier: "Classifier", outputs: list[dict[str, Any]], seconds: float, *, as_json: bool) -> None:
    rows, errors = (sum(entry[name] for entry in outputs) for name in ("rows", "errors"))
    rate = rows / seconds
    if not as_json:
        console.say(f"{rows:,} rows in {seconds:.1f} s ({rate:,.0f} rows/s) with {classifier.graph}")
        return
    figures = {
        "rows": rows,
        "errors": errors,
        "seconds": round(seconds, 3),
        "rows_per_second": round(rate, 1),
        "device": classifier.device,
    }
    model = {"file": str(classifier.graph), "digest": classifier.model_digest, "labels": classifier.labels}
    console.data_json({**figures, "model": model, "outputs": outputs})
