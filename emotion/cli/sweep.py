"""`emotion sweep`: trains a model with every combination of parameters and seeds, here or on a cluster."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import IO, TYPE_CHECKING, Annotated

import typer

from emotion.cli import console
from emotion.cli.cluster_options import GpuResource, Gpus, MaxParallel, PodOptions, Queue, Seeds, Spot, Yes
from emotion.cli.console import LogFormat
from emotion.cli.option_groups import with_option_groups
from emotion.cli.options import DEFAULT_STORE, JsonOption, LogFormatOption, ParamsOption, StoreOption
from emotion.cli.progress_reporter import ProgressReporter
from emotion.cli.submit import submit_jobs
from emotion.cli.sweep_report import show_sweep, sweep_record
from emotion.cluster.labels import GPU
from emotion.errors import ExitCode, Terminated, UsageError
from emotion.formatting import count
from emotion.models.registry import MODELS, params_file
from emotion.reader import same_command
from emotion.signals import SIGNALS, DeferredSignals, stopped_by

if TYPE_CHECKING:
    from emotion.comparison.sweep import Result
    from emotion.params.grid import Point

# After these codes every other point would fail too. Divergence and unfit parameters concern one point: the parameters
# that all points share are checked before. k8s/components/sweep has the same codes.
FINAL = {code for code in ExitCode if code.permanent} - {ExitCode.CHECK_FAILED, ExitCode.BAD_PARAMETERS}
# The command line; its script may not be on the PATH.
EMOTION = "from emotion.cli.main import main; main()"
# These variables would give every point the same run, or make it wait for workers: a point trains in one process.
OTHER_RUNS = ("EMOTION_RUN", "EMOTION_POINTS", "EMOTION_WORKERS", "TF_CONFIG")


@with_option_groups
def sweep(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="Which model: see [bold]emotion models[/].")],
    *,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="TABLE.KEY=A,B", help="Values of one parameter; repeatable, for a grid."),
    ] = None,
    seeds: Seeds = "",
    data: Annotated[
        str | None,
        typer.Option(
            metavar="PATH",
            envvar="EMOTION_DATA",
            help="Data as for train; with --cluster, data as for submit [dim](default: emotion)[/].",
        ),
    ] = None,
    store: StoreOption = DEFAULT_STORE,
    params: ParamsOption = None,
    in_cluster: Annotated[
        bool,
        typer.Option(
            "--cluster", help="Train on a cluster: one Indexed Job with a pod per point. The options below need it."
        ),
    ] = False,
    max_parallel: MaxParallel = None,
    gpus: Gpus = None,
    gpu_resource: GpuResource = GPU,
    queue: Queue = None,
    spot: Spot = False,
    cluster: PodOptions,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the points, or the YAML; train nothing.")] = False,
    yes: Yes = False,
    wait: Annotated[bool, typer.Option("--follow/--no-follow", help="Follow the job until it ends.")] = True,
    log: LogFormatOption = LogFormat.TEXT,
    as_json: JsonOption = False,
) -> None:
    """Train every combination of values and seeds, and compare them on validation.

    A point is one combination of values, and an ordinary run.
    [bold]emotion train[/] and [bold]submit[/] with the same parameters find this run.
    [bold]aggregate[/] compares the runs of all points.
    The same command resumes.
    With more values or seeds, the command trains only new points.
    Without --cluster, the points train one after the other.
    Values with commas need quotes: [dim]'"a,b"'[/].

    [bold]Examples[/]

      emotion sweep ann --data data/emotion --set training.learning_rate=5e-4,1e-3,2e-3 --seeds 1-3

      emotion sweep lstm --data data/emotion --set model.units=64,128 --set training.label_smoothing=0,0.1

      emotion sweep distilbert --cluster --set training.learning_rate=2e-5,3e-5,5e-5 --seeds 1-3 --max-parallel 4
    """
    from emotion.params.grid import load_grid, parse_points

    if model not in MODELS:
        raise UsageError(f"{model} is not a model", f"the models are {', '.join(MODELS)}")
    points = parse_points(settings or [], seeds)
    if in_cluster:
        # EMOTION_PARAMS and EMOTION_DATA are paths on this machine: pods cannot read them.
        if params is not None and str(params) != os.environ.get("EMOTION_PARAMS"):
            raise UsageError(
                "--params is a file on this machine, and --cluster trains in pods",
                f"change jobs/{model}/params.toml, or use --set",
            )
        spec = replace(
            cluster.job_spec(model),
            data=_data_set(data),
            gpus=gpus,
            gpu_resource=gpu_resource,
            queue=queue,
            spot=spot,
            points=tuple(points),
            max_parallel=max_parallel,
        )
        raise typer.Exit(submit_jobs(cluster, [spec], dry_run=dry_run, yes=yes, wait=wait, as_json=as_json))
    if data is None:
        raise UsageError("no data is named", "give --data PATH: a folder with train, validation and test, or one file")
    load_grid(model, params or params_file(model), points)
    if dry_run:
        if as_json:
            console.data_json([asdict(point) for point in points])
        else:
            console.data("\n".join(map(str, points)))
        return
    options = [
        "--data",
        data,
        "--store",
        str(store),
        "--log-format",
        log,
        *(["--params", str(params)] if params else []),
    ]
    results, code = _train_points(model, points, options, ProgressReporter(log))
    if as_json:
        console.data_json(sweep_record(model, results))
    else:
        show_sweep(model, results)
    raise typer.Exit(code)


def _data_set(data: str | None) -> str:
    """Name the data set in the cluster's store: EMOTION_DATA is a path on this machine."""
    return "emotion" if data is None or data == os.environ.get("EMOTION_DATA") else data


