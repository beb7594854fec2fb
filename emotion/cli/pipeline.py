"""`emotion pipeline`: trains and compares models as jobs on a cluster, from stored data to the table."""

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer

from emotion.cli import console
from emotion.cli.cluster_options import (
    ClassifyImage,
    Data,
    GpuResource,
    Gpus,
    PodOptions,
    Queue,
    Settings,
    Spot,
    Yes,
)
from emotion.cli.following import follow_jobs, report_outcomes
from emotion.cli.option_groups import with_option_groups
from emotion.cli.submit import create_all, prepare_jobs, show_plan
from emotion.cli.transfer import open_store
from emotion.cluster.labels import GPU
from emotion.errors import UsageError
from emotion.models.registry import MODELS

if TYPE_CHECKING:
    from emotion.cluster.render import Rendered


@with_option_groups
def pipeline(
    models: Annotated[list[str], typer.Argument(metavar="MODEL...", help="Models, or all.")],
    *,
    data: Data = "emotion",
    prefetch: Annotated[bool, typer.Option("--prefetch/--no-prefetch", help="Fetch data and weights first.")] = True,
    settings: Settings = None,
    gpus: Gpus = None,
    gpu_resource: GpuResource = GPU,
    queue: Queue = None,
    spot: Spot = False,
    cluster: PodOptions,
    classify_image: ClassifyImage = None,
    yes: Yes = False,
) -> None:
    """Fetch data and weights, train models in parallel, compare them, and print the table, all on a cluster.

    Every step is a job.
    The same command resumes: complete steps end at once.
    The command reports models that fail and leaves them out of the table.
    Use --no-prefetch on an air-gapped cluster.

    [bold]Example[/]

      emotion pipeline ann lstm minilm --data emotion
    """
    from emotion.cluster.job_spec import expand_jobs

    names = expand_jobs(models)
    if others := [name for name in names if name not in MODELS]:
        raise UsageError(f"{others[0]} is not a model", "name models only: the pipeline adds prefetch and aggregate")
    common = replace(cluster.job_spec("prefetch"), data=data, queue=queue)
    training = replace(common, gpus=gpus, gpu_resource=gpu_resource, spot=spot, settings=tuple(settings or ()))
    trainings = [replace(training, job=name) for name in names]
    needs_prefetch = data == "emotion" or any(MODELS[name].pretrained for name in names)
    before = [replace(common, models=tuple(names))] if prefetch and needs_prefetch else []
    after = replace(common, job="aggregate", image=classify_image)
    jobs = prepare_jobs(cluster.kubectl, [*before, *trainings, after])
    show_plan(cluster, jobs)
    if not console.confirm("Submit?", yes=yes):
        console.say("nothing was submitted")
        return
    if before:
        _run_step(cluster, jobs[:1])
    code = _run_step(cluster, jobs[len(before) : -1], partial=True)
    _run_step(cluster, jobs[-1:])
    with open_store(replace(cluster, image=classify_image)) as pod:
        show_table(pod.run("cat", "/store/comparison/comparison.md").decode())
    raise typer.Exit(code)


def _run_step(cluster: PodOptions, jobs: "Sequence[Rendered]", *, partial: bool = False) -> int:
    """Create and follow jobs; return the exit code of the first failed job, else 0.

    Raises:
        typer.Exit: all jobs failed; or one job failed, unless `partial`.
    """
    create_all(cluster.kubectl, jobs)
    outcomes = follow_jobs(cluster, [job.name for job in jobs])
    code = report_outcomes(cluster, [], outcomes)
    if code and not (partial and any(outcome.exit_code == 0 for outcome in outcomes)):
        raise typer.Exit(code)
    return code


def show_table(markdown: str) -> None:
    """Print the Markdown table of the aggregate job in the terminal's width."""
    lines = markdown.splitlines()
    rows = [_split_row(line) for line in lines if line.startswith("|")]
    if rows:
        console.table("Comparison", rows[0], rows[2:])
    for line in lines:
        if line and not line.startswith(("|", "#")):
            console.data(_unescape(line))


def _split_row(line: str) -> list[str]:
    return [_unescape(cell.strip()) for cell in re.split(r"(?<!\\)\|", line)[1:-1]]


def _unescape(text: str) -> str:
    """Remove Markdown's escaping backslashes."""
    return re.sub(r"\\(.)", r"\1", text)
