"""Asks the cluster how the jobs stand: one request for all, and more only where something waits without a reason."""

from collections import defaultdict
from collections.abc import Collection

from emotion.cluster.job_status import JOB_NAME, LABEL, JobStatus, Object, Phase, read_job_status, reason_of
from emotion.cluster.kubectl import Kubectl
from emotion.errors import EmotionError, InputMissingError, UsageError

OURS = f"{LABEL}part-of=emotion"


def job_statuses(kubectl: Kubectl, names: Collection[str] = ()) -> list[JobStatus]:
    """How all jobs stand, or those of these names that are there; oldest first.

    Raises:
        EmotionError: the cluster cannot be asked.
    """
    found = kubectl.items("jobs,pods", f"--selector={OURS}")
    pods = defaultdict(list)
    for each in found:
        if each["kind"] == "Pod":
            pods[each["metadata"].get("labels", {}).get(JOB_NAME, "")].append(each)
    jobs = [each for each in found if each["kind"] == "Job" and (not names or each["metadata"]["name"] in names)]
    standings = [_standing(kubectl, job, pods[job["metadata"]["name"]]) for job in jobs]
    return sorted(standings, key=lambda standing: (standing.created, standing.name))


def _standing(kubectl: Kubectl, job: Object, pods: list[Object]) -> JobStatus:
    standing = read_job_status(job, pods)
    if standing.phase is Phase.QUEUED or (standing.phase in {Phase.WAITING, Phase.RETRYING} and not standing.reason):
        return read_job_status(job, pods, _asked(kubectl, standing))
    return standing


def _asked(kubectl: Kubectl, standing: JobStatus) -> str:
    """What the queue, or the events of the job and of its pod say; nothing where they cannot be read."""
    try:
        if standing.phase is Phase.QUEUED:
            return _kueue(kubectl, standing)
        pod = standing.current
        return _event(kubectl, pod.name if pod and pod.ended is None else standing.name)
    except EmotionError:
        return ""


def _kueue(kubectl: Kubectl, standing: JobStatus) -> str:
    """Why Kueue does not admit a job, as the workload that it made of it says."""
    workloads = kubectl.items("workloads.kueue.x-k8s.io", f"--selector=kueue.x-k8s.io/job-uid={standing.uid}")
    for workload in workloads:
        for condition in workload.get("status", {}).get("conditions", []):
            if condition["type"] in {"QuotaReserved", "Admitted"} and condition["status"] == "False":
                return f"Kueue: {condition.get('message') or condition.get('reason', '')}"
    return ""


def _event(kubectl: Kubectl, name: str) -> str:
    """The newest event that says why a Job or a pod waits: a warning, or that its image is being pulled."""
    events = kubectl.items("events", f"--field-selector=involvedObject.name={name}")
    telling = [event for event in events if event.get("type") == "Warning" or event.get("reason") == "Pulling"]
    # Every job names a secret for private registries, and most clusters have none: where it matters, the pull fails.
    telling = [event for event in telling if event.get("reason") != "FailedToRetrieveImagePullSecret"]
    if not telling:
        return ""
    last = max(telling, key=lambda event: event.get("lastTimestamp") or event.get("eventTime") or "")
    return reason_of(last)


def find_job(kubectl: Kubectl, text: str) -> JobStatus:
    """The Job that a person means: by its name, by MODEL/RUN, or by the run's name alone.

    Raises:
        InputMissingError: there is none.
        UsageError: there are several.
    """
    standings = job_statuses(kubectl)
    wanted = text.replace("/", "-")
    found = [each for each in standings if each.name == wanted] or [each for each in standings if each.run == text]
    found = found or [each for each in standings if each.job == text]
    if not found:
        raise InputMissingError(f"there is no job {text!r} in the namespace {kubectl.namespace}", "see emotion status")
    if len(found) > 1:
        names = ", ".join(each.name for each in found)
        raise UsageError(f"{text!r} is the name of several jobs: {names}", "name one in full")
    return found[0]
