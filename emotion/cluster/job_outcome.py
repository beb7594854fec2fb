"""How a Job ended: the exit code of the contract, the reason, and what its last pod said."""

from dataclasses import dataclass

from emotion.cluster.job_status import ContainerEnd, JobStatus, Phase, hint
from emotion.errors import ExitCode

MEANINGS: dict[int, str] = {**{code: code.meaning for code in ExitCode}, 1: "an internal error", 137: "killed"}
HINTS: dict[int, str] = {
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
        return ExitCode.TRY_AGAIN
    if ended is None or ended.exit_code in {None, 0}:
        return ExitCode.CHECK_FAILED
    return ended.exit_code or ExitCode.CHECK_FAILED


def deleted_outcome(name: str) -> JobOutcome:
    """The end of a Job that somebody deleted."""
    help_ = "submit it again: it goes on from its checkpoint"
    return JobOutcome(name, ExitCode.TRY_AGAIN, "it was deleted before it was over", help_)


def unpulled_outcome(standing: JobStatus) -> JobOutcome:
    """A Job whose image cannot be had: it is left as it is, and would begin if the image came."""
    return JobOutcome(standing.name, ExitCode.UNAVAILABLE, standing.reason, hint(standing.reason))
