"""How a Job ended: the exit code of the contract, the reason, and what its last pod said."""

from dataclasses import dataclass

from emotion.cluster.job_status import ContainerEnd, JobStatus, Phase, hint

# The exit codes of the contract, as far as a pod can end with them.
MEANINGS = {
    1: "an internal error",
    2: "usage",
    65: "bad data",
    66: "input missing",
    69: "something needed is unavailable",
    70: "the result failed its own check",
    73: "cannot write",
    75: "try again later",
    78: "bad parameters",
    130: "interrupted",
    137: "killed",
    143: "stopped, with a checkpoint saved",
}
HINTS = {
    66: "put the data into the store: emotion put DIR NAME",
    69: "weights are fetched by `emotion submit prefetch`, or put: emotion put FOLDER weights/ORG/NAME",
    73: "the store is full or read-only: remove runs (`emotion runs rm --cluster`), or enlarge the claim",
    78: "give the run another --run name, or mend the parameters",
}
TRY_AGAIN, UNAVAILABLE, FAILED = 75, 69, 70


@dataclass(frozen=True)
class JobOutcome:
    """One Job's end. `exit_code` is 0 for success, else its last pod's, or 75 where it was stopped from outside."""

    name: str
    exit_code: int
    reason: str
    hint: str = ""
    last_lines: str = ""


def job_outcome(standing: JobStatus) -> JobOutcome:
    """How a Job ended that is over."""
    if standing.phase is Phase.COMPLETE:
        return JobOutcome(standing.name, 0, "complete")
    ended = standing.last_failure
    reason = standing.reason
    if ended is not None and not reason.startswith("DeadlineExceeded"):
        reason = f"{_words(ended)} ({standing.reason.partition(':')[0]})"
    code = _code(standing, ended)
    return JobOutcome(standing.name, code, reason, hint(reason) or HINTS.get(code, ""), ended.message if ended else "")


def _words(ended: ContainerEnd) -> str:
    if ended.lost:
        return ended.lost
    if ended.exit_code is None:
        return ended.reason or "its pod is gone"
    if ended.reason == "OOMKilled":
        return f"OOMKilled: the container's memory limit was reached, exit code {ended.exit_code}"
    return f"exit code {ended.exit_code}, {MEANINGS.get(ended.exit_code, 'unknown')}"


def _code(standing: JobStatus, ended: ContainerEnd | None) -> int:
    if standing.reason.startswith("DeadlineExceeded"):
        return TRY_AGAIN
    if ended is None or ended.exit_code in {None, 0}:
        return FAILED
    return ended.exit_code or FAILED


def deleted_outcome(name: str) -> JobOutcome:
    """The end of a Job that somebody deleted."""
    help_ = "submit it again: it goes on from its checkpoint"
    return JobOutcome(name, TRY_AGAIN, "it was deleted before it was over", help_)


def unpulled_outcome(standing: JobStatus) -> JobOutcome:
    """A Job whose image cannot be had: it is left as it is, and would begin if the image came."""
    return JobOutcome(standing.name, UNAVAILABLE, standing.reason, hint(standing.reason))
