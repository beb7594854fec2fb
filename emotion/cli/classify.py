"""`emotion classify`: labels for the rows of CSV, TSV and JSONL files."""

import os
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from emotion.classify.error_limit import ErrorLimit
from emotion.classify.plan import agree
from emotion.classify.shard import Shard, Share, spread
from emotion.classify.statistics import Statistics
from emotion.classify.tasks import Settings, Task, TaskList, apart_from_stream, is_stream, list_tasks
from emotion.cli import console
from emotion.cli.classify_report import ClassifyReport
from emotion.cli.console import LogFormat
from emotion.cli.options import (
    DEFAULT_STORE,
    DELIMITER_HELP,
    DEVICE_VARIABLE,
    HEADER_HELP,
    QUOTING_HELP,
    Device,
    LogFormatOption,
    QuotingName,
    StoreOption,
)
from emotion.composites.find import choose_model
from emotion.errors import BadDataError, InputMissingError, UsageError
from emotion.formatting import count
from emotion.hardware import usable_cores
from emotion.records.dialect import DialectOptions, parse_delimiter
from emotion.records.text_io import STANDARD_STREAM
from emotion.store.layout import Store

if TYPE_CHECKING:
    # Imported late: --help and usage errors must not wait for onnxruntime.
    from emotion.classify.pool import Pool
    from emotion.composites.predictor import Predictor


class OnError(StrEnum):
    """What to do with a row that cannot be classified."""

    KEEP = "keep"
    FAIL = "fail"


class PrecisionName(StrEnum):
    """Which graph of a model classifies."""

    FLOAT32 = "float32"
    INT8 = "int8"
    FLOAT16 = "float16"
    AUTO = "auto"


class FormatName(StrEnum):
    """Formats of records."""

    CSV = "csv"
    TSV = "tsv"
    JSONL = "jsonl"


def parse_path(text: str) -> Path:
    """Parse the path of a file or folder; `-` is a standard stream, and `./-` is a file."""
    return STANDARD_STREAM if text == "-" else apart_from_stream(Path(text))


