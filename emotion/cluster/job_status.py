"""Reads how a Job stands from what the API says of it, its pods and events: its phase, and the reason in words."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from emotion.cluster.render import QUEUE
from emotion.errors import ExitCode

JOB_NAME = "batch.kubernetes.io/job-name"
INDEX = "batch.kubernetes.io/job-completion-index"
LABEL = "app.kubernetes.io/"
Object = dict[str, Any]
# No attempt follows these exit codes, as the failure policies say.
PERMANENT = {code for code in ExitCode if code.permanent}
# Of a message of the cluster's so many characters are told: its begin, and its end, which has the cause.
LONGEST = 240


class Phase(StrEnum):
    """How far a Job has come."""

    QUEUED = "queued"
    WAITING = "waiting"
    RUNNING = "running"
    RETRYING = "retrying"
    COMPLETE = "complete"
    FAILED = "failed"

    @property
    def over(self) -> bool:
        """Whether nothing will change any more."""
        return self in {Phase.COMPLETE, Phase.FAILED}


@dataclass(frozen=True)
class ContainerEnd:
    """How a pod's container ended. `lost` says why where it was taken from its node rather than failed."""

    exit_code: int | None
    reason: str
    message: str
    lost: str


@dataclass(frozen=True)
class Pod:
    """One attempt: `index` is its share's or worker's number, -1 where there is only one."""

    name: str
    index: int
    node: str
    created: str
    begun: bool
    ended: ContainerEnd | None
    succeeded: bool
    waits: str


@dataclass(frozen=True)
class JobStatus:
    """A Job, its pods from old to new, and why it waits or has failed."""

    name: str
    job: str
    run: str
    component: str
    phase: Phase
    reason: str
    pods: tuple[Pod, ...]
    retries: int
    wanted: int
    succeeded: int
    created: str
    uid: str

    @property
    def age(self) -> float:
        """Seconds since it was created."""
        return max(0.0, (datetime.now(UTC) - _time(self.created)).total_seconds())

    @property
    def current(self) -> Pod | None:
        """The newest pod of the lowest index that is at work, or else the newest."""
        at_work = sorted(
            (pod for pod in self.pods if pod.ended is None and not pod.succeeded), key=lambda pod: pod.index
        )
        return at_work[0] if at_work else (self.pods[-1] if self.pods else None)

    @property
    def last_failure(self) -> ContainerEnd | None:
        """How the last pod that failed ended; one that decided the Job's end comes before those stopped by it."""
        ended = [pod.ended for pod in self.pods if pod.ended is not None and not pod.succeeded]
        decided = [each for each in ended if each.exit_code in PERMANENT]
        return (decided or ended)[-1] if ended else None


def read_job_status(job: Object, pods: Iterable[Object], why: str = "") -> JobStatus:
    """Read a Job's standing; `why` is what its events and its queue say, where they were asked."""
    attempts = tuple(sorted(map(_pod, pods), key=lambda pod: (pod.created, pod.name)))
    status, labels = job.get("status", {}), job["metadata"].get("labels", {})
    phase, reason = _phase(job, attempts, why)
    name = job["metadata"]["name"]
    failed = sum(1 for pod in attempts if pod.ended is not None and not pod.succeeded)
    return JobStatus(
        name=name,
        job=labels.get(f"{LABEL}name", name),
        run=labels.get(f"{LABEL}instance", name),
        component=labels.get(f"{LABEL}component", ""),
        phase=phase,
        reason=reason,
        pods=attempts,
        retries=max(failed, status.get("failed", 0)) - (1 if phase is Phase.FAILED and failed else 0),
        wanted=job["spec"].get("completions") or 1,
        succeeded=status.get("succeeded", 0),
        created=job["metadata"].get("creationTimestamp", ""),
        uid=job["metadata"].get("uid", ""),
    )


def _phase(job: Object, pods: Sequence[Pod], why: str) -> tuple[Phase, str]:
    conditions = {
        each["type"]: each for each in job.get("status", {}).get("conditions", []) if each["status"] == "True"
    }
    if "Complete" in conditions:
        return Phase.COMPLETE, ""
    if "Failed" in conditions:
        return Phase.FAILED, reason_of(conditions["Failed"])
    if job["spec"].get("suspend"):
        queue = job["metadata"].get("labels", {}).get(QUEUE)
        return Phase.QUEUED, why or (f"in the queue {queue}" if queue else "suspended")
    reason = next((pod.waits for pod in pods if pod.waits), why)
    if any(pod.begun and pod.ended is None for pod in pods):
        return Phase.RUNNING, reason
    ended = [pod for pod in pods if pod.ended is not None and not pod.succeeded]
    return (Phase.RETRYING if ended else Phase.WAITING), reason


def reason_of(told: Object) -> str:
    """Reason and message of a condition, a state or an event."""
    reason, message = told.get("reason", ""), told.get("message", "")
    if len(message) > LONGEST:
        message = f"{message[: LONGEST // 2]} ... {message[-LONGEST // 2 :]}"
    return f"{reason}: {message}" if reason and message else reason or message


def _pod(pod: Object) -> Pod:
    status, metadata = pod.get("status", {}), pod["metadata"]
    states = [each for each in status.get("containerStatuses", []) if each["name"] == "main"]
    state = states[0].get("state", {}) if states else {}
    over = status.get("phase") in {"Failed", "Succeeded"}
    succeeded = status.get("phase") == "Succeeded"
    return Pod(
        name=metadata["name"],
        index=int(metadata.get("annotations", {}).get(INDEX, metadata.get("labels", {}).get(INDEX, -1))),
        node=pod.get("spec", {}).get("nodeName", ""),
        created=metadata.get("creationTimestamp", ""),
        begun="running" in state or "terminated" in state,
        ended=_ended(status, state.get("terminated", {})) if over else None,
        succeeded=succeeded,
        waits="" if over else _waits(status, state.get("waiting", {})),
    )


def _ended(status: Object, terminated: Object) -> ContainerEnd:
    conditions = {each["type"]: each for each in status.get("conditions", []) if each["status"] == "True"}
    lost = conditions.get("DisruptionTarget", {})
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


def _waits(status: Object, waiting: Object) -> str:
    """Why a pod does not run yet; nothing where that is not said, or it only takes its time."""
    for condition in status.get("conditions", []):
        if condition["type"] == "PodScheduled" and condition["status"] == "False":
            return reason_of(condition)
    ordinary = {"ContainerCreating", "PodInitializing", ""}
    return "" if waiting.get("reason", "") in ordinary else reason_of(waiting)


# What a reason means, and what helps.
HINTS: Sequence[tuple[str, str]] = (
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


def hint(reason: str) -> str:
    """What helps against a reason; nothing where nothing is known."""
    return next((help_ for pattern, help_ in HINTS if re.search(pattern, reason)), "")


def unpullable(reason: str) -> bool:
    """Whether a pod waits for an image that cannot be had."""
    return re.match(r"ImagePullBackOff|ErrImagePull|InvalidImageName|ErrImageNeverPull", reason) is not None


def _time(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return datetime.now(UTC)
