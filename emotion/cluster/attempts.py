"""Decides from a Job and its pods which attempts were retries, and whether Kubernetes will retry again."""

from collections.abc import Sequence
from typing import Any

from emotion.cluster.pod_status import Pod, true_conditions
from emotion.errors import ExitCode

# After these exit codes the Jobs' podFailurePolicy starts no other pod.
FINAL_EXIT_CODES = {code for code in ExitCode if code.permanent}
# Kubernetes' default.
BACKOFF_LIMIT = 6


def final_failures(job: dict[str, Any], pods: Sequence[Pod]) -> set[str]:
    """Give the names of the failed pods that no other pod replaces."""
    return {pod.name for pod in pods if pod.counts and _is_final(job, pods, pod)}


def _is_final(job: dict[str, Any], pods: Sequence[Pod], pod: Pod) -> bool:
    spec = job["spec"]
    if pod.ended is not None and pod.ended.exit_code in FINAL_EXIT_CODES:
        return True
    if (limit := spec.get("backoffLimitPerIndex")) is not None:
        return bool(pod.index_failures >= limit)
    failures = max(job.get("status", {}).get("failed", 0), sum(other.counts for other in pods))
    return bool(failures > spec.get("backoffLimit", BACKOFF_LIMIT))


def is_decided(job: dict[str, Any], pods: Sequence[Pod]) -> bool:
    """Whether a Job will start no more pods; Kubernetes sets Complete or Failed some seconds later."""
    status = job.get("status", {})
    if true_conditions(status).keys() & {"SuccessCriteriaMet", "FailureTarget"}:
        return True
    final = final_failures(job, pods)
    if final and "backoffLimitPerIndex" not in job["spec"]:
        return True
    ended = sum(pod.succeeded or pod.name in final for pod in _newest(pods))
    counted = int(status.get("succeeded", 0)) + len(failed_indexes(job))
    return max(ended, counted) >= _completions(job)


def count_retries(job: dict[str, Any], pods: Sequence[Pod]) -> int:
    """Count the retries of all indexes; the Job's status also counts deleted pods, except evicted pods."""
    status = job.get("status", {})
    failed, counted = sum(pod.failed for pod in pods), int(status.get("failed", 0))
    unsuccessful = _completions(job) - int(status.get("succeeded", 0))
    if failed >= counted:
        return failed - min(unsuccessful, sum(pod.failed for pod in _newest(pods)))
    over = "Failed" in true_conditions(status)
    return max(0, counted - (unsuccessful if over else len(failed_indexes(job))))


def _completions(job: dict[str, Any]) -> int:
    return int(job["spec"].get("completions") or 1)


def _newest(pods: Sequence[Pod]) -> list[Pod]:
    """Give the newest pod of every index."""
    return list({pod.index: pod for pod in pods}.values())


def failed_indexes(job: dict[str, Any]) -> set[int]:
    """Parse the indexes that failed for good; the Job's status has a list such as "0,3-5"."""
    text = job.get("status", {}).get("failedIndexes", "")
    ranges = [part.partition("-") for part in text.split(",") if part]
    return {index for first, _, last in ranges for index in range(int(first), int(last or first) + 1)}