def _train_points(
    model: str, points: "Sequence[Point]", options: list[str], reporter: ProgressReporter
) -> "tuple[list[Result], int]":
    """Train all points in turn; return their results and the exit code of the first failed point, else 0.

    Raises:
        KeyboardInterrupt, Terminated: a signal arrived; the running point has written its checkpoint.
    """
    from emotion.comparison.sweep import Result

    results: list[Result] = []
    first_failure = 0
    for number, point in enumerate(points, start=1):
        reporter.note("point", f"[{number}/{len(points)}] {point}")
        result, code = _train_point(model, point, options)
        results.append(result)
        first_failure = first_failure or code
        if code in FINAL and number < len(points):
            reporter.note(
                "point", f"the sweep stops at this error; not trained: {count(len(points) - number, 'point')}"
            )
            results += [Result(other, "", problem="not trained") for other in points[number:]]
            break
    return results, first_failure


def _train_point(model: str, point: "Point", options: list[str]) -> "tuple[Result, int]":
    """Train one point in a separate process, which frees all memory; a crash affects no other point."""
    from emotion.comparison.sweep import Result, Scores

    overrides = [word for setting in point.overrides for word in ("--set", setting)]
    command = [sys.executable, "-c", EMOTION, "train", model, *options, *overrides, "--in-sweep", "--json"]
    environment = {name: value for name, value in os.environ.items() if name not in OTHER_RUNS}
    with tempfile.TemporaryFile() as output:
        code = _run(command, output, environment)
        output.seek(0)
        content = output.read()
    if code:
        return Result(point, "", problem=_describe(code)), code
    metrics = json.loads(content)
    validation = metrics["validation"]
    scores = Scores(validation["accuracy"], validation["loss"], metrics["training_seconds"])
    return Result(point, f"{metrics['model']}/{metrics['run']}", scores), 0


def _run(command: list[str], output: IO[bytes], environment: dict[str, str]) -> int:
    """Start a training, pass signals on, and wait for its end; return its exit code as a shell does.

    Raises:
        KeyboardInterrupt, Terminated: a signal arrived, and the training has ended.
    """
    process: subprocess.Popen[bytes] | None = None
    received: BaseException | None = None
    while True:
        try:
            if process is None:
                # A signal that interrupts the start would leave a training that nobody stops. A terminal sends Ctrl-C
                # to both processes: in a new session the child gets it only once, from this process.
                with DeferredSignals():
                    process = subprocess.Popen(command, stdout=output, env=environment, start_new_session=True)  # noqa: S603
            code = process.wait()
        except (KeyboardInterrupt, Terminated) as signalled:
            if process is None:
                raise
            received = signalled
            process.send_signal(next(number for number, error in SIGNALS.items() if isinstance(signalled, error)))
            continue
        if received is not None:
            console.say(f"the sweep was stopped by {stopped_by(received)}\n  resume: {same_command()}")
            raise received
        return code if code >= 0 else 128 - code


def _describe(code: int) -> str:
    meaning = next((f" ({known.meaning})" for known in ExitCode if known == code), "")
    return f"exit code {code}{meaning}"
