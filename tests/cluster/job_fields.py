"""Reads fields of a Job's manifest."""

import itertools
from typing import Any

from tests.images.containers import environment

Object = dict[str, Any]
GPU = "nvidia.com/gpu"
UNITS = {"m": 1e-3, "": 1, "Ki": 2**10, "Mi": 2**20, "Gi": 2**30}


def pod(job: Object) -> Object:
    """The spec of the pods."""
    spec: Object = job["spec"]["template"]["spec"]
    return spec


def container(job: Object) -> Object:
    """The only container."""
    containers: list[Object] = pod(job)["containers"]
    assert len(containers) == 1
    assert "initContainers" not in pod(job)
    return containers[0]


def component(job: Object) -> str:
    """What kind of job it is: train, prefetch, aggregate, classify or transfer."""
    name: str = job["metadata"]["labels"]["app.kubernetes.io/component"]
    return name


def variables(job: Object) -> dict[str, str]:
    """The container's variables, without those of Secrets."""
    return environment(container(job))


def settings(job: Object) -> list[str]:
    """The values of --set."""
    args: list[str] = container(job)["args"]
    return [value for option, value in itertools.pairwise(args) if option == "--set"]


def limits(job: Object) -> dict[str, str]:
    """The container's limits."""
    found: dict[str, str] = container(job)["resources"]["limits"]
    return found


def tolerated(job: Object) -> list[str]:
    """The keys of the pods' tolerations."""
    return [toleration["key"] for toleration in pod(job)["tolerations"]]


def shared_memory(job: Object) -> float:
    """Bytes of /dev/shm."""
    sizes = [volume["emptyDir"]["sizeLimit"] for volume in pod(job)["volumes"] if volume["name"] == "shm"]
    return quantity(sizes[0])


def quantity(text: str) -> float:
    """Cores or bytes of a quantity such as 500m or 8Gi."""
    number = text.rstrip("KMGim")
    return float(number) * UNITS[text[len(number) :]]
