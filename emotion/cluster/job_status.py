"""Reads a Job's status from the API's objects: its phase, its pods, and why it waits or failed."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from emotion.cluster.labels import INDEX, QUEUE, RECOMMENDED
from emotion.errors import ExitCode

Object = dict[str, Any]
# Exit codes after which the Jobs' podFailurePolicy starts no other pod.
FINAL_EXIT_CODES = {code for code in ExitCode if code.permanent}
# Longer messages lose their middle: the end has the cause.
LONGEST_MESSAGE = 240


class Phase(StrEnum):
    """A Job's phase."""

    QUEUED = "queued"
    WAITING = "waiting"
    RUNNING = "running"
    RETRYING = "retrying"
    COMPLETE = "complete"
    FAILED = "failed"

    @property
    def over(self) -> bool:
        """Whether the Job has ended."""
        return self in {Phase.COMPLETE, Phase.FAILED}


@dataclass(frozen=True)
class ContainerEnd:
    """How a pod's container ended. `lost` is the reason where the pod was taken from its node, else ""."""

    exit_code: int | None
    reason: str
    message: str
    lost: str


@dataclass(frozen=True)
class Pod:
    """A pod of a Job: `index` is the number of its shard or worker, -1 where the Job has only one."""

    name: str
    index: int
    node: str
    created: str
    started: bool
    ended: ContainerEnd | None
    succeeded: bool
    waiting_reason: str


@dataclass(frozen=True)
class JobStatus:
    """A Job, its pods from oldest to newest, and the `reason` why it waits or failed.

    `name` is the Kubernetes Job, `job` the folder of jobs/ that it was made from, `run` the name of its run.
    """

    name: str
    job: str
    run: str
    component: str
    phase: Phase
    reason: str
    pods: tuple[Pod, ...]
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
    def last_failure(self) -> ContainerEnd | None:
        """How the last failed pod ended, or the last one whose exit code ended the Job: Kubernetes stops the others."""
        failures = [pod.ended for pod in self.pods if pod.ended is not None and not pod.succeeded]
        final = [ended for ended in failures if ended.exit_code in FINAL_EXIT_CODES]
        return (final or failures)[-1] if failures else None


def read_job_status(job: Object, pods: Iterable[Object], known_reason: str = "") -> JobStatus:
    """Read a Job's status; `known_reason` is the reason for waiting by its events or its queue."""
    read_pods = tuple(sorted(map(_read_pod, pods), key=lambda pod: (pod.created, pod.name)))
    status, labels = job.get("status", {}), job["metadata"].get("labels", {})
    phase, reason = _read_phase(job, read_pods, known_reason)
    name = job["metadata"]["name"]
    failed = sum(1 for pod in read_pods if pod.ended is not None and not pod.succeeded)
    return JobStatus(
        name=name,
        job=labels.get(f"{RECOMMENDED}name", name),
        run=labels.get(f"{RECOMMENDED}instance", name),
        component=labels.get(f"{RECOMMENDED}component", ""),
        phase=phase,
        reason=reason,
        pods=read_pods,
        retries=max(failed, status.get("failed", 0)) - (1 if phase is Phase.FAILED and failed else 0),
        completions=job["spec"].get("completions") or 1,
        succeeded=status.get("succeeded", 0),
        created=job["metadata"].get("creationTimestamp", ""),
        uid=job["metadata"].get("uid", ""),
    )


def _read_phase(job: Object, pods: Sequence[Pod], known_reason: str) -> tuple[Phase, str]:
    conditions = _true_conditions(job.get("status", {}))
    if "Complete" in conditions:
        return Phase.COMPLETE, ""
    if "Failed" in conditions:
        return Phase.FAILED, reason_of(conditions["Failed"])
    if job["spec"].get("suspend"):
        queue = job["metadata"].get("labels", {}).get(QUEUE)
        return Phase.QUEUED, known_reason or (f"in the queue {queue}" if queue else "suspended")
    reason = next((pod.waiting_reason for pod in pods if pod.waiting_reason), known_reason)
    if any(pod.started and pod.ended is None for pod in pods):
        return Phase.RUNNING, reason
    failed = [pod for pod in pods if pod.ended is not None and not pod.succeeded]
    return (Phase.RETRYING if failed else Phase.WAITING), reason


def _true_conditions(status: Object) -> dict[str, Object]:
    """The conditions that hold, by type."""
    return {condition["type"]: condition for condition in status.get("conditions", []) if condition["status"] == "True"}


