"""Reads a Job's status from the API's objects: its phase, its pods, and why it waits or failed."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from emotion.cluster.attempts import FINAL_EXIT_CODES, count_retries, failed_indexes, final_failures, is_decided
from emotion.cluster.kubectl import Kubectl
from emotion.cluster.labels import QUEUE, RECOMMENDED
from emotion.cluster.pod_status import Pod, read_pod, reason_of, true_conditions

Object = dict[str, Any]


class Phase(StrEnum):
    """A Job's phase."""

    QUEUED = "queued"
    WAITING = "waiting"
    RUNNING = "running"
    RETRYING = "retrying"
    # All pods have ended or are stopping; Kubernetes will set Complete or Failed next.
    FINISHING = "finishing"
    CANCELLING = "cancelling"
    COMPLETE = "complete"
    FAILED = "failed"

    @property
    def over(self) -> bool:
        """Whether the Job has ended."""
        return self in {Phase.COMPLETE, Phase.FAILED}

    @property
    def goes_on(self) -> bool:
        """Whether the Job may still start pods."""
        return not self.over and self not in {Phase.FINISHING, Phase.CANCELLING}


@dataclass(frozen=True)
class JobStatus:
    """A Job, its pods from oldest to newest, and the `reason` why it waits or failed.

    `name` is the Kubernetes Job, `job` its folder in jobs/, and `run` the name of its run. `final_failures` are the
    names of failed pods that no other pod replaces; `failed_indexes` are their indexes.
    """

    name: str
    job: str
    run: str
    component: str
    phase: Phase
    reason: str
    pods: tuple[Pod, ...]
    final_failures: set[str]
    failed_indexes: set[int]
    retries: int
    completions: int
    succeeded: int
    created: str
    uid: str

    @property
    def age(self) -> float:
        """Seconds since the Job was created."""
        return max(0.0, (datetime.now(UTC) - _parse_time(self.created)).total_seconds())

    @property
    def current(self) -> Pod | None:
        """The pod of the lowest index that has not ended, else the newest pod."""
        at_work = sorted(
            (pod for pod in self.pods if pod.ended is None and not pod.succeeded), key=lambda pod: pod.index
        )
        return at_work[0] if at_work else (self.pods[-1] if self.pods else None)

    @property
    def last_failure(self) -> Pod | None:
        """The last pod with an exit code that ended the Job, else the last failed pod."""
        failures = [pod for pod in self.pods if pod.failed]
        final = [pod for pod in failures if pod.ended is not None and pod.ended.exit_code in FINAL_EXIT_CODES]
        return (final or failures)[-1] if failures else None


def read_job_status(job: Object, pods: Iterable[Object], known_reason: str = "") -> JobStatus:
    """Read a Job's status; `known_reason` is the reason for waiting from events or the queue."""
    stop = _stop_reason(job)
    read_pods = tuple(sorted((read_pod(pod, stop) for pod in pods), key=lambda pod: (pod.created, pod.name)))
    status, labels = job.get("status", {}), job["metadata"].get("labels", {})
    phase, reason = _read_phase(job, read_pods, known_reason)
    name = job["metadata"]["name"]
    return JobStatus(
        name=name,
        job=labels.get(f"{RECOMMENDED}name", name),
        run=labels.get(f"{RECOMMENDED}instance", name),
        component=labels.get(f"{RECOMMENDED}component", ""),
        phase=phase,
        reason=reason,
        pods=read_pods,
        final_failures=final_failures(job, read_pods),
        failed_indexes=failed_indexes(job),
        retries=count_retries(job, read_pods),
        completions=job["spec"].get("completions") or 1,
        succeeded=status.get("succeeded", 0),
        created=job["metadata"].get("creationTimestamp", ""),
        uid=job["metadata"].get("uid", ""),
    )


