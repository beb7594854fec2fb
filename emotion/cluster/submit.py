"""Creates rendered Jobs: the server validates them first, and a failure leaves no partial objects.

The Job comes first, because only one submission can create its name. Its other objects come next, owned by the Job's
uid from the start. A pod may start before its ConfigMap exists: the kubelet tries again after half a second. A
suspended Job would avoid this. But Kueue owns `suspend`, and a killed submission would leave a Job that never starts.
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
# A deleted Job's pod has two minutes for its checkpoint.
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
    """Whether Kueue is installed; also True if the server does not answer that."""
    try:
        return bool(kubectl.run("api-resources", "--api-group=kueue.x-k8s.io", "--output=name").strip())
    except EmotionError:
        return True


def create(kubectl: Kubectl, job: Rendered) -> str:
    """Create a Job, then its other objects; return the result in words.

    A running Job with the same name stays, and gets missing objects. An ended Job with the same name is replaced.

    Raises:
        UsageError: a different Job with this name is running.
        EmotionError: the server refuses; the created Job is deleted.
    """
    existing = kubectl.find("job", job.name)
    if existing is not None and not _is_over(existing):
        return _join(kubectl, job, existing)
    if existing is not None:
        _remove(kubectl, existing)
    try:
        created = kubectl.read("create", "--filename=-", content=json.dumps(job.job))
    except ExistsError:
        # A simultaneous submission was faster: its Job counts, even if it has ended already.
        existing = kubectl.find("job", job.name)
        if existing is None:
            raise TryAgainError(f"somebody is deleting the job {job.name}", "submit it again") from None
        return _join(kubectl, job, existing)
    try:
        _add_all(kubectl, job.others, created)
    except BaseException:
        with suppress(EmotionError):
            _delete_by_uid(kubectl, created, "Background")
        raise
    return "created" if existing is None else "created again, because the earlier job has ended"


def _is_over(job: Object) -> bool:
    """Whether a Job has ended, or is being deleted."""
    return "deletionTimestamp" in job["metadata"] or read_job_status(job, []).phase.over


def _join(kubectl: Kubectl, job: Rendered, existing: Object) -> str:
    """Check that an existing Job is the same, and add objects that a killed submission did not create."""
    _check_same(kubectl, existing, job)
    pods, wanted = (item["spec"].get("completions", 1) for item in (existing, job.job))
    # A Service and its policy belong to workers, and so to a Job with this number of pods.
    _add_all(kubectl, [item for item in job.others if pods == wanted or item["kind"] == "ConfigMap"], existing)
    if pods == wanted:
        return "running already"
    return f"running already: this command follows the job with {pods} pods; to use {wanted}, cancel that job first"


def _add_all(kubectl: Kubectl, items: Sequence[Object], job: Object) -> None:
    """Create a Job's other objects; the server deletes them together with the Job."""
    about = job["metadata"]
    owner = {"apiVersion": "batch/v1", "kind": "Job", "name": about["name"], "uid": about["uid"]}
    for item in items:
        _add(kubectl, {**item, "metadata": {**item["metadata"], "ownerReferences": [owner]}})


def _add(kubectl: Kubectl, item: Object) -> None:
    """Create an object unless its Job has it; replace a deleted Job's object with the same name."""
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
    raise UnavailableError(
        f"an old {kind} {name} is still being deleted", kubectl.pasteable("get", kind, name, "-o", "yaml")
    )


def _check_same(kubectl: Kubectl, existing: Object, job: Rendered) -> None:
    """Raise UsageError if the running Job has another image, command line or parameter file."""
    theirs, ours = (_identity(item) for item in (existing, job.job))
    if theirs != ours:
        different = [name for name in ours if theirs[name] != ours[name]]
        raise UsageError(
            f"a job {job.name} is running with another {' and '.join(different)}",
            f"choose another --run name, or stop the running job: emotion cancel {job.name}{kubectl.flags}",
        )


def _identity(job: Object) -> dict[str, Any]:
    container = main_container(job["spec"]["template"]["spec"])
    # The number of workers does not change a training's result.
    options = {
        variable["name"]: variable["value"]
        for variable in container.get("env", [])
        # Variables that come from the pod itself are not options.
        if "value" in variable and variable["name"].startswith("EMOTION_") and variable["name"] not in WORKER_VARIABLES
    }
    params = job["metadata"].get("annotations", {}).get(PARAMS_DIGEST)
    return {"image": container["image"], "command line": (container.get("args"), options), "parameter file": params}


def delete(kubectl: Kubectl, name: str) -> None:
    """Delete a Job with its pods and its other objects, and wait for the end; the store stays unchanged.

    Raises:
        EmotionError: the server refuses, or the pods do not end.
    """
    if (job := kubectl.find("job", name)) is not None:
        _remove(kubectl, job)


def _remove(kubectl: Kubectl, job: Object) -> None:
    """Delete a Job with its pods, and wait for the end; another Job with the same name stays."""
    name, uid = job["metadata"]["name"], job["metadata"]["uid"]
    _delete_by_uid(kubectl, job, "Foreground")
    deadline = time.monotonic() + DELETION_SECONDS
    while (found := kubectl.find("job", name)) is not None and found["metadata"]["uid"] == uid:
        if time.monotonic() > deadline:
            raise UnavailableError(
                f"the pods of the job {name} still run after {DELETION_SECONDS:.0f} seconds",
                kubectl.pasteable("describe", "job", name),
            )
        time.sleep(POLL_SECONDS)


def _delete_by_uid(kubectl: Kubectl, item: Object, policy: str) -> None:
    """Delete exactly the object that was read: a newer object with the same name stays."""
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
