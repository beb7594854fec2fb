"""`emotion status`, `logs` and `cancel`: the jobs of a cluster."""

import sys
import time
from typing import TYPE_CHECKING, Annotated, Any

import typer

from emotion.cli import console
from emotion.cli.cluster_options import NAMESPACE, Context, Namespace
from emotion.cli.following import follow, option, tell_outcome
from emotion.cli.options import JsonOption

if TYPE_CHECKING:
    from rich.console import Group

    from emotion.cluster.job_status import JobStatus
    from emotion.cluster.kubectl import Kubectl

RunArgument = Annotated[str, typer.Argument(metavar="RUN", help="MODEL/RUN, the run alone, or the job's name.")]
EVERY = 2.0
# Lines of a log in which the newest progress is looked for.
LINES = 20


def status(
    namespace: Namespace = NAMESPACE,
    context: Context = None,
    watch: Annotated[bool, typer.Option("--watch", "-w", help="Show it again and again, until Ctrl-C.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Show every job: its phase, how far it has come, retries, age, node, and why it waits or failed.

    [bold]Examples[/]

      emotion status --watch

      emotion status --json | jq '.[] | select(.phase == "failed")'
    """
    from emotion.cluster.kubectl import Kubectl

    kubectl = Kubectl(namespace, context)
    if not watch:
        _show(_records(kubectl), as_json=as_json)
    elif as_json or not console.out.is_terminal:
        _lines(kubectl, as_json=as_json)
    else:
        _live(kubectl)


def _show(records: list[dict[str, Any]], *, as_json: bool) -> None:
    if as_json:
        console.data_json(records)
    elif records:
        console.table("", COLUMNS, [_cells(record) for record in records], numbers=0)
        for line in _why(records):
            console.say(line)
    else:
        console.say("there are no jobs: emotion submit ann")


def _lines(kubectl: "Kubectl", *, as_json: bool) -> None:
    """Print it whenever it changes."""
    before: list[Any] = []
    while True:
        records = _records(kubectl)
        seen = [{**record, "age_seconds": 0} for record in records]
        if seen != before:
            _show(records, as_json=as_json)
            # A pipe's reader gets it now, not when a buffer is full.
            sys.stdout.flush()
            before = seen
        time.sleep(EVERY)


def _live(kubectl: "Kubectl") -> None:
    """Show one table that changes in its place."""
    from rich.live import Live

    from emotion.cluster.kubectl import UnreachableError

    with Live(_screen(_records(kubectl)), console=console.out, auto_refresh=False) as live:
        while True:
            time.sleep(EVERY)
            try:
                live.update(_screen(_records(kubectl)), refresh=True)
            except UnreachableError:
                continue


def _screen(records: list[dict[str, Any]]) -> "Group":
    from rich.console import Group
    from rich.text import Text

    return Group(console.grid("", COLUMNS, [_cells(record) for record in records]), Text("\n".join(_why(records))))


COLUMNS = ["job", "run", "phase", "at", "retries", "age", "node"]


def _records(kubectl: "Kubectl") -> list[dict[str, Any]]:
    from emotion.cluster.observe import job_statuses

    standings = [each for each in job_statuses(kubectl) if each.component != "transfer"]
    return [_record(kubectl, standing) for standing in standings]


def _record(kubectl: "Kubectl", standing: "JobStatus") -> dict[str, Any]:
    from emotion.cluster.job_outcome import job_outcome

    at = _progress(kubectl, standing)
    reason = job_outcome(standing).reason if standing.phase.over and standing.phase != "complete" else standing.reason
    return {
        "job": standing.job,
        "run": standing.run,
        "name": standing.name,
        "phase": str(standing.phase),
        **at,
        "pods_succeeded": standing.succeeded,
        "pods_wanted": standing.wanted,
        "retries": standing.retries,
        "age_seconds": round(standing.age),
        "node": standing.current.node if standing.current else "",
        "reason": reason,
    }


def _progress(kubectl: "Kubectl", standing: "JobStatus") -> dict[str, Any]:
    """How far a training has come, by its log."""
    from dataclasses import asdict

    from emotion.cluster.log_lines import latest_progress
    from emotion.cluster.pod_log import tail
    from emotion.errors import EmotionError

    lines: list[str] = []
    pod = standing.current
    if standing.component == "train" and standing.phase == "running" and pod is not None:
        try:
            lines = tail(kubectl, pod.name, LINES)
        except EmotionError:
            lines = []
    return asdict(latest_progress(lines))


def _cells(record: dict[str, Any]) -> list[str]:
    from emotion.cluster.log_lines import Progress
    from emotion.formatting import duration

    at = str(Progress(*(record[name] for name in ("epoch", "epochs", "step", "steps"))))
    if record["pods_wanted"] > 1:
        at = at or f"{record['pods_succeeded']} of {record['pods_wanted']} pods"
    return [
        record["job"],
        record["run"],
        record["phase"],
        at,
        str(record["retries"]),
        duration(record["age_seconds"]),
        record["node"],
    ]


def _why(records: list[dict[str, Any]]) -> list[str]:
    """A line for each job that waits or has failed for a known reason, and what helps."""
    from emotion.cluster.job_status import hint

    lines = []
    for record in filter(lambda record: record["reason"], records):
        lines.append(f"{record['name']}: {record['reason']}")
        lines += [f"  {help_}" for help_ in [hint(record["reason"])] if help_]
    return lines


def logs(
    run: RunArgument,
    namespace: Namespace = NAMESPACE,
    context: Context = None,
    wait: Annotated[bool, typer.Option("--follow", "-f", help="Go on to the job's end, and exit as it does.")] = False,
) -> None:
    """Print what a job's pods log, in words; the logs of lost pods are gone with them.

    [bold]Example[/]

      emotion logs bert/s1-0a1b2c3d -f
    """
    from emotion.cluster.kubectl import Kubectl
    from emotion.cluster.log_lines import readable
    from emotion.cluster.observe import find_job
    from emotion.cluster.pod_log import whole

    kubectl = Kubectl(namespace, context)
    standing = find_job(kubectl, run)
    if wait:
        (ended,) = follow(kubectl, [standing.name], console.data)
        tell_outcome(kubectl, ended)
        raise typer.Exit(ended.exit_code)
    begun = [pod for pod in standing.pods if pod.begun or pod.ended is not None]
    if not begun:
        console.say(f"no pod of {standing.name} has begun yet: {standing.phase} {standing.reason}".rstrip())
    for pod in begun:
        if len(begun) > 1:
            console.say(f"pod {pod.name}")
        for line in filter(None, map(readable, whole(kubectl, pod.name))):
            console.data(line)


def cancel(run: RunArgument, namespace: Namespace = NAMESPACE, context: Context = None) -> None:
    """Stop a job: its pods write a checkpoint and end. The store stays as it is.

    [bold]Example[/]

      emotion cancel bert/s1-0a1b2c3d
    """
    from emotion.cluster.kubectl import Kubectl
    from emotion.cluster.observe import find_job
    from emotion.cluster.submit import delete

    kubectl = Kubectl(namespace, context)
    standing = find_job(kubectl, run)
    console.say(f"stopping {standing.name}: its pods have two minutes to write a checkpoint")
    delete(kubectl, standing.name)
    again = (
        ""
        if standing.component != "train"
        else f"; submitted again, with the same options, it goes on: emotion submit {standing.job} ..."
    )
    console.say(f"stopped {standing.name}{again}{option(kubectl) if again else ''}")
