"""Follows jobs from a terminal: prints their lines, outcomes and next commands; Ctrl-C only detaches."""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from emotion.cli import console
from emotion.cli.cluster_options import ClusterOptions, PodOptions
from emotion.cluster.follow import Follower
from emotion.cluster.job_outcome import JobOutcome, Verdict
from emotion.cluster.log_lines import readable
from emotion.errors import Terminated

if TYPE_CHECKING:
    from emotion.cluster.render import Rendered

LAST_LINES = 10


def follow_jobs(
    cluster: ClusterOptions, names: Sequence[str], write: Callable[[str], None] = console.log_line
) -> list[JobOutcome]:
    """Follow jobs to their ends; `write` prints their lines.

    Raises:
        KeyboardInterrupt, Terminated: a signal detached the command; the jobs continue.
        UnavailableError: the cluster has not answered for ten minutes.
    """
    several = len(names) > 1
    short = {name: name.partition("-")[0] for name in names}
    marks = short if len(set(short.values())) == len(names) else {name: name for name in names}

    def on_line(job: str, line: str) -> None:
        write(f"[{marks[job]}] {line}" if several and job else line)

    try:
        return Follower(cluster.kubectl, names, on_line).run()
    except (KeyboardInterrupt, Terminated):
        flags = cluster.flags
        jobs = f"job {names[0]} continues" if not several else f"{len(names)} jobs continue"
        console.say(f"detached: {jobs}")
        console.say(f"  again: emotion logs {names[0]} -f{flags}   all: emotion status{flags}")
        console.say(f"  stop:  emotion cancel {names[0]}{flags}")
        raise


def report_outcomes(
    cluster: PodOptions,
    jobs: "Sequence[Rendered]",
    outcomes: Sequence[JobOutcome],
    sweeps: Mapping[str, dict[str, Any]] | None = None,
    *,
    as_json: bool = False,
) -> int:
    """Print the jobs' outcomes and the next commands; return the exit code of the first failed job, else 0.

    `sweeps` maps a Job's name to its sweep's results, for the JSON output.
    """
    for outcome in outcomes:
        report_outcome(cluster, outcome)
    complete = {outcome.name for outcome in outcomes if outcome.exit_code == 0}
    for command in _next_commands([job for job in jobs if job.name in complete]):
        console.say(f"  next: {command}{cluster.pod_flags}")
    if as_json:
        runs = {job.name: job.spec.run for job in jobs}
        records = [
            {
                "job": outcome.name,
                "run": runs.get(outcome.name, ""),
                "exit_code": outcome.exit_code,
                "reason": outcome.reason,
                **({"sweep": sweeps[outcome.name]} if sweeps and outcome.name in sweeps else {}),
            }
            for outcome in outcomes
        ]
        console.data_json(records)
    return next((outcome.exit_code for outcome in outcomes if outcome.exit_code), 0)


def report_outcome(cluster: ClusterOptions, outcome: JobOutcome) -> None:
    """Print how one job ended."""
    if outcome.exit_code == 0:
        console.say(f"job {outcome.name} is complete")
        return
    lines = [line for line in map(readable, outcome.last_lines.splitlines()) if line][-LAST_LINES:]
    if lines:
        console.say(f"the last lines of job {outcome.name}:")
    for line in lines:
        console.log_line(f"  | {line}")
    cancelled = outcome.verdict is Verdict.CANCELLED
    console.fail(f"job {outcome.name} {'was ' if cancelled else ''}{outcome}", outcome.hint)
    logs = f"emotion logs {outcome.name}{cluster.flags}; " if outcome.has_pods else ""
    if not cancelled:
        console.say(f"  more: {logs}{cluster.kubectl.pasteable('describe', 'job', outcome.name)}")


def _next_commands(jobs: "Sequence[Rendered]") -> list[str]:
    trained = [job.spec for job in jobs if job.spec.trains]
    if trained:
        runs = [f"{spec.job}/{spec.run}" for spec in trained if not spec.points]
        return ["emotion submit aggregate", *(f"emotion fetch {run} DIR" for run in runs[:1])]
    commands = {"prefetch": "emotion submit all", "aggregate": "emotion fetch comparison DIR"}
    return [
        f"emotion fetch predictions/{job.spec.classify.source or 'inbox'} DIR"
        if job.spec.job == "classify"
        else commands[job.spec.job]
        for job in jobs
    ]
