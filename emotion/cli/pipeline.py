"""`emotion pipeline`: from data in the store to the table, as jobs on a cluster."""

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer

from emotion.cli import console
from emotion.cli.cluster_options import (
    NAMESPACE,
    ClassifyImage,
    Context,
    Data,
    Gpus,
    Image,
    Namespace,
    Overlay,
    Queue,
    Settings,
    Spot,
    StoreClaim,
    Yes,
    overlay_folder,
)
from emotion.cli.following import follow, report
from emotion.cli.submit import agreed, create_all, prepare, show_plan
from emotion.cli.transfer import opened

if TYPE_CHECKING:
    from emotion.cluster.kubectl import Kubectl
    from emotion.cluster.render import Rendered


def pipeline(
    models: Annotated[list[str], typer.Argument(metavar="MODEL...", help="Models, or all.")],
    data: Data = "emotion",
    prefetch: Annotated[bool, typer.Option("--prefetch/--no-prefetch", help="Fetch data and weights first.")] = True,
    settings: Settings = None,
    gpus: Gpus = None,
    queue: Queue = None,
    spot: Spot = False,
    image: Image = None,
    classify_image: ClassifyImage = None,
    overlay: Overlay = None,
    store_claim: StoreClaim = None,
    namespace: Namespace = NAMESPACE,
    context: Context = None,
    yes: Yes = False,
) -> None:
    """Fetch what is needed, train models side by side, compare them, and print the table from the cluster's store.

    Each step is a job, and the same command goes on where it was: what is complete ends at once. A model that
    fails is left out of the table, and told. Without a way out of the cluster: --no-prefetch.

    [bold]Example[/]

      emotion pipeline ann lstm minilm --data emotion
    """
    from emotion.cluster.job_spec import JobSpec, expand_jobs
    from emotion.cluster.kubectl import Kubectl
    from emotion.errors import UsageError
    from emotion.models.registry import MODELS

    names = expand_jobs(models)
    if others := [name for name in names if name not in MODELS]:
        raise UsageError(f"{others[0]} is no model", "the pipeline has its own prefetch and aggregate")
    kubectl = Kubectl(namespace, context)
    common = JobSpec("", data=data, claim=store_claim, image=image, queue=queue, overlay=overlay_folder(overlay))
    training = replace(common, gpus=gpus, spot=spot, settings=tuple(settings or ()))
    orders = [replace(training, job=name) for name in names]
    lacking = data == "emotion" or any(MODELS[name].pretrained for name in names)
    before = [replace(common, job="prefetch", models=tuple(names))] if prefetch and lacking else []
    after = replace(common, job="aggregate", image=classify_image)
    jobs = prepare(kubectl, [*before, *orders, after])
    show_plan(kubectl, jobs)
    if not agreed(yes=yes):
        console.say("nothing was submitted")
        return
    if before:
        _step(kubectl, jobs[:1])
    code = _step(kubectl, jobs[len(before) : -1], partial=True)
    _step(kubectl, jobs[-1:])
    with opened(namespace, context, overlay, store_claim, classify_image) as pod:
        show_table(pod.run("cat", "/store/comparison/comparison.md").decode())
    raise typer.Exit(code)


def _step(kubectl: "Kubectl", jobs: "Sequence[Rendered]", *, partial: bool = False) -> int:
    """Create and follow jobs; give the exit code of the first that failed.

    Raises:
        typer.Exit: all failed, or not all went well and a part is not enough.
    """
    create_all(kubectl, jobs)
    outcomes = follow(kubectl, [each.name for each in jobs])
    code = report(kubectl, [], outcomes)
    if code and not (partial and any(outcome.exit_code == 0 for outcome in outcomes)):
        raise typer.Exit(code)
    return code


def show_table(markdown: str) -> None:
    """Print the Markdown table that aggregate wrote, as wide as the terminal is."""
    lines = markdown.splitlines()
    rows = [_cells(line) for line in lines if line.startswith("|")]
    if rows:
        console.table("Comparison", rows[0], rows[2:])
    for line in lines:
        if line and not line.startswith(("|", "#")):
            console.data(_plain(line))


def _cells(line: str) -> list[str]:
    return [_plain(cell.strip()) for cell in re.split(r"(?<!\\)\|", line)[1:-1]]


def _plain(text: str) -> str:
    """Markdown's text without the backslashes that keep it from being more."""
    return re.sub(r"\\(.)", r"\1", text)