def _stop_reason(job: Object) -> str:
    """Give the reason why a Job stops all its pods; "" if the Job does not."""
    conditions = true_conditions(job.get("status", {}))
    if "SuccessCriteriaMet" in conditions:
        return "the job has succeeded"
    if "FailureTarget" in conditions:
        return reason_of(conditions["FailureTarget"])
    if "deletionTimestamp" in job["metadata"]:
        return "the job is cancelled"
    return "the job is suspended" if job["spec"].get("suspend") else ""


def _read_phase(job: Object, pods: Sequence[Pod], known_reason: str) -> tuple[Phase, str]:
    conditions = true_conditions(job.get("status", {}))
    if "Complete" in conditions:
        return Phase.COMPLETE, ""
    if "Failed" in conditions:
        return Phase.FAILED, reason_of(conditions["Failed"])
    if "deletionTimestamp" in job["metadata"]:
        return Phase.CANCELLING, ""
    if job["spec"].get("suspend"):
        queue = job["metadata"].get("labels", {}).get(QUEUE)
        return Phase.QUEUED, known_reason or (f"in the queue {queue}" if queue else "suspended")
    return (Phase.FINISHING, "") if is_decided(job, pods) else _read_open_phase(job, pods, known_reason)


def _read_open_phase(job: Object, pods: Sequence[Pod], known_reason: str) -> tuple[Phase, str]:
    reason = next((pod.waiting_reason for pod in pods if pod.waiting_reason), known_reason)
    if any(pod.started and pod.ended is None for pod in pods):
        return Phase.RUNNING, reason
    failures = max(job.get("status", {}).get("failed", 0), sum(pod.failed for pod in pods))
    return (Phase.RETRYING if failures > len(final_failures(job, pods)) else Phase.WAITING), reason


# A pattern of a reason, and a hint. {kubectl} stands for the start of a command.
REASON_HINTS: Sequence[tuple[str, str]] = (
    # Only GPU resources have a slash in the name, regardless of --gpu-resource.
    (r"Insufficient \S+/", "no node has a free GPU: wait, or train without a GPU: --gpus 0"),
    (
        r"Insufficient (cpu|memory|ephemeral-storage)",
        "no node has enough free resources: wait, or request less in an overlay",
    ),
    (
        r"untolerated taint|node affinity|node selector",
        "no node matches: check the overlay's selectors and tolerations, and --spot",
    ),
    (r"persistentvolumeclaim|PersistentVolumeClaim", "the store's claim is not bound: {kubectl} describe pvc"),
    (
        r"ImagePull|ErrImage|InvalidImageName",
        "the image cannot be pulled: use `make push` and --image; a private registry needs the Secret `registry`",
    ),
    (r"exceeded quota", "the namespace's quota is used up: {kubectl} describe resourcequota"),
    (
        r"serviceaccount .* not found",
        "apply the setup to this namespace: k8s/setup, or your copy of k8s/overlays/cluster/setup",
    ),
    (r"violates PodSecurity", "the namespace forbids settings of the overlay: change the overlay"),
    (
        r"secret .* not found|configmap .* not found",
        "the overlay names a missing object: create the object, or change the overlay",
    ),
    (
        r"OOMKilled",
        "memory ran out: submit it again, then training splits batches further; or raise the limit",
    ),
    (
        r"DeadlineExceeded",
        "the job took longer than activeDeadlineSeconds: submit it again to resume from its checkpoint",
    ),
)


def reason_hint(kubectl: Kubectl, reason: str) -> str:
    """Find what to do about a reason; "" if no hint is known."""
    hint = next((hint for pattern, hint in REASON_HINTS if re.search(pattern, reason)), "")
    return hint.format(kubectl=kubectl.pasteable())


def is_image_error(reason: str) -> bool:
    """Whether a pod waits for an image that cannot be pulled."""
    return re.match(r"ImagePullBackOff|ErrImagePull|InvalidImageName|ErrImageNeverPull", reason) is not None


def _parse_time(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return datetime.now(UTC)
