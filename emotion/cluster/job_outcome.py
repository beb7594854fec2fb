"""Decides how an ended Job is reported: its exit code, the reason, a hint, and its last pod's last lines."""

from dataclasses import dataclass

from emotion.cluster.job_status import ContainerEnd, JobStatus, Phase, reason_hint
from emotion.errors import ExitCode

# Pods can also end with two codes that are not the commands' own.
EXIT_CODE_MEANINGS: dict[int, str] = {
    **{code: code.meaning for code in ExitCode},
    1: "an internal error",
    137: "killed",
}
EXIT_CODE_HINTS: dict[int, str] = {
    ExitCode.INPUT_MISSING: "put the data into the store: emotion put DIR NAME",
    ExitCode.UNAVAILABLE: (
        "weights are fetched by `emotion submit prefetch`, or put: emotion put FOLDER weights/ORG/NAME"
    ),
    ExitCode.CANNOT_WRITE: (
        "the store is full or read-only: remove runs (`emotion runs rm --cluster`), or enlarge the claim"
    ),
    ExitCode.BAD_PARAMETERS: "give the run another --run name, or mend the parameters",
}


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
        return ExitCode.TRY_AGAIN
    return (ended.exit_code if ended else None) or ExitCode.CHECK_FAILED


def deleted_outcome(name: str) -> JobOutcome:
    """Give the outcome of a Job that somebody deleted."""
    hint = "submit it again: it goes on from its checkpoint"
    return JobOutcome(name, ExitCode.TRY_AGAIN, "it was deleted before it was over", hint)


def image_error_outcome(status: JobStatus) -> JobOutcome:
    """Give the outcome of a Job whose image cannot be pulled; the Job stays, and starts once the image is there."""
    return JobOutcome(status.name, ExitCode.UNAVAILABLE, status.reason, reason_hint(status.reason))
