"""Following jobs from a terminal: their lines, their outcomes with the next commands, and Ctrl-C, which detaches."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from emotion.cli import console
from emotion.cli.cluster_options import NAMESPACE

if TYPE_CHECKING:
    from emotion.cluster.job_outcome import JobOutcome
    from emotion.cluster.kubectl import Kubectl
    from emotion.cluster.render import Rendered


def follow(kubectl: "Kubectl", names: Sequence[str], write: Callable[[str], None] = console.say) -> "list[JobOutcome]":
    """Follow jobs to their ends.

    Raises:
        KeyboardInterrupt, Terminated: asked to stop following; the jobs go on, and that is said.
        UnavailableError: the cluster does not answer for long.
    """
    from emotion.cluster.follow import Follower
    from emotion.errors import Terminated

    several = len(names) > 1
    short = {name: name.partition("-")[0] for name in names}
    marks = short if len(set(short.values())) == len(names) else {name: name for name in names}

    def tell(job: str, line: str) -> None:
        write(f"[{marks[job]}] {line}" if several and job else line)

    try:
        return Follower(kubectl, names, tell).run()
    except (KeyboardInterrupt, Terminated):
        where = option(kubectl)
        jobs = f"the job {names[0]} goes" if not several else f"{len(names)} jobs go"
        console.say(f"detached: {jobs} on")
        console.say(f"  again: emotion logs {names[0]} -f{where}   all: emotion status{where}")
        console.say(f"  stop:  emotion cancel {names[0]}{where}")
        raise


def report(
    kubectl: "Kubectl", jobs: "Sequence[Rendered]", outcomes: "Sequence[JobOutcome]", *, as_json: bool = False
) -> int:
    """Say how jobs ended and what to do next; give the exit code, which is that of the first that failed."""
    for outcome in outcomes:
        tell_outcome(kubectl, outcome)
    done = {outcome.name for outcome in outcomes if outcome.exit_code == 0}
    for line in _next([each for each in jobs if each.name in done]):
        console.say(f"  next: {line}{option(kubectl)}")
    if as_json:
        runs = {each.name: each.spec.run for each in jobs}
        console.data_json(
            [
                {"job": each.name, "run": runs.get(each.name, ""), "exit_code": each.exit_code, "reason": each.reason}
                for each in outcomes
            ]
        )
    return next((outcome.exit_code for outcome in outcomes if outcome.exit_code), 0)


def tell_outcome(kubectl: "Kubectl", outcome: "JobOutcome") -> None:
    """Say how one job ended."""
    from emotion.cluster.log_lines import readable

    if outcome.exit_code == 0:
        console.say(f"job {outcome.name} is complete")
        return
    lines = [line for line in map(readable, outcome.last_lines.splitlines()) if line][-LAST:]
    if lines:
        console.say(f"the last lines of job {outcome.name}:")
    for line in lines:
        console.say(f"  | {line}")
    console.fail(f"job {outcome.name} failed: {outcome.reason}", outcome.hint)
    console.say(
        f"  more: emotion logs {outcome.name}{option(kubectl)}; {kubectl.pasteable('describe', 'job', outcome.name)}"
    )


LAST = 10


def _next(jobs: "Sequence[Rendered]") -> list[str]:
    trained = [each.spec for each in jobs if each.spec.trains]
    if trained:
        return ["emotion submit aggregate", f"emotion fetch {trained[0].job}/{trained[0].run} DIR"]
    names = {"prefetch": "emotion submit all", "aggregate": "emotion fetch comparison DIR"}
    return [
        f"emotion fetch predictions/{each.spec.source or 'inbox'} DIR"
        if each.spec.job == "classify"
        else names[each.spec.job]
        for each in jobs
    ]


def option(kubectl: "Kubectl") -> str:
    """What the next command has to be told of where."""
    where = "" if kubectl.namespace == NAMESPACE else f" -n {kubectl.namespace}"
    return where + (f" --context {kubectl.context}" if kubectl.context else "")
