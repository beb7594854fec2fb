"""Finds the store pods that killed commands left behind, and removes them.

A running command keeps a process in its pod that holds a lock; the lock is free when the command ends in any way. The
pod's readiness probe tries the lock. So the cluster itself shows whether a pod is in use, without comparing clocks or
owners. The minute bridges lost connections.
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
    """List the Jobs of store pods that no command has used for a minute.

    Raises:
        EmotionError: kubectl failed.
    """
    return sorted(pod["metadata"]["labels"][JOB_NAME] for pod in _running_pods(kubectl) if _is_left(pod))


def remove_left_pods(kubectl: Kubectl, report: Callable[[str], None]) -> None:
    """Remove pods that killed commands left behind; `report` gets lines for people.

    Raises:
        EmotionError: the pods cannot be listed.
    """
    for name in left_pods(kubectl):
        with suppress(EmotionError):
            _delete(kubectl, name)
            report(f"removed {name}, which a killed command left behind")


def remove_pod(kubectl: Kubectl, name: str) -> None:
    """Remove the Job of a store pod, unless a command uses the pod.

    Raises:
        TryAgainError: a command uses the pod.
        EmotionError: kubectl failed.
    """
    for pod in _running_pods(kubectl):
        if pod["metadata"]["labels"][JOB_NAME] == name and not _is_left(pod):
            raise TryAgainError(
                f"a command uses the pod {name}, or did within the last minute",
                f"stop that command, or force the removal: {kubectl.pasteable('delete', 'job', name)}",
            )
    _delete(kubectl, name)


def _delete(kubectl: Kubectl, name: str) -> None:
    kubectl.run("delete", "job", name, "--ignore-not-found", "--wait=false")


def _running_pods(kubectl: Kubectl) -> list[Object]:
    pods = kubectl.items("pods", f"--selector={SELECTOR},{RECOMMENDED}component=transfer")
    return [pod for pod in pods if pod.get("status", {}).get("phase") == "Running"]


def _is_left(pod: Object) -> bool:
    """Whether a pod's probe has found no command for a minute."""
    status = pod["status"]
    used = any(container["ready"] for container in status.get("containerStatuses", []) if container["name"] == "main")
    changes = [condition for condition in status.get("conditions", []) if condition["type"] == "Ready"]
    if used or not changes:
        return False
    since = datetime.fromisoformat(changes[0]["lastTransitionTime"])
    return (datetime.now(UTC) - since).total_seconds() > LEFT_SECONDS
