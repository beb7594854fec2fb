"""Creates rendered Jobs: checks what they need, lets the server validate them first, and leaves no partial objects."""

import json
from collections.abc import Sequence
from contextlib import suppress
from enum import StrEnum
from typing import Any

from emotion.cluster.job_status import Object, read_job_status
from emotion.cluster.kubectl import ExistsError, ForbiddenError, Kubectl
from emotion.cluster.render import Rendered, main_container
from emotion.errors import EmotionError, InputMissingError, UsageError

SETUP_HINT = "apply the setup, once: kubectl apply -k k8s/setup (on a cluster of one machine k8s/overlays/local/setup)"
WORKER_VARIABLES = ("EMOTION_WORKERS", "EMOTION_SERVICE")


class Created(StrEnum):
    """The result of a submission."""

    NEW = "created"
    AGAIN = "created again, after one that is over"
    RUNNING = "at work already"


def check_needs(kubectl: Kubectl, jobs: Sequence[Rendered]) -> None:
    """Check that the namespace, the service account and the claims exist, as far as the user may read them.

    Raises:
        InputMissingError: the namespace, the service account or a claim does not exist.
    """
    needs = {("namespace", kubectl.namespace)}
    needs |= {("serviceaccount", str(job.pod["serviceAccountName"])) for job in jobs}
    needs |= {("persistentvolumeclaim", job.claim) for job in jobs}
    for kind, name in sorted(needs):
        if not _exists(kubectl, kind, name):
            inside = "" if kind == "namespace" else f" in the namespace {kubectl.namespace}"
            other_claim = "; --store-claim names another claim" if kind == "persistentvolumeclaim" else ""
            raise InputMissingError(f"there is no {kind} {name}{inside}", f"{SETUP_HINT}{other_claim}")


def _exists(kubectl: Kubectl, kind: str, name: str) -> bool:
    """Whether an object exists; an object that the user may not read counts as existing."""
    try:
        return kubectl.find(kind, name) is not None
    except ForbiddenError:
        return True


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


def create(kubectl: Kubectl, job: Rendered) -> Created:
    """Create a Job with its other objects, unless it is running already; an ended Job of the same name is replaced.

    Raises:
        UsageError: a different Job of that name is running.
        EmotionError: the server refuses; the objects that were created are deleted.
    """
    existing = kubectl.find("job", job.name)
    if existing is not None and not read_job_status(existing, []).phase.over:
        _check_same(existing, job)
        return Created.RUNNING
    if existing is not None:
        delete(kubectl, job.name)
    names: list[str] = []
    try:
        for item in job.others:
            names += [_create_other(kubectl, item)]
        created = kubectl.read("create", "--filename=-", content=json.dumps(job.job))
        names += [f"job/{job.name}"]
        for item in job.others:
            _set_owner(kubectl, item, created)
    except BaseException:
        if names:
            with suppress(EmotionError):
                kubectl.run("delete", *names, "--ignore-not-found", "--wait=false")
        raise
    return Created.AGAIN if existing is not None else Created.NEW


def _create_other(kubectl: Kubectl, item: Object) -> str:
    """Create an object that belongs to a Job; an object of the same name is a deleted Job's, and is replaced."""
    arguments = ("create", "--filename=-", "--output=name")
    try:
        return kubectl.run(*arguments, content=json.dumps(item)).strip()
    except ExistsError:
        kubectl.run("delete", item["kind"].lower(), item["metadata"]["name"], "--ignore-not-found", timeout="0")
        return kubectl.run(*arguments, content=json.dumps(item)).strip()


def _set_owner(kubectl: Kubectl, item: Object, job: Object) -> None:
    """Let the server delete an object together with its Job."""
    owner = {"apiVersion": "batch/v1", "kind": "Job", "name": job["metadata"]["name"], "uid": job["metadata"]["uid"]}
    patch = json.dumps({"metadata": {"ownerReferences": [owner]}})
    kubectl.run("patch", item["kind"].lower(), item["metadata"]["name"], "--type=merge", f"--patch={patch}")


def _check_same(existing: Object, job: Rendered) -> None:
    """Raise UsageError where the running Job has another image, command line or parameter file."""
    theirs, ours = (_identity(item["spec"]["template"]["spec"]) for item in (existing, job.job))
    if theirs != ours:
        different = [name for name in ours if theirs[name] != ours[name]]
        raise UsageError(
            f"a job {job.name} is at work, with another {' and '.join(different)}",
            f"give this one another --run name, or stop that one: emotion cancel {job.name}",
        )


def _identity(pod: Object) -> dict[str, Any]:
    container = main_container(pod)
    # How many workers share a training decides nothing about its result.
    options = {
        variable["name"]: variable.get("value")
        for variable in container.get("env", [])
        if variable["name"].startswith("EMOTION_") and variable["name"] not in WORKER_VARIABLES
    }
    params = [volume["configMap"]["name"] for volume in pod["volumes"] if "configMap" in volume]
    return {"image": container["image"], "command line": (container.get("args"), options), "parameter file": params}


def delete(kubectl: Kubectl, name: str) -> None:
    """Delete a Job with its pods and its other objects, and wait for the end; the store stays as it is.

    Raises:
        EmotionError: the server refuses.
    """
    options = ("--cascade=foreground", "--ignore-not-found", "--wait=true", "--timeout=180s")
    kubectl.run("delete", "job", name, *options, timeout="0")
