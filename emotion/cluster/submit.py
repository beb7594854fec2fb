"""Creates rendered Jobs: lets the server validate them first, and leaves no partial objects.

The Job comes first, because only one submission can create its name. What belongs to the Job comes next, owned by the
Job's uid from the start. A pod may start before its ConfigMap exists: the kubelet tries again after half a second. A
suspended Job would avoid this, but Kueue owns `suspend`, and a killed submission would leave a Job that never starts.
"""

import json
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from emotion.cluster.job_status import Object, read_job_status
from emotion.cluster.kubectl import ConflictError, ExistsError, Kubectl, NotFoundError
from emotion.cluster.labels import PARAMS_DIGEST
from emotion.cluster.render import Rendered, main_container
from emotion.errors import EmotionError, TryAgainError, UnavailableError, UsageError

WORKER_VARIABLES = ("EMOTION_WORKERS", "EMOTION_SERVICE")
# A pod of a Job that is deleted has two minutes for its checkpoint.
DELETION_SECONDS = 180.0
POLL_SECONDS = 0.5
MAX_ATTEMPTS = 5


def check_accepted(kubectl: Kubectl, job: Rendered) -> None:
    """Let the server check fields, policies and quota without creating anything.

    Raises:
        EmotionError: the server would refuse the Job.
    """
    for item in (*job.others, job.job):
        with suppress(ExistsError):
            kubectl.run(
                "create",
                "--dry-run=server",
                "--validate=strict",
                "--filename=-",
                "--output=name",
                content=json.dumps(item),
            )


def has_kueue(kubectl: Kubectl) -> bool:
    """Whether Kueue is installed; also True where the server does not say."""
    try:
        return bool(kubectl.run("api-resources", "--api-group=kueue.x-k8s.io", "--output=name").strip())
    except EmotionError:
        return True


def create(kubectl: Kubectl, job: Rendered) -> str:
    """Create a Job, then what belongs to it; give the result in words.

    A Job of the same name at work stays, and gets what it lacks. An ended Job of the same name is replaced.

    Raises:
        UsageError: a different Job of that name is at work.
        EmotionError: the server refuses; the Job that was created is deleted.
    """
    existing = kubectl.find("job", job.name)
    if existing is not None and not _is_over(existing):
        return _join(kubectl, job, existing)
    if existing is not None:
        _remove(kubectl, existing)
    try:
        created = kubectl.read("create", "--filename=-", content=json.dumps(job.job))
    except ExistsError:
        # Another submission of this moment was faster: its Job counts, even if it has ended by now.
        existing = kubectl.find("job", job.name)
        if existing is None:
            raise TryAgainError(f"somebody deletes the job {job.name} at this moment", "submit it again") from None
        return _join(kubectl, job, existing)
    try:
        _add_all(kubectl, job.others, created)
    except BaseException:
        with suppress(EmotionError):
            _delete_by_uid(kubectl, created, "Background")
        raise
    return "created" if existing is None else "created again, after one that is over"


def _is_over(job: Object) -> bool:
    """Whether a Job has ended, or is being deleted."""
    return "deletionTimestamp" in job["metadata"] or read_job_status(job, []).phase.over


def _join(kubectl: Kubectl, job: Rendered, existing: Object) -> str:
    """Check that an existing Job is the same, and add what a killed submission did not create."""
    _check_same(kubectl, existing, job)
    pods, wanted = (item["spec"].get("completions", 1) for item in (existing, job.job))
    # A Service and its policy are for the workers of a Job with so many pods.
    _add_all(kubectl, [item for item in job.others if pods == wanted or item["kind"] == "ConfigMap"], existing)
    if pods == wanted:
        return "at work already"
    return f"at work already: this command follows the job with {pods} pods; for {wanted}, cancel that job first"


def _add_all(kubectl: Kubectl, items: Sequence[Object], job: Object) -> None:
    """Create the objects that belong to a Job; the server deletes them together with the Job."""
    about = job["metadata"]
    owner = {"apiVersion": "batch/v1", "kind": "Job", "name": about["name"], "uid": about["uid"]}
    for item in items:
        _add(kubectl, {**item, "metadata": {**item["metadata"], "ownerReferences": [owner]}})


