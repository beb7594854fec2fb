"""`emotion status`, `logs` and `cancel`: shows and stops the jobs of a cluster."""

import sys
import time
from dataclasses import asdict
from typing import Annotated, Any

import typer
from rich.live import Live

from emotion.cli import console
from emotion.cli.cluster_options import ClusterOptions
from emotion.cli.following import follow_jobs, report_outcome
from emotion.cli.option_groups import with_option_groups
from emotion.cli.options import JsonOption
from emotion.cli.status_screen import COLUMNS, reason_lines, row, screen
from emotion.cli.transfer import remove_store_pod, warn_of_left_pods
from emotion.cluster.job_outcome import job_outcome
from emotion.cluster.job_status import JobStatus, Phase
from emotion.cluster.kubectl import Kubectl, UnreachableError
from emotion.cluster.log_lines import Progress, latest_progress, readable
from emotion.cluster.observe import find_job, job_statuses
from emotion.cluster.pod_log import read_last_lines, read_lines
from emotion.errors import EmotionError

RunArgument = Annotated[str, typer.Argument(metavar="RUN", help="MODEL/RUN, the run's name, or the job's name.")]
POLL_SECONDS = 2.0
# The newest progress is searched in this many last lines of a log.
PROGRESS_LINES = 20


@with_option_groups
def status(
    *,
    cluster: ClusterOptions,
    watch: Annotated[
        bool,
        typer.Option("--watch", "-w", help="Update the table until Ctrl-C; a short terminal shows the newest jobs."),
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Show every job: phase, progress, retries, age, node, and why it waits or failed.

    [bold]Examples[/]

      emotion status --watch

      emotion status --json | jq '.[] | select(.phase == "failed")'
    """
    kubectl = cluster.kubectl
    warn_of_left_pods(kubectl)
    if not watch:
        _show(kubectl, _records(kubectl), as_json=as_json)
    elif as_json or not console.out.is_terminal:
        _print_changes(kubectl, as_json=as_json)
    else:
        _update_table(kubectl)


def _show(kubectl: Kubectl, records: list[dict[str, Any]], *, as_json: bool) -> None:
    if as_json:
        console.data_json(records)
    elif records:
        console.table("", COLUMNS, [row(record) for record in records], numbers=0)
        for line in reason_lines(kubectl, records):
            console.say(line)
    else:
        console.say(f"there are no jobs: emotion submit ann{kubectl.flags}")


def _print_changes(kubectl: Kubectl, *, as_json: bool) -> None:
    """Print the status whenever it changes."""
    before: list[Any] = []
    while True:
        records = _records(kubectl)
        current = [{**record, "age_seconds": 0} for record in records]
        if current != before:
            _show(kubectl, records, as_json=as_json)
            # A pipe's reader must not wait for a full buffer.
            sys.stdout.flush()
            before = current
        time.sleep(POLL_SECONDS)


def _update_table(kubectl: Kubectl) -> None:
    """Show one table and update it in place."""
    with Live(screen(kubectl, _records(kubectl)), console=console.out, auto_refresh=False) as live:
        while True:
            time.sleep(POLL_SECONDS)
            try:
                live.update(screen(kubectl, _records(kubectl)), refresh=True)
            except UnreachableError:
                continue


def _records(kubectl: Kubectl) -> list[dict[str, Any]]:
    return [_record(kubectl, job) for job in job_statuses(kubectl) if job.component != "transfer"]


def _record(kubectl: Kubectl, job: JobStatus) -> dict[str, Any]:
    return {
        "job": job.job,
        "run": job.run,
        "name": job.name,
        "phase": str(job.phase),
        **asdict(_progress(kubectl, job)),
        "pods_succeeded": job.succeeded,
        "pods_wanted": job.completions,
        "retries": job.retries,
        "age_seconds": round(job.age),
        "node": job.current.node if job.current else "",
        "reason": job_outcome(kubectl, job).reason if job.phase is Phase.FAILED else job.reason or _removals(job),
    }


def _removals(job: JobStatus) -> str:
    """Describe which pod is being removed, and why."""
    ending = [pod for pod in job.pods if pod.removal and pod.ended is None]
    return "; ".join(f"pod {pod.name} is being {pod.removal}" for pod in ending[:1])


def _progress(kubectl: Kubectl, job: JobStatus) -> Progress:
    """Read a training's progress from its log."""
    lines: list[str] = []
    pod = job.current
    if job.component == "train" and job.phase is Phase.RUNNING and pod is not None:
        try:
            lines = read_last_lines(kubectl, pod.name, PROGRESS_LINES)
        except EmotionError:
            lines = []
    return latest_progress(lines)


@with_option_groups
def logs(
    run: RunArgument,
    *,
    cluster: ClusterOptions,
    wait: Annotated[
        bool, typer.Option("--follow", "-f", help="Follow the job to its end, and exit with its exit code.")
    ] = False,
) -> None:
    """Print the logs of a job's pods, with events as sentences. The logs of lost pods are lost too.

    [bold]Example[/]

      emotion logs bert/s1-0a1b2c3d -f
    """
    kubectl = cluster.kubectl
    job = find_job(kubectl, run)
    if job.phase.over and not job.pods:
        console.say(f"{job.name} has no pods or logs any more: {job_outcome(kubectl, job)}")
    if wait:
        (outcome,) = follow_jobs(cluster, [job.name], console.data)
        report_outcome(cluster, outcome)
        raise typer.Exit(outcome.exit_code)
    started = [pod for pod in job.pods if pod.started or pod.ended is not None]
    if not started and not job.phase.over:
        console.say(f"no pod of {job.name} has started yet: {job.phase} {job.reason}".rstrip())
    for pod in started:
        if len(started) > 1:
            console.say(f"pod {pod.name}")
        for line in filter(None, map(readable, read_lines(kubectl, pod.name))):
            console.data(line)


@with_option_groups
def cancel(run: RunArgument, *, cluster: ClusterOptions) -> None:
    """Stop a job, or remove an ended job. Trainings write a checkpoint first. The store stays unchanged.

    [bold]Example[/]

      emotion cancel bert/s1-0a1b2c3d
    """
    from emotion.cluster.submit import delete

    job = find_job(cluster.kubectl, run)
    if job.component == "transfer":
        remove_store_pod(cluster.kubectl, job.name)
        return
    if job.phase.over:
        delete(cluster.kubectl, job.name)
        console.say(f"removed {job.name}: it was {job.phase}")
        return
    running = any(pod.started and pod.ended is None for pod in job.pods)
    trains = running and job.component == "train"
    seconds = f": its pods have two minutes to {'write a checkpoint' if trains else 'end'}" if running else ""
    console.say(f"stopping {job.name}{seconds}")
    delete(cluster.kubectl, job.name)
    again = "; submit it again with the same options to resume from its checkpoint"
    console.say(f"stopped {job.name}{again if trains else ''}")
