"""Asks the cluster for the status of jobs: one request for all, and more for waiting jobs without a reason."""

from collections import defaultdict
from collections.abc import Collection

from emotion.cluster.job_status import JobStatus, Object, Phase, read_job_status
from emotion.cluster.kubectl import Kubectl
from emotion.cluster.labels import JOB_NAME, KUEUE_JOB_UID, SELECTOR
from emotion.cluster.needs import check_namespace
from emotion.cluster.pod_status import reason_of
from emotion.errors import EmotionError, InputMissingError, UsageError


def job_statuses(kubectl: Kubectl, names: Collection[str] = ()) -> list[JobStatus]:
    """Read the status of all jobs, or of the existing jobs among `names`; oldest first.

    Raises:
        InputMissingError: the namespace does not exist.
        EmotionError: kubectl failed.
    """
    objects = kubectl.items("jobs,pods", f"--selector={SELECTOR}")
    if not objects and not names:
        check_namespace(kubectl)
    pods = defaultdict(list)
    for pod in objects:
        if pod["kind"] == "Pod":
            pods[pod["metadata"].get("labels", {}).get(JOB_NAME, "")].append(pod)
    jobs = [item for item in objects if item["kind"] == "Job" and (not names or item["metadata"]["name"] in names)]
    statuses = [_status(kubectl, job, pods[job["metadata"]["name"]]) for job in jobs]
    return sorted(statuses, key=lambda status: (status.created, status.name))


def _status(kubectl: Kubectl, job: Object, pods: list[Object]) -> JobStatus:
    status = read_job_status(job, pods)
    if status.phase is Phase.QUEUED or (status.phase in {Phase.WAITING, Phase.RETRYING} and not status.reason):
        return read_job_status(job, pods, _find_reason(kubectl, status))
    return status


def _find_reason(kubectl: Kubectl, status: JobStatus) -> str:
    """Read the reason from Kueue, or from events of the job or its pod; "" if unreadable."""
    try:
        if status.phase is Phase.QUEUED:
            return _kueue_reason(kubectl, status)
        pod = status.current
        return _event_reason(kubectl, pod.uid if pod and pod.ended is None else status.uid)
    except EmotionError:
        return ""


def _kueue_reason(kubectl: Kubectl, status: JobStatus) -> str:
    """Read from the job's Workload why Kueue does not admit the job."""
    workloads = kubectl.items("workloads.kueue.x-k8s.io", f"--selector={KUEUE_JOB_UID}={status.uid}")
    for workload in workloads:
        for condition in workload.get("status", {}).get("conditions", []):
            if condition["type"] in {"QuotaReserved", "Admitted"} and condition["status"] == "False":
                return f"Kueue: {condition.get('message') or condition.get('reason', '')}"
    return ""


def _event_reason(kubectl: Kubectl, uid: str) -> str:
    """Read the newest event that explains why a Job or a pod waits: a warning, or an image pull."""
    # Events outlive their object, and a resubmitted Job has the deleted Job's name.
    events = kubectl.items("events", f"--field-selector=involvedObject.uid={uid}")
    relevant = [event for event in events if event.get("type") == "Warning" or event.get("reason") == "Pulling"]
    # Every job names a Secret for private registries that most clusters do not have. A pull that needs the Secret
    # fails.
    relevant = [event for event in relevant if event.get("reason") != "FailedToRetrieveImagePullSecret"]
    if not relevant:
        return ""
    newest = max(relevant, key=lambda event: event.get("lastTimestamp") or event.get("eventTime") or "")
    return reason_of(newest)


def find_job(kubectl: Kubectl, text: str) -> JobStatus:
    """Find a Job by its name, MODEL/RUN, the run's name, or the model.

    Raises:
        InputMissingError: no Job matches.
        UsageError: several Jobs match.
    """
    statuses = job_statuses(kubectl)
    job_name = text.replace("/", "-")
    matches = [status for status in statuses if status.name == job_name]
    matches = matches or [status for status in statuses if status.run == text]
    matches = matches or [status for status in statuses if status.job == text]
    if not matches:
        raise InputMissingError(
            f"there is no job {text!r} in the namespace {kubectl.namespace}", f"emotion status{kubectl.flags}"
        )
    if len(matches) > 1:
        names = ", ".join(status.name for status in matches)
        raise UsageError(f"{text!r} is the name of several jobs: {names}", "give the full name")
    return matches[0]