def _add(kubectl: Kubectl, item: Object) -> None:
    """Create an object, unless its Job has it already; a deleted Job's object of the same name is replaced."""
    kind, name, owners = item["kind"].lower(), item["metadata"]["name"], item["metadata"]["ownerReferences"]
    for _ in range(MAX_ATTEMPTS):
        try:
            kubectl.run("create", "--filename=-", "--output=name", content=json.dumps(item))
        except ExistsError:
            existing = kubectl.find(kind, name)
        else:
            return
        if existing is None:
            continue
        if owners[0]["uid"] in [owner["uid"] for owner in existing["metadata"].get("ownerReferences", [])]:
            return
        _delete_by_uid(kubectl, existing, "Background")
    raise UnavailableError(f"an old {kind} {name} does not go away", kubectl.pasteable("get", kind, name, "-o", "yaml"))


def _check_same(kubectl: Kubectl, existing: Object, job: Rendered) -> None:
    """Raise UsageError where the running Job has another image, command line or parameter file."""
    theirs, ours = (_identity(item) for item in (existing, job.job))
    if theirs != ours:
        different = [name for name in ours if theirs[name] != ours[name]]
        raise UsageError(
            f"a job {job.name} is at work, with another {' and '.join(different)}",
            f"give this one another --run name, or stop that one: emotion cancel {job.name}{kubectl.flags}",
        )


def _identity(job: Object) -> dict[str, Any]:
    container = main_container(job["spec"]["template"]["spec"])
    # How many workers share a training decides nothing about its result.
    options = {
        variable["name"]: variable["value"]
        for variable in container.get("env", [])
        # What a variable takes from the pod itself is no option.
        if "value" in variable and variable["name"].startswith("EMOTION_") and variable["name"] not in WORKER_VARIABLES
    }
    params = job["metadata"].get("annotations", {}).get(PARAMS_DIGEST)
    return {"image": container["image"], "command line": (container.get("args"), options), "parameter file": params}


def delete(kubectl: Kubectl, name: str) -> None:
    """Delete a Job with its pods and its other objects, and wait for the end; the store stays as it is.

    Raises:
        EmotionError: the server refuses, or the pods do not end.
    """
    if (job := kubectl.find("job", name)) is not None:
        _remove(kubectl, job)


def _remove(kubectl: Kubectl, job: Object) -> None:
    """Delete a Job with its pods, and wait for the end; another Job of the same name stays."""
    name, uid = job["metadata"]["name"], job["metadata"]["uid"]
    _delete_by_uid(kubectl, job, "Foreground")
    deadline = time.monotonic() + DELETION_SECONDS
    while (found := kubectl.find("job", name)) is not None and found["metadata"]["uid"] == uid:
        if time.monotonic() > deadline:
            raise UnavailableError(
                f"the pods of the job {name} have not ended for {DELETION_SECONDS:.0f} seconds",
                kubectl.pasteable("describe", "job", name),
            )
        time.sleep(POLL_SECONDS)


def _delete_by_uid(kubectl: Kubectl, item: Object, policy: str) -> None:
    """Delete the object that was read: another object that has its name by now stays."""
    about, api = item["metadata"], item["apiVersion"]
    kind = item["kind"].lower()
    plural = f"{kind.removesuffix('y')}ies" if kind.endswith("y") else f"{kind}s"
    root = f"apis/{api}" if "/" in api else f"api/{api}"
    options = {
        "apiVersion": "v1",
        "kind": "DeleteOptions",
        "propagationPolicy": policy,
        "preconditions": {"uid": about["uid"]},
    }
    # `kubectl delete` has no option for a uid.
    path = f"/{root}/namespaces/{about['namespace']}/{plural}/{about['name']}"
    with suppress(NotFoundError, ConflictError):
        kubectl.run("delete", f"--raw={path}", "--filename=-", content=json.dumps(options))
