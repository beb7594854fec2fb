"""Reads a pod's status from the API's object: why it waits, how it ended, and why it was removed."""

from dataclasses import dataclass
from typing import Any

from emotion.cluster.labels import INDEX, INDEX_FAILURES
from emotion.errors import ExitCode

# Longer messages are cut in the middle: the end has the cause.
LONGEST_MESSAGE = 240
# The causes of evictions, by the reason of the pod's condition DisruptionTarget.
EVICTIONS = {
    "EvictionByEvictionAPI": "requested, for example by a drain of its node",
    "PreemptionByScheduler": "a pod of higher priority takes its place",
    "DeletionByTaintManager": "its node was tainted or lost",
    "DeletionByPodGC": "its node is gone",
    "TerminationByKubelet": "its node was shut down, or ran out of memory or disk",
}


@dataclass(frozen=True)
class ContainerEnd:
    """How a pod's container ended."""

    exit_code: int | None
    reason: str
    message: str


@dataclass(frozen=True)
class Pod:
    """A pod of a Job: `index` is the number of its shard or worker, or -1 if the Job has only one pod.

    `removal` describes how the pod is removed: "evicted: its node is gone", "deleted", or "" if it stays.
    `index_failures` counts the failures of earlier pods with this index, if the Job counts failures per index.
    """

    name: str
    uid: str
    index: int
    index_failures: int
    node: str
    created: str
    started: bool
    ended: ContainerEnd | None
    succeeded: bool
    removal: str
    waiting_reason: str

    @property
    def failed(self) -> bool:
        """Whether the pod has ended without success."""
        return self.ended is not None and not self.succeeded

    @property
    def counts(self) -> bool:
        """Whether the Job's backoffLimit counts the failure: podFailurePolicy ignores evictions and exit code 75."""
        return (
            self.ended is not None
            and self.failed
            and self.ended.exit_code != ExitCode.TRY_AGAIN
            and not self.removal.startswith("evicted")
        )


def read_pod(pod: dict[str, Any], job_stop: str) -> Pod:
    """Read a pod; `job_stop` is the reason why its Job stops all pods, or ""."""
    status, metadata = pod.get("status", {}), pod["metadata"]
    labels, annotations = metadata.get("labels", {}), metadata.get("annotations", {})
    containers = [container for container in status.get("containerStatuses", []) if container["name"] == "main"]
    state = containers[0].get("state", {}) if containers else {}
    over = status.get("phase") in {"Failed", "Succeeded"}
    return Pod(
        name=metadata["name"],
        uid=metadata.get("uid", ""),
        index=int(annotations.get(INDEX, labels.get(INDEX, -1))),
        index_failures=int(annotations.get(INDEX_FAILURES, 0)),
        node=pod.get("spec", {}).get("nodeName", ""),
        created=metadata.get("creationTimestamp", ""),
        started="running" in state or "terminated" in state,
        ended=_read_end(status, state.get("terminated", {})) if over else None,
        succeeded=status.get("phase") == "Succeeded",
        removal=_read_removal(pod, job_stop),
        waiting_reason="" if over else _waiting_reason(status, state.get("waiting", {})),
    )


def _read_end(status: dict[str, Any], terminated: dict[str, Any]) -> ContainerEnd:
    return ContainerEnd(
        exit_code=terminated.get("exitCode"),
        reason=terminated.get("reason", "") or status.get("reason", ""),
        message=(terminated.get("message") or status.get("message") or "").strip(),
    )


def _read_removal(pod: dict[str, Any], job_stop: str) -> str:
    status = pod.get("status", {})
    # The condition exists while the pod terminates: a failed pod may be visible for only a second.
    eviction = true_conditions(status).get("DisruptionTarget")
    if eviction is None and status.get("reason") in {"Evicted", "Preempting", "Shutdown", "NodeLost", "Terminated"}:
        eviction = status
    if eviction is not None:
        cause = EVICTIONS.get(eviction.get("reason", "")) or eviction.get("message") or eviction.get("reason", "")
        return f"evicted: {shorten(cause)}"
    if "deletionTimestamp" not in pod["metadata"]:
        return ""
    return f"stopped: {job_stop}" if job_stop else "deleted"


def _waiting_reason(status: dict[str, Any], waiting: dict[str, Any]) -> str:
    """Why a pod does not run yet; "" if the API gives no reason, or the pod is starting."""
    for condition in status.get("conditions", []):
        if condition["type"] == "PodScheduled" and condition["status"] == "False":
            return reason_of(condition)
    ordinary = {"ContainerCreating", "PodInitializing", ""}
    return "" if waiting.get("reason", "") in ordinary else reason_of(waiting)


def true_conditions(status: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Map the types of true conditions to the conditions."""
    return {condition["type"]: condition for condition in status.get("conditions", []) if condition["status"] == "True"}


def reason_of(source: dict[str, Any]) -> str:
    """Format the reason and the message of a condition, a container's state or an event."""
    reason, message = source.get("reason", ""), shorten(source.get("message", ""))
    return f"{reason}: {message}" if reason and message else reason or message


def shorten(message: str) -> str:
    """Cut out the middle of a long message."""
    if len(message) <= LONGEST_MESSAGE:
        return message
    return f"{message[: LONGEST_MESSAGE // 2]} ... {message[-LONGEST_MESSAGE // 2 :]}"
