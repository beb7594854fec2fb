"""`emotion submit`: creates jobs on a cluster and follows them until they end."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Annotated, Any

import typer

from emotion.cli import console
from emotion.cli.classify import OnError, PrecisionName
from emotion.cli.cluster_options import (
    ClusterOptions,
    Data,
    GpuResource,
    Gpus,
    MaxParallel,
    PodOptions,
    Queue,
    Seeds,
    Settings,
    Spot,
    Workers,
    Yes,
)
from emotion.cli.following import follow_jobs, report_outcomes
from emotion.cli.option_groups import with_option_groups
from emotion.cli.options import JsonOption, QuotingName, TeacherOptions
from emotion.cli.sweep_report import show_sweep, sweep_record
from emotion.cli.sweep_results import read_results
from emotion.cluster.classify_options import ClassifyOptions
from emotion.cluster.kubectl import Kubectl, check_versions
from emotion.cluster.labels import GPU

if TYPE_CHECKING:
    from emotion.cluster.job_spec import JobSpec
    from emotion.cluster.render import Rendered

# Every check of a job starts kubectl, which mostly waits for the server.
PARALLEL_CHECKS = 4
# The store's inputs/ in a pod.
INPUTS = PurePosixPath("/store/inputs")
RESOURCE_UNITS = {"cpu": "cores", "memory": "memory"}


@dataclass(frozen=True)
class ClassifyJobOptions(ClassifyOptions):
    """Options of a classification on the command line."""

    source: Annotated[
        str | None, typer.Option("--input", metavar="NAME", help="classify: folder of files below inputs/.")
    ] = None
    model: Annotated[
        str | None,
        typer.Option(
            metavar="MODEL/RUN", help="classify: a run, cascade:A,B or ensemble:A,B [dim](default: the best run)[/]."
        ),
    ] = None
    shards: Annotated[int | None, typer.Option(min=1, help="classify: number of pods that share the files.")] = None
    text_column: Annotated[str | None, typer.Option(help="classify: column or key of the text.")] = None
    delimiter: Annotated[str | None, typer.Option(help="classify: one character, or tab.")] = None
    quoting: Annotated[QuotingName | None, typer.Option(help="classify: whether quotes have a meaning.")] = None
    header: Annotated[
        bool | None, typer.Option("--header/--no-header", help="classify: whether the first line names columns.")
    ] = None
    encoding: Annotated[str | None, typer.Option(help="classify: encoding of the files.")] = None
    all_scores: Annotated[
        bool | None, typer.Option("--all-scores", help="classify: append one column score_LABEL per label.")
    ] = None
    model_column: Annotated[
        bool | None, typer.Option("--model-column", help="classify: append a column with the model that decided.")
    ] = None
    on_error: Annotated[
        OnError | None, typer.Option(help="classify: keep rows that cannot be classified, or fail at the first one.")
    ] = None
    max_errors: Annotated[
        str | None, typer.Option(metavar="N|P%", help="classify: fail if more rows of a file have no label.")
    ] = None
    precision: Annotated[
        PrecisionName | None,
        typer.Option(
            help="classify: float32, int8, float16 (needs --gpus), or auto: by device and existing files"
            " [dim](default: auto)[/]."
        ),
    ] = None
    join: Annotated[
        bool | None, typer.Option("--join/--no-join", help="classify: whether the last shard joins the parts.")
    ] = None


@with_option_groups
def submit(
    jobs: Annotated[
        list[str],
        typer.Argument(metavar="MODEL...", help="Models, or all; or prefetch, aggregate, classify."),
    ],
    *,
    data: Data = "emotion",
    run: Annotated[str, typer.Option(help="The run's name [dim](default: from seed, parameters, data)[/].")] = "",
    settings: Settings = None,
    teacher: TeacherOptions,
    gpus: Gpus = None,
    gpu_resource: GpuResource = GPU,
    workers: Workers = 1,
    seeds: Seeds = "",
    max_parallel: MaxParallel = None,
    queue: Queue = None,
    spot: Spot = False,
    cluster: PodOptions,
    classify: ClassifyJobOptions,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print the YAML and let the server check it; create nothing.")
    ] = False,
    yes: Yes = False,
    wait: Annotated[bool, typer.Option("--follow/--no-follow", help="Follow the jobs until they end.")] = True,
    as_json: JsonOption = False,
) -> None:
    """Submit jobs to a cluster: show the plan, create the jobs, follow them until they end.

    The same command finds the same run.
    It follows a running job and resumes an interrupted run from its last checkpoint.
    If the run is complete, the job ends at once.
    Ctrl-C leaves the jobs running.
    Exits with the pod's exit code.

    [bold]Examples[/]

      emotion submit bert --data emotion

      emotion submit all --queue research --spot --no-follow

      emotion submit minilm --gpus 0 --set training.epochs=2 --overlay local

      emotion submit lstm --seeds 1-5 --queue research

      emotion submit ann lstm --teacher minilm/s1-0a1b2c3d --unlabelled inbox/more.csv

      emotion submit classify --input inbox --shards 8 --delimiter ';' --text-column body
    """
    from emotion.cluster.job_spec import expand_jobs
    from emotion.params.grid import one_point_a_seed

    # Below inputs/, like --input of a classification.
    student = teacher.overrides_below(INPUTS)
    changes = [*student, *(settings or [])]
    specs = [
        replace(
            cluster.job_spec(name),
            run=run,
            data=data,
            gpus=gpus,
            gpu_resource=gpu_resource,
            workers=workers,
            queue=queue,
            spot=spot,
            settings=() if seeds else tuple(changes),
            points=one_point_a_seed(changes, seeds) if seeds else (),
            max_parallel=max_parallel,
            classify=classify,
        )
        for name in expand_jobs(jobs)
    ]
    raise typer.Exit(submit_jobs(cluster, specs, dry_run=dry_run, yes=yes, wait=wait, as_json=as_json))


def submit_jobs(
    cluster: PodOptions, specs: Sequence["JobSpec"], *, dry_run: bool, yes: bool, wait: bool, as_json: bool
) -> int:
    """Show the plan, create and follow the jobs; return the exit code of the first failed job, else 0.

    Raises:
        EmotionError: a specification is wrong, or the cluster refuses a job.
    """
    rendered = prepare_jobs(cluster.kubectl, specs)
    show_plan(cluster, rendered)
    if dry_run:
        console.data("---\n".join(job.yaml for job in rendered).rstrip())
        return 0
    if not console.confirm("Submit?", yes=yes):
        console.say("nothing was submitted")
        return 0
    create_all(cluster.kubectl, rendered)
    if not wait:
        _report_created(cluster, rendered, as_json=as_json)
        return 0
    outcomes = follow_jobs(cluster, [job.name for job in rendered])
    results = read_results(cluster, rendered, outcomes)
    models = {job.name: job.spec.job for job in rendered}
    if not as_json:
        for name, found in results.items():
            show_sweep(models[name], found)
    sweeps = {name: sweep_record(models[name], found) for name, found in results.items()}
    return report_outcomes(cluster, rendered, outcomes, sweeps, as_json=as_json)


def prepare_jobs(kubectl: Kubectl, specs: Sequence["JobSpec"]) -> list["Rendered"]:
    """Check and render jobs, and check that the cluster accepts them.

    Raises:
        EmotionError: a specification is wrong, or the cluster refuses a job.
    """
    from emotion.cluster.job_spec import check_spec
    from emotion.cluster.needs import check_needs
    from emotion.cluster.render import render
    from emotion.cluster.submit import check_accepted

    checked = [check_spec(spec) for spec in specs]
    with ThreadPoolExecutor(PARALLEL_CHECKS) as pool:
        rendered = list(pool.map(render, checked))
        check_versions(kubectl)
        check_needs(kubectl, rendered)
        list(pool.map(partial(check_accepted, kubectl), rendered))
    return rendered


def show_plan(cluster: ClusterOptions, jobs: Sequence["Rendered"]) -> None:
    """Print a table of the jobs that will be created, and warn if queues have no effect."""
    from emotion.cluster.submit import has_kueue

    columns = ["job", "run", "image", "pods", "a pod", "queue", "claim"]
    rows = [
        [
            job.spec.job,
            job.spec.run,
            job.container["image"],
            _pods(job.job["spec"]),
            _resources(job.container["resources"], job.spec.gpu_resource),
            job.queue or "none",
            job.claim,
        ]
        for job in jobs
    ]
    console.table(f"namespace {cluster.namespace}", columns, rows, numbers=0, on=console.err)
    for job in jobs:
        for index, point in enumerate(job.spec.points):
            console.say(f"  {index}: {point}, run {job.spec.job}/{point.run}")
    if any(job.queue for job in jobs) and not has_kueue(cluster.kubectl):
        console.say("the cluster has no Kueue: the queue has no effect, and the jobs start at once")


def _pods(spec: dict[str, Any]) -> str:
    pods, parallel = (spec.get(name, 1) for name in ("completions", "parallelism"))
    return str(pods) if parallel == pods else f"{pods}, {parallel} at once"


def _resources(resources: dict[str, Any], gpu: str) -> str:
    requests, limits = resources.get("requests", {}), resources.get("limits", {})
    ranges = [f"{requests.get(name, '?')} to {limits.get(name, '?')} {unit}" for name, unit in RESOURCE_UNITS.items()]
    name = "GPU" if gpu == GPU else gpu
    return ", ".join([*ranges, *([f"{limits[gpu]} {name}"] if gpu in limits else [])])


def create_all(kubectl: Kubectl, jobs: Sequence["Rendered"]) -> None:
    """Create all jobs and report them.

    Raises:
        EmotionError: the cluster refuses a job; earlier jobs stay.
    """
    from emotion.cluster.submit import create

    for job in jobs:
        console.say(f"job {job.name}: {create(kubectl, job)}")


def _report_created(cluster: ClusterOptions, jobs: Sequence["Rendered"], *, as_json: bool) -> None:
    flags = cluster.flags
    console.say(f"to see the jobs: emotion status{flags}; emotion logs {jobs[0].name} -f{flags}")
    if as_json:
        console.data_json([{"job": job.name, "run": job.spec.run, "exit_code": None} for job in jobs])
