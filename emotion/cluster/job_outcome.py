"""Decides how an ended Job is reported: its exit code, the reason, a hint, and its last pod's last lines."""

import re
from dataclasses import dataclass
from enum import StrEnum

from emotion.cluster.job_status import JobStatus, Phase, reason_hint
from emotion.cluster.kubectl import Kubectl
from emotion.cluster.log_lines import split_hint
from emotion.cluster.pod_status import ContainerEnd, Pod
from emotion.errors import ExitCode

# Pods can also end with two codes that are not the commands' own.
EXIT_CODE_MEANINGS: dict[int, str] = {
    **{code: code.meaning for code in ExitCode},
    1: "an internal error",
    137: "killed",
}
# For pods that gave no hint of their own, or are gone: by exit code, and where it matters by the Job's component.
EXIT_CODE_HINTS: dict[tuple[int, str], str] = {
    (ExitCode.INPUT_MISSING, "train"): "put the data into the store: emotion put DIR NAME{flags}",
    (ExitCode.INPUT_MISSING, "classify"): (
        "put the files into the store (emotion put DIR inputs/NAME{flags}), and compare its runs"
        " (emotion submit aggregate{flags})"
    ),
    (ExitCode.INPUT_MISSING, "aggregate"): "train a model first: emotion submit ann{flags}",
    (ExitCode.UNAVAILABLE, "train"): (
        "weights are fetched by `emotion submit prefetch{flags}`, or put: emotion put FOLDER weights/ORG/NAME{flags};"
        " where it is a GPU that is missing, add --gpus 0"
    ),
    (ExitCode.UNAVAILABLE, "prefetch"): (
        "`HF_ENDPOINT` in a ConfigMap `hub` names a mirror of the hub; or put what it lacks:"
        " emotion put DIR NAME{flags}, emotion put FOLDER weights/ORG/NAME{flags}"
    ),
    (ExitCode.UNAVAILABLE, "classify"): "where it is a GPU that is missing, submit it with --gpus 0",
    (ExitCode.CANNOT_WRITE, ""): (
        "the store is full or read-only: remove runs (emotion runs rm RUN --cluster{flags}), or enlarge the claim"
    ),
    (ExitCode.BAD_PARAMETERS, ""): "give the run another --run name, or mend the parameters",
}


# Kubernetes writes into a Job's condition which exit code failed the Job: it outlives the pods.
FAILING_CODE = re.compile(r"failed with exit code (\d+)")


class Verdict(StrEnum):
    """How a Job ended."""

    COMPLETE = "complete"
    FAILED = "failed"
    CANCELLED = "cancelled"


@dataclass(frozen=True)
class JobOutcome:
    """A Job's end. `exit_code` is 0 for success, else the last failed pod's, or 75 where the Job was stopped.

    `last_lines` are the last lines of the pod that failed; `has_pods` is whether pods with logs are left;
    `failed_indexes` are the indexes that failed where others went on.
    """

    name: str
    verdict: Verdict
    exit_code: int
    reason: str = ""
    hint: str = ""
    last_lines: str = ""
    has_pods: bool = True
    failed_indexes: frozenset[int] = frozenset()

    @property
    def some_complete(self) -> bool:
        """Whether the Job went on after the failure of some of its indexes."""
        return "FailedIndexes" in self.reason

    def __str__(self) -> str:
        return f"{self.verdict}: {self.reason}" if self.reason else self.verdict


def job_outcome(kubectl: Kubectl, status: JobStatus) -> JobOutcome:
    """Decide the outcome of a Job that has ended; its hint is the pod's own, if the pod gave one."""
    has_pods = bool(status.pods)
    if status.phase is Phase.COMPLETE:
        return JobOutcome(status.name, Verdict.COMPLETE, 0, has_pods=has_pods)
    failure, reason = _deciding_failure(status), status.reason
    if failure is not None and not reason.startswith("DeadlineExceeded"):
        reason = f"{_describe(*failure)} ({status.reason.partition(':')[0]})"
    ended = failure[0] if failure else None
    code = _exit_code(status, ended)
    message = ended.message if ended else ""
    hint = reason_hint(kubectl, reason) or _own_hint(kubectl, message) or _exit_code_hint(kubectl, status, code)
    failed = frozenset(status.failed_indexes)
    return JobOutcome(status.name, Verdict.FAILED, code, reason, hint, message, has_pods, failed)


def _own_hint(kubectl: Kubectl, message: str) -> str:
    """Give the hint in a pod's last words; a pod cannot name this command's context."""
    hint = split_hint(message)[1]
    return f"{hint} (with --context {kubectl.context})" if kubectl.context and "emotion " in hint else hint


def _exit_code_hint(kubectl: Kubectl, status: JobStatus, code: int) -> str:
    hint = EXIT_CODE_HINTS.get((code, status.component)) or EXIT_CODE_HINTS.get((code, ""), "")
    return hint.format(flags=kubectl.flags)


def _deciding_failure(status: JobStatus) -> tuple[ContainerEnd, str] | None:
    """Give the end and the removal of the pod that failed the Job; by the Job's condition where the pod is gone."""
    last = status.last_failure
    if failing := FAILING_CODE.search(status.reason):
        code = int(failing[1])
        ends = [(pod.ended, "") for pod in status.pods if pod.ended is not None and pod.ended.exit_code == code]
        return ends[-1] if ends else (ContainerEnd(code, "", ""), "")
    return (last.ended, last.removal) if last is not None and last.ended is not None else None


def _describe(ended: ContainerEnd, removal: str) -> str:
    if removal:
        return f"its pod was {removal}"
    if ended.exit_code is None:
        return ended.reason or "its pod is gone"
    if ended.reason == "OOMKilled":
        return f"OOMKilled: the container's memory limit was reached, exit code {ended.exit_code}"
    return f"exit code {ended.exit_code}, {EXIT_CODE_MEANINGS.get(ended.exit_code, 'unknown')}"


def describe_failure(pod: Pod) -> str:
    """Say how a pod ended that failed or is gone: "failed with exit code 69 (something needed is unavailable)"."""
    if pod.removal:
        return f"was {pod.removal}"
    if pod.ended is None:
        return "is gone"
    code = pod.ended.exit_code
    if code is None or pod.ended.reason == "OOMKilled":
        return f"failed: {_describe(pod.ended, '')}"
    return f"failed with exit code {code} ({EXIT_CODE_MEANINGS.get(code, 'unknown')})"


def _exit_code(status: JobStatus, ended: ContainerEnd | None) -> int:
    if status.reason.startswith("DeadlineExceeded"):
        return ExitCode.TRY_AGAIN
    return (ended.exit_code if ended else None) or ExitCode.CHECK_FAILED


def cancelled_outcome(name: str) -> JobOutcome:
    """Give the outcome of a Job that somebody deleted before its end."""
    hint = "submit it again: what its pods have stored stays"
    return JobOutcome(name, Verdict.CANCELLED, ExitCode.TRY_AGAIN, "somebody deleted it", hint, has_pods=False)


def image_error_outcome(kubectl: Kubectl, status: JobStatus) -> JobOutcome:
    """Give the outcome of a Job whose image cannot be pulled; the Job stays, and starts once the image is there."""
    hint = reason_hint(kubectl, status.reason)
    return JobOutcome(status.name, Verdict.FAILED, ExitCode.UNAVAILABLE, status.reason, hint)
