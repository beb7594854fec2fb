"""Decides how an ended Job is reported: its exit code, the reason, a hint, and its last pod's last lines."""

from dataclasses import dataclass

from emotion.cluster.job_status import ContainerEnd, JobStatus, Phase, reason_hint

# The exit codes with which a pod can end.
EXIT_CODE_MEANINGS = {
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
EXIT_CODE_HINTS = {
    66: "put the data into the store: emotion put DIR NAME",
    69: "weights are fetched by `emotion submit prefetch`, or put: emotion put FOLDER weights/ORG/NAME",
    73: "the store is full or read-only: remove runs (`emotion runs rm --cluster`), or enlarge the claim",
    78: "give the run another --run name, or mend the parameters",
}
TRY_AGAIN, UNAVAILABLE, FAILED = 75, 69, 70


@dataclass(frozen=True)
class JobOutcome:
    """A Job's end. `exit_code` is 0 for success, else the last failed pod's, or 75 where the Job was stopped."""

    name: str
    exit_code: int
    reason: str
    hint: str = ""
    last_lines: str = ""


def job_outcome(status: JobStatus) -> JobOutcome:
    """Decide the outcome of a Job that has ended."""
    if status.phase is Phase.COMPLETE:
        return JobOutcome(status.name, 0, "complete")
    ended = status.last_failure
    reason = status.reason
    if ended is not None and not reason.startswith("DeadlineExceeded"):
        reason = f"{_describe(ended)} ({status.reason.partition(':')[0]})"
    code = _exit_code(status, ended)
    hint = reason_hint(reason) or EXIT_CODE_HINTS.get(code, "")
    return JobOutcome(status.name, code, reason, hint, ended.message if ended else "")


def _describe(ended: ContainerEnd) -> str:
    if ended.lost:
        return ended.lost
    if ended.exit_code is None:
        return ended.reason or "its pod is gone"
    if ended.reason == "OOMKilled":
        return f"OOMKilled: the container's memory limit was reached, exit code {ended.exit_code}"
    return f"exit code {ended.exit_code}, {EXIT_CODE_MEANINGS.get(ended.exit_code, 'unknown')}"


def _exit_code(status: JobStatus, ended: ContainerEnd | None) -> int:
    if status.reason.startswith("DeadlineExceeded"):
        return TRY_AGAIN
    return (ended.exit_code if ended else None) or FAILED


def deleted_outcome(name: str) -> JobOutcome:
    """Give the outcome of a Job that somebody deleted."""
    hint = "submit it again: it goes on from its checkpoint"
    return JobOutcome(name, TRY_AGAIN, "it was deleted before it was over", hint)


def image_error_outcome(status: JobStatus) -> JobOutcome:
    """Give the outcome of a Job whose image cannot be pulled; the Job stays, and starts once the image is there."""
    return JobOutcome(status.name, UNAVAILABLE, status.reason, reason_hint(status.reason))
