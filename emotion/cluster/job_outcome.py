"""Decides how an ended Job is reported: exit code, reason, hint, and the last lines of the last pod."""

import re
from dataclasses import dataclass
from enum import StrEnum

from emotion.cluster.job_status import JobStatus, Phase, reason_hint
from emotion.cluster.kubectl import Kubectl
from emotion.cluster.log_lines import split_hint
from emotion.cluster.pod_status import ContainerEnd, Pod
from emotion.errors import ExitCode

# Pods can also end with two codes that no command returns.
EXIT_CODE_MEANINGS: dict[int, str] = {
    **{code: code.meaning for code in ExitCode},
    1: "an internal error",
    137: "killed",
}
# For pods that printed no hint, or are gone: by exit code and, where it matters, by the Job's component.
EXIT_CODE_HINTS: dict[tuple[int, str], str] = {
    (ExitCode.INPUT_MISSING, "train"): "put the data into the store: emotion put DIR NAME{flags}",
    (ExitCode.INPUT_MISSING, "classify"): (
        "put the files into the store (emotion put DIR inputs/NAME{flags}), and compare the store's runs"
        " (emotion submit aggregate{flags})"
    ),
    (ExitCode.INPUT_MISSING, "aggregate"): "train a model first: emotion submit ann{flags}",
    (ExitCode.UNAVAILABLE, "train"): (
        "to get weights: emotion submit prefetch{flags}, or emotion put FOLDER weights/ORG/NAME{flags};"
        " to train without a GPU: --gpus 0"
    ),
    (ExitCode.UNAVAILABLE, "prefetch"): (
        "name a mirror of the hub as `HF_ENDPOINT` in a ConfigMap `hub`; or put the missing files:"
        " emotion put DIR NAME{flags}, emotion put FOLDER weights/ORG/NAME{flags}"
    ),
    (ExitCode.UNAVAILABLE, "classify"): "to classify without a GPU: --gpus 0",
    (ExitCode.CANNOT_WRITE, ""): (
        "the store is full or read-only: remove runs (emotion runs rm RUN --cluster{flags}), or enlarge the claim"
    ),
    (ExitCode.BAD_PARAMETERS, ""): "choose another --run name, or fix the parameters",
}


# Kubernetes writes the failing exit code into the Job's condition, which outlives the pods.
FAILING_CODE = re.compile(r"failed with exit code (\d+)")


class Verdict(StrEnum):
    """How a Job ended."""

    COMPLETE = "complete"
    FAILED = "failed"
    CANCELLED = "cancelled"


@dataclass(frozen=True)
class JobOutcome:
    """A Job's end. `exit_code` is 0 for success, 75 for a stopped Job, else the last failed pod's exit code.

    `last_lines` are the failed pod's last lines; `has_pods` is whether pods with logs are left; `failed_indexes` are
    the failed indexes of a Job that continued with the others.
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
        """Whether the Job continued after some of its indexes failed."""
        return "FailedIndexes" in self.reason

    def __str__(self) -> str:
        return f"{self.verdict}: {self.reason}" if self.reason else self.verdict


def job_outcome(kubectl: Kubectl, status: JobStatus) -> JobOutcome:
    """Decide the outcome of an ended Job; the pod's own hint comes before a general hint."""
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
    """Find the hint in a pod's last lines; add this command's context, which the pod does not know."""
    hint = split_hint(message)[1]
    return f"{hint} (with --context {kubectl.context})" if kubectl.context and "emotion " in hint else hint


def _exit_code_hint(kubectl: Kubectl, status: JobStatus, code: int) -> str:
    hint = EXIT_CODE_HINTS.get((code, status.component)) or EXIT_CODE_HINTS.get((code, ""), "")
    return hint.format(flags=kubectl.flags)


def _deciding_failure(status: JobStatus) -> tuple[ContainerEnd, str] | None:
    """Find the end and the removal of the pod that failed the Job; without the pod, use the Job's condition."""
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
    """Describe a failed or lost pod: "failed with exit code 69 (something needed is unavailable)"."""
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
    hint = "submit it again: the stored files stay"
    return JobOutcome(name, Verdict.CANCELLED, ExitCode.TRY_AGAIN, "somebody deleted it", hint, has_pods=False)


def image_error_outcome(kubectl: Kubectl, status: JobStatus) -> JobOutcome:
    """Give the outcome of a Job without a pullable image; the Job stays, and starts when the image exists."""
    hint = reason_hint(kubectl, status.reason)
    return JobOutcome(status.name, Verdict.FAILED, ExitCode.UNAVAILABLE, status.reason, hint)