def classify(
    source: Annotated[
        Path,
        typer.Argument(
            metavar="IN", parser=parse_path, envvar="EMOTION_INPUT", help="A file, a folder, or - for standard input."
        ),
    ],
    output: Annotated[
        Path,
        typer.Argument(
            metavar="OUT", parser=parse_path, envvar="EMOTION_OUTPUT", help="File or folder, or - for standard output."
        ),
    ],
    model: Annotated[
        str | None,
        typer.Option(
            envvar="EMOTION_MODEL",
            help="A model folder, a run, cascade:CHEAP,DEAR or ensemble:A,B [dim](default: the store's best run)[/].",
        ),
    ] = None,
    precision: Annotated[
        PrecisionName,
        typer.Option(
            envvar="EMOTION_PRECISION",
            help="int8 is faster on a CPU; float16 needs a GPU; auto picks by device and existing files.",
        ),
    ] = PrecisionName.FLOAT32,
    device: Annotated[
        Device,
        typer.Option(envvar=DEVICE_VARIABLE, help="auto uses a GPU if possible; gpu fails without a GPU."),
    ] = Device.AUTO,
    store: StoreOption = DEFAULT_STORE,
    text_column: Annotated[
        str | None,
        typer.Option(envvar="EMOTION_TEXT_COLUMN", help="Column or key of the text [dim](default: text)[/]."),
    ] = None,
    delimiter: Annotated[
        str | None, typer.Option(metavar="CHAR", envvar="EMOTION_DELIMITER", help=DELIMITER_HELP)
    ] = None,
    quoting: Annotated[QuotingName | None, typer.Option(envvar="EMOTION_QUOTING", help=QUOTING_HELP)] = None,
    header: Annotated[bool, typer.Option("--header/--no-header", envvar="EMOTION_HEADER", help=HEADER_HELP)] = True,
    encoding: Annotated[str, typer.Option(envvar="EMOTION_ENCODING", help="Encoding of input and output.")] = "utf-8",
    all_scores: Annotated[
        bool, typer.Option("--all-scores", envvar="EMOTION_ALL_SCORES", help="Append one column score_LABEL per label.")
    ] = False,
    model_column: Annotated[
        bool,
        typer.Option(
            "--model-column", envvar="EMOTION_MODEL_COLUMN", help="Append a column with the model that decided."
        ),
    ] = False,
    on_error: Annotated[
        OnError,
        typer.Option(envvar="EMOTION_ON_ERROR", help="Keep rows that cannot be classified, or fail at the first one."),
    ] = OnError.KEEP,
    max_errors: Annotated[
        str | None,
        typer.Option(
            metavar="N|P%",
            envvar="EMOTION_MAX_ERRORS",
            help="Exit 65 if more rows of a file have no label [dim](default: if all rows have none)[/].",
        ),
    ] = None,
    errors: Annotated[
        Path | None,
        typer.Option(help="List of rows without a label [dim](default: OUT.errors.csv; stderr if OUT is -)[/]."),
    ] = None,
    shard: Annotated[
        str | None,
        typer.Option(metavar="I/N", help="Classify share I (0 to N-1) of all bytes; the last shard joins the parts."),
    ] = None,
    join: Annotated[
        bool, typer.Option("--join/--no-join", envvar="EMOTION_JOIN", help="With --shard: join each file's parts.")
    ] = True,
    plan: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            envvar="EMOTION_PLAN",
            help="With --shard and a folder: name of the shards' common file list.",
        ),
    ] = None,
    format_name: Annotated[
        FormatName | None, typer.Option("--format", help="Format of all files, regardless of their names.")
    ] = None,
    threads: Annotated[int | None, typer.Option(min=1, help="Cores to use [dim](default: all available)[/].")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print a summary as JSON on stdout.")] = False,
    log_format: LogFormatOption = LogFormat.TEXT,
) -> None:
    """Classify the rows of CSV, TSV or JSONL files, compressed (.gz) or not.

    Rows keep their bytes and order.
    Two cells are appended: label, and score, the label's probability.
    A row that cannot be classified gets an empty label and a line in OUT.errors.csv.
    --delimiter, --quoting and --no-header do not apply to JSONL files.
    Exits 65 if no row of a file has a label.

    A cascade classifies every row with its cheap model.
    Its dear model classifies rows again that score below a threshold: cascade:CHEAP,DEAR@0.9.
    Without @, the threshold is the lowest within 0.1 points of DEAR's accuracy on validation.
    An ensemble averages its models' probabilities.
    CHEAP, DEAR, A and B are folders or runs.

    [bold]Examples[/]

      emotion classify tweets.csv labelled.csv

      emotion classify inbox/ labelled/ --model lstm/s42-77ab0e12 --all-scores

      emotion classify tweets.csv labelled.csv --model cascade:lstm/s42-77ab0e12,minilm/s42-0c1d2e3f --model-column

      zcat big.tsv.gz | emotion classify - - --format tsv --text-column body > labelled.tsv

      emotion classify huge.csv labelled.csv --shard 0/8   [dim](and 1/8 to 7/8, on any machines)[/]
    """
    own_shard = Shard.parse(shard) if shard is not None else None
    options = DialectOptions(
        parse_delimiter(delimiter) if delimiter is not None else None,
        quoting.value if quoting is not None else None,
        header,
        encoding,
    )
    limit = ErrorLimit.parse(max_errors) if max_errors is not None else ErrorLimit()
    found = list_tasks(source, output, errors, format_name.value if format_name else None)
    if format_name is FormatName.JSONL or not source.is_dir():
        _refuse_dialect(found.tasks[0], options)
    _refuse_streams(found.tasks[0], own_shard, as_json=as_json)
    shares = _shares(found, source, output, own_shard, plan)
    cores = threads or usable_cores()
    # numpy starts threads that nobody needs; the tokenizers need one per core.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    os.environ["RAYON_NUM_THREADS"] = str(threads or os.environ.get("RAYON_NUM_THREADS") or cores)
    chosen = choose_model(model, Store(store))
    # Imported late: --help and usage errors must not wait for onnxruntime.
    from emotion.classify.engine import ClosedPipe
    from emotion.classify.pool import open_pool
    from emotion.classify.precision import load_predictor

    predictor = load_predictor(chosen, cores, precision.value, device.value, shard=own_shard is not None)
    if predictor.device == "gpu":
        console.say("classifying on the GPU")
    settings = Settings(text_column, all_scores, model_column, on_error is OnError.FAIL, options, limit)
    with open_pool(predictor, cores) as pool, console.meter("classify", "rows", log=log_format) as meter:
        report = ClassifyReport(meter.advance, found, log_format)
        try:
            _classify_all(shares, predictor, settings, own_shard, report, pool, join=join)
        except ClosedPipe:
            return
    report.summarize(predictor, as_json=as_json)
    report.raise_failure()