def reason_of(source: Object) -> str:
    """Format the reason and the message of a condition, a container's state or an event."""
    reason, message = source.get("reason", ""), source.get("message", "")
    if len(message) > LONGEST_MESSAGE:
        message = f"{message[: LONGEST_MESSAGE // 2]} ... {message[-LONGEST_MESSAGE // 2 :]}"
    return f"{reason}: {message}" if reason and message else reason or message


def _read_pod(pod: Object) -> Pod:
    status, metadata = pod.get("status", {}), pod["metadata"]
    containers = [container for container in status.get("containerStatuses", []) if container["name"] == "main"]
    state = containers[0].get("state", {}) if containers else {}
    over = status.get("phase") in {"Failed", "Succeeded"}
    succeeded = status.get("phase") == "Succeeded"
    return Pod(
        name=metadata["name"],
        index=int(metadata.get("annotations", {}).get(INDEX, metadata.get("labels", {}).get(INDEX, -1))),
        node=pod.get("spec", {}).get("nodeName", ""),
        created=metadata.get("creationTimestamp", ""),
        started="running" in state or "terminated" in state,
        ended=_read_end(status, state.get("terminated", {})) if over else None,
        succeeded=succeeded,
        waiting_reason="" if over else _waiting_reason(status, state.get("waiting", {})),
    )


def _read_end(status: Object, terminated: Object) -> ContainerEnd:
    lost = _true_conditions(status).get("DisruptionTarget", {})
    if not lost and status.get("reason") in {"Evicted", "Preempting", "Shutdown", "NodeLost", "Terminated"}:
        lost = status
    return ContainerEnd(
        exit_code=terminated.get("exitCode"),
        reason=terminated.get("reason", "") or status.get("reason", ""),
        message=(terminated.get("message") or status.get("message") or "").strip(),
        lost=(DISRUPTIONS.get(lost.get("reason", ""), "") or reason_of(lost)) if lost else "",
    )


DISRUPTIONS = {
    "EvictionByEvictionAPI": "evicted, as by a drained node",
    "PreemptionByScheduler": "preempted by a pod of higher priority",
    "DeletionByTaintManager": "its node was tainted or lost",
    "DeletionByPodGC": "its node is gone",
    "TerminationByKubelet": "its node was shut down, or ran out of memory or disk",
}


def _waiting_reason(status: Object, waiting: Object) -> str:
    """Why a pod does not run yet; "" where the API gives no reason, or the pod is just starting."""
    for condition in status.get("conditions", []):
        if condition["type"] == "PodScheduled" and condition["status"] == "False":
            return reason_of(condition)
    ordinary = {"ContainerCreating", "PodInitializing", ""}
    return "" if waiting.get("reason", "") in ordinary else reason_of(waiting)


# A pattern of a reason, and what to do.
REASON_HINTS: Sequence[tuple[str, str]] = (
    (r"Insufficient nvidia.com/gpu", "no node has a free GPU: wait, or train without one: --gpus 0"),
    (r"Insufficient (cpu|memory|ephemeral-storage)", "no node has that much free: an overlay may ask for less"),
    (r"untolerated taint|node affinity|node selector", "no node fits the overlay's selectors, --spot or tolerations"),
    (r"persistentvolumeclaim|PersistentVolumeClaim", "the store's claim is not bound: kubectl describe pvc"),
    (
        r"ImagePull|ErrImage|InvalidImageName",
        "the image cannot be pulled: `make push` and --image, and the Secret `registry` where it is private",
    ),
    (r"exceeded quota", "the namespace's quota is used up: kubectl describe resourcequota"),
    (r"serviceaccount .* not found", "apply the setup to this namespace: kubectl apply -k k8s/setup"),
    (r"violates PodSecurity", "an overlay asks for what the namespace forbids"),
    (r"secret .* not found|configmap .* not found", "an overlay names what is not in this namespace"),
    (
        r"OOMKilled",
        "memory ran out: submit it again, since training then splits its batches further; or raise the limit",
    ),
    (r"DeadlineExceeded", "it took longer than activeDeadlineSeconds: submit it again, it goes on from its checkpoint"),
)


def reason_hint(reason: str) -> str:
    """What to do about a reason; "" where no hint is known."""
    return next((hint for pattern, hint in REASON_HINTS if re.search(pattern, reason)), "")


def is_image_error(reason: str) -> bool:
    """Whether a pod waits for an image that cannot be pulled."""
    return re.match(r"ImagePullBackOff|ErrImagePull|InvalidImageName|ErrImageNeverPull", reason) is not None


def _parse_time(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return datetime.now(UTC)
