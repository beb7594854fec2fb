"""Finds the pods with the store that killed commands left behind, and removes them.

A command at work holds a lock in its pod, by a command in the pod that ends with it, however it ends. The pod's
readiness probe tries the lock. So the cluster itself says whether a pod is in use, and no clock or name of an owner is
compared. The minute is for connections that are lost and come back.
"""

from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime

from emotion.cluster.job_status import Object
from emotion.cluster.kubectl import Kubectl
from emotion.cluster.labels import JOB_NAME, RECOMMENDED, SELECTOR
from emotion.errors import EmotionError, TryAgainError

LEFT_SECONDS = 60.0


def left_pods(kubectl: Kubectl) -> list[str]:
    """List the Jobs of pods with the store that no command has used for a minute.

    Raises:
        EmotionError: kubectl failed.
    """
    return sorted(pod["metadata"]["labels"][JOB_NAME] for pod in _running_pods(kubectl) if _is_left(pod))


def remove_left_pods(kubectl: Kubectl, report: Callable[[str], None]) -> None:
    """Remove what killed commands left behind; `report` gets lines for people.

    Raises:
        EmotionError: the pods cannot be listed.
    """
    for name in left_pods(kubectl):
        with suppress(EmotionError):
            _delete(kubectl, name)
            report(f"removed {name}, which a killed command left behind")


def remove_pod(kubectl: Kubectl, name: str) -> None:
    """Remove a Job with the store, unless a command is at work in its pod.

    Raises:
        TryAgainError: a command is at work.
        EmotionError: kubectl failed.
    """
    for pod in _running_pods(kubectl):
        if pod["metadata"]["labels"][JOB_NAME] == name and not _is_left(pod):
            raise TryAgainError(
                f"a command is at work in {name}, or was a minute ago",
                f"stop that command where it runs, or insist: {kubectl.pasteable('delete', 'job', name)}",
            )
    _delete(kubectl, name)


def _delete(kubectl: Kubectl, name: str) -> None:
    kubectl.run("delete", "job", name, "--ignore-not-found", "--wait=false")


def _running_pods(kubectl: Kubectl) -> list[Object]:
    pods = kubectl.items("pods", f"--selector={SELECTOR},{RECOMMENDED}component=transfer")
    return [pod for pod in pods if pod.get("status", {}).get("phase") == "Running"]


def _is_left(pod: Object) -> bool:
    """Whether a running pod's probe has found no command for a minute."""
    status = pod["status"]
    used = any(container["ready"] for container in status.get("containerStatuses", []) if container["name"] == "main")
    changes = [condition for condition in status.get("conditions", []) if condition["type"] == "Ready"]
    if used or not changes:
        return False
    since = datetime.fromisoformat(changes[0]["lastTransitionTime"])
    return (datetime.now(UTC) - since).total_seconds() > LEFT_SECONDS