def _shares(found: TaskList, source: Path, output: Path, shard: Shard | None, plan: str | None) -> list[Share]:
    """Give the files and parts of files that this process classifies."""
    if shard is None:
        return [Share(task, Shard(0, 1)) for task in found.tasks]
    if not source.is_dir():
        return [Share(found.tasks[0], shard)]
    files, later = agree(found, source, output, shard.count, plan)
    if later:
        console.warn(
            f"skipping {count(len(later), 'file')} that came after the first shard began, such as {min(later)}"
        )
    shares = spread(files, shard)
    if not shares:
        console.say(f"nothing to do: there are more shards than parts of {count(len(files), 'file')}")
    return shares


def _refuse_dialect(task: Task, options: DialectOptions) -> None:
    """Refuse options that do not apply to JSONL. In a folder of several formats they apply to the other files."""
    given = {"--delimiter": options.delimiter, "--quoting": options.quoting, "--no-header": not options.header}
    names = [name for name, value in given.items() if value]
    if names and task.format == "jsonl":
        raise UsageError(
            f"{task.source} is JSONL, which has no delimiter, quoting or header: {' and '.join(names)} cannot apply",
            "leave out these options, or name another format with --format",
        )


def _refuse_streams(task: Task, shard: Shard | None, *, as_json: bool) -> None:
    """Refuse options that make no sense with - (or a device) as input or output."""
    if as_json and task.output == STANDARD_STREAM:
        raise UsageError("--json and OUT - would both write to standard output", "name an output file")
    if shard is not None and any(is_stream(path) for path in (task.source, task.output)):
        raise UsageError(
            "--shard needs files: every shard opens the input and writes its own part", "name files or folders"
        )


def _classify_all(
    shares: list[Share],
    predictor: "Predictor",
    settings: Settings,
    shard: Shard | None,
    report: ClassifyReport,
    pool: "Pool | None",
    *,
    join: bool,
) -> None:
    """Classify all files and report on them. In a folder, a bad file does not stop the others.

    Raises:
        BadDataError, InputMissingError: the only file is bad.
    """
    from emotion.classify.engine import classify_file
    from emotion.classify.part_files import classify_part

    for share in shares:
        task = share.task
        try:
            if shard is None:
                result = classify_file(task, predictor, settings, report.listener, pool=pool)
                report.add(task, result.counts, prefixed=result.prefixed)
                whole: Statistics | None = result.counts
            else:
                part = classify_part(share, predictor, settings, report.listener, pool, join=join)
                report.add_part(share, part, joined=join)
                whole = part.whole
            if whole is not None:
                settings.limit.check(task.source, task.errors, whole)
        except (BadDataError, InputMissingError) as error:
            report.add_failure(task.source, error)
