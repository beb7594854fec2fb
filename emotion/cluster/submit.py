"""Creates rendered Jobs: checks what they need, asks the server first, and leaves nothing half made."""

import json
from collections.abc import Callable, Sequence
from contextlib import suppress
from enum import StrEnum
from typing import Any

from emotion.cluster.job_status import Object, read_job_status
from emotion.cluster.kubectl import ExistsError, ForbiddenError, Kubectl
from emotion.cluster.render import Rendered, main_container
from emotion.errors import EmotionError, InputMissingError, UsageError

SETUP = "apply the setup, once: kubectl apply -k k8s/setup (on a cluster of one machine k8s/overlays/local/setup)"
WORKER_VARIABLES = ("EMOTION_WORKERS", "EMOTION_SERVICE")
Tell = Callable[[str], None]


class Created(StrEnum):
    """What became of a Job that was submitted."""

    NEW = "created"
    AGAIN = "created again, after one that is over"
    RUNNING = "at work already"


def check_needs(kubectl: Kubectl, jobs: Sequence[Rendered]) -> None:
    """See that the namespace, the service account and the claims are there, as far as one may look.

    Raises:
        InputMissingError: one of them is not.
    """
    needs = {("namespace", kubectl.namespace)}
    needs |= {("serviceaccount", str(job.pod["serviceAccountName"])) for job in jobs}
    needs |= {("persistentvolumeclaim", job.claim) for job in jobs}
    for kind, name in sorted(needs):
        if not _is_there(kubectl, kind, name):
            inside = "" if kind == "namespace" else f" in the namespace {kubectl.namespace}"
            help_ = f"{SETUP}; --store-claim names another claim" if kind == "persistentvolumeclaim" else SETUP
            raise InputMissingError(f"there is no {kind} {name}{inside}", help_)


def _is_there(kubectl: Kubectl, kind: str, name: str) -> bool:
    """Whether an object is there; one that may not be looked at is taken to be."""
    try:
        return kubectl.find(kind, name) is not None
    except ForbiddenError:
        return True


def check_accepted(kubectl: Kubectl, job: Rendered) -> None:
    """Let the server check everything without creating it: fields, policies, quota.

    Raises:
        EmotionError: it would refuse.
    """
    for each in (*job.others, job.job):
        with suppress(ExistsError):
            kubectl.run(
                "create",
                "--dry-run=server",
                "--validate=strict",
                "--filename=-",
                "--output=name",
                content=json.dumps(each),
            )


def create(kubectl: Kubectl, job: Rendered) -> Created:
    """Create a Job with all that goes with it, unless it is at work; one of the same name that is over is replaced.

    Raises:
        UsageError: a Job of that name is at work on something else.
        EmotionError: the server refuses; nothing is left.
    """
    before = kubectl.find("job", job.name)
    if before is not None and not read_job_status(before, []).phase.over:
        _check_same(before, job)
        return Created.RUNNING
    if before is not None:
        delete(kubectl, job.name)
    made: list[str] = []
    try:
        for each in job.others:
            made += [_create_anew(kubectl, each)]
        created = kubectl.read("create", "--filename=-", content=json.dumps(job.job))
        made += [f"job/{job.name}"]
        for each in job.others:
            _own(kubectl, each, created)
    except BaseException:
        if made:
            with suppress(EmotionError):
                kubectl.run("delete", *made, "--ignore-not-found", "--wait=false")
        raise
    return Created.AGAIN if before is not None else Created.NEW


def _create_anew(kubectl: Kubectl, each: Object) -> str:
    """Create what goes with a Job. Whatever has its name is left over from one that is gone, and may be about to go."""
    create_it = ("create", "--filename=-", "--output=name")
    try:
        return kubectl.run(*create_it, content=json.dumps(each)).strip()
    except ExistsError:
        kubectl.run("delete", each["kind"].lower(), each["metadata"]["name"], "--ignore-not-found", timeout="0")
        return kubectl.run(*create_it, content=json.dumps(each)).strip()


def _own(kubectl: Kubectl, each: Object, job: Object) -> None:
    """Let it go when the Job goes."""
    owner = {"apiVersion": "batch/v1", "kind": "Job", "name": job["metadata"]["name"], "uid": job["metadata"]["uid"]}
    patch = json.dumps({"metadata": {"ownerReferences": [owner]}})
    kubectl.run("patch", each["kind"].lower(), each["metadata"]["name"], "--type=merge", f"--patch={patch}")


def _check_same(before: Object, job: Rendered) -> None:
    """Raise UsageError, if the Job that is at work was made of something else."""
    theirs, mine = (_essence(each["spec"]["template"]["spec"]) for each in (before, job.job))
    if theirs != mine:
        different = [name for name in mine if theirs[name] != mine[name]]
        raise UsageError(
            f"a job {job.name} is at work, with another {' and '.join(different)}",
            f"give this one another --run name, or stop that one: emotion cancel {job.name}",
        )


def _essence(pod: Object) -> dict[str, Any]:
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
    """Delete a Job with its pods and what goes with it, and wait for that; storage stays as it is.

    Raises:
        EmotionError: the server refuses.
    """
    options = ("--cascade=foreground", "--ignore-not-found", "--wait=true", "--timeout=180s")
    kubectl.run("delete", "job", name, *options, timeout="0")
