"""`emotion submit`: jobs on a cluster, followed to their ends."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

import typer

from emotion.cli import console
from emotion.cli.cluster_options import (
    NAMESPACE,
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
    Workers,
    Yes,
    overlay_folder,
)
from emotion.cli.following import follow, option, report
from emotion.cli.options import JsonOption

if TYPE_CHECKING:
    from emotion.cluster.job_spec import JobSpec
    from emotion.cluster.kubectl import Kubectl
    from emotion.cluster.render import Rendered


def submit(
    jobs: Annotated[
        list[str],
        typer.Argument(metavar="MODEL...", help="Models, or all; or prefetch, aggregate, classify."),
    ],
    data: Data = "emotion",
    run: Annotated[str, typer.Option(help="The run's name [dim](default: from seed, parameters, data)[/].")] = "",
    settings: Settings = None,
    gpus: Gpus = None,
    workers: Workers = 1,
    queue: Queue = None,
    spot: Spot = False,
    image: Image = None,
    overlay: Overlay = None,
    store_claim: StoreClaim = None,
    source: Annotated[
        str | None, typer.Option("--input", metavar="NAME", help="classify: folder of CSVs below inputs/.")
    ] = None,
    model: Annotated[str | None, typer.Option(metavar="MODEL/RUN", help="classify: not the best run.")] = None,
    shards: Annotated[int | None, typer.Option(min=1, help="classify: pods that share the files.")] = None,
    namespace: Namespace = NAMESPACE,
    context: Context = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print the YAML, let the server check it, create nothing.")
    ] = False,
    yes: Yes = False,
    wait: Annotated[bool, typer.Option("--follow/--no-follow", help="Follow the jobs to their ends.")] = True,
    as_json: JsonOption = False,
) -> None:
    """Submit jobs to a cluster: show the plan, create them, follow them to their ends.

    The same command finds the same run: a job at work is followed, a run that was cut off goes on from its last
    checkpoint, a complete one ends at once. Ctrl-C leaves the jobs running. Exits with the pod's own exit code.

    [bold]Examples[/]

      emotion submit bert --data emotion

      emotion submit all --queue research --spot --no-follow

      emotion submit minilm --gpus 0 --set training.epochs=2 --overlay local

      emotion submit classify --input inbox --shards 8
    """
    from emotion.cluster.job_spec import JobSpec, expand_jobs
    from emotion.cluster.kubectl import Kubectl

    names = expand_jobs(jobs)
    folder = overlay_folder(overlay)
    orders = [
        JobSpec(
            job=name,
            run=run,
            data=data,
            claim=store_claim,
            image=image,
            gpus=gpus,
            workers=workers,
            queue=queue,
            spot=spot,
            overlay=folder,
            settings=tuple(settings or ()),
            source=source,
            model=model,
            shards=shards,
        )
        for name in names
    ]
    kubectl = Kubectl(namespace, context)
    rendered = prepare(kubectl, orders)
    show_plan(kubectl, rendered)
    if dry_run:
        console.data("---\n".join(each.yaml for each in rendered).rstrip())
        return
    if not agreed(yes=yes):
        console.say("nothing was submitted")
        return
    create_all(kubectl, rendered)
    if not wait:
        _later(kubectl, rendered, as_json=as_json)
        return
    raise typer.Exit(report(kubectl, rendered, follow(kubectl, [each.name for each in rendered]), as_json=as_json))


AT_ONCE = 4


def prepare(kubectl: "Kubectl", orders: Sequence["JobSpec"]) -> list["Rendered"]:
    """Check and render orders, and see that the cluster would take them.

    Raises:
        EmotionError: it would not, or the orders are wrong.
    """
    from emotion.cluster.job_spec import check_spec
    from emotion.cluster.kubectl import check_versions
    from emotion.cluster.render import render
    from emotion.cluster.submit import check_accepted, check_needs

    checked = [check_spec(order) for order in orders]
    # kubectl is started anew for each, and mostly waits.
    with ThreadPoolExecutor(AT_ONCE) as pool:
        rendered = list(pool.map(render, checked))
        check_versions(kubectl)
        check_needs(kubectl, rendered)
        list(pool.map(partial(check_accepted, kubectl), rendered))
    return rendered


def show_plan(kubectl: "Kubectl", jobs: Sequence["Rendered"]) -> None:
    """Print what will be created."""
    columns = ["job", "run", "image", "pods", "a pod", "queue", "claim"]
    rows = [
        [
            each.spec.job,
            each.spec.run,
            each.container["image"],
            str(each.job["spec"].get("completions", 1)),
            _resources(each.container["resources"]),
            each.queue or "none",
            each.claim,
        ]
        for each in jobs
    ]
    console.table(f"namespace {kubectl.namespace}", columns, rows, numbers=0, on=console.err)


def _resources(resources: dict[str, Any]) -> str:
    requests, limits = resources.get("requests", {}), resources.get("limits", {})
    shares = [f"{requests.get(name, '?')} to {limits.get(name, '?')} {what}" for name, what in SHARES.items()]
    gpus = limits.get("nvidia.com/gpu")
    return ", ".join([*shares, *([f"{gpus} GPU"] if gpus else [])])


SHARES = {"cpu": "cores", "memory": "memory"}


def agreed(*, yes: bool) -> bool:
    """Ask on a terminal; elsewhere there is nobody to ask."""
    return yes or not console.interactive() or typer.confirm("Submit?", default=True, err=True)


def create_all(kubectl: "Kubectl", jobs: Sequence["Rendered"]) -> None:
    """Create them all, and say so.

    Raises:
        EmotionError: the cluster refuses one; those before it stay.
    """
    from emotion.cluster.submit import create

    for each in jobs:
        console.say(f"job {each.name}: {create(kubectl, each)}")


def _later(kubectl: "Kubectl", jobs: Sequence["Rendered"], *, as_json: bool) -> None:
    where = option(kubectl)
    console.say(f"see them with: emotion status{where}; emotion logs {jobs[0].name} -f{where}")
    if as_json:
        console.data_json([{"job": each.name, "run": each.spec.run, "exit_code": None} for each in jobs])
