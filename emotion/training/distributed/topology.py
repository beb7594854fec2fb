"""A training's workers and this worker's index, from TF_CONFIG or an Indexed Job's variables."""

import ipaddress
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from emotion.errors import BadParametersError

ADDRESS = re.compile(r"(?:\[([^\[\]]+)\]|([A-Za-z0-9_.-]+)):([1-9][0-9]{0,4})")
HIGHEST_PORT = 65535
MOST_WORKERS = 9999
SHOWN = 80
EXAMPLE = '{"cluster": {"worker": ["a:2222", "b:2222"]}, "task": {"type": "worker", "index": 0}}'


@dataclass(frozen=True)
class Topology:
    """The addresses `host:port` of all workers, and the index of this process."""

    workers: tuple[str, ...]
    index: int

    @property
    def chief(self) -> bool:
        """Whether this is worker 0, which writes."""
        return self.index == 0

    @property
    def address(self) -> str:
        """This worker's own `host:port`."""
        return self.workers[self.index]


def split_address(address: str) -> tuple[str, int]:
    """Split `host:port`; an IPv6 host has brackets in the address, but not in the result.

    Raises:
        ValueError: the address has another form.
    """
    found = ADDRESS.fullmatch(address)
    if not found or int(found[3]) > HIGHEST_PORT:
        raise ValueError(address)
    if found[1]:
        ipaddress.IPv6Address(found[1])
    return found[1] or found[2], int(found[3])


def read_topology(environment: Mapping[str, str]) -> Topology | None:
    """Read the topology from TF_CONFIG, or from JOB_COMPLETION_INDEX and EMOTION_WORKERS.

    None if this process works alone: no variable is set, or there is only one worker. An empty variable counts as
    unset.

    Raises:
        BadParametersError: the variables do not describe workers with this process among them.
    """
    config = environment.get("TF_CONFIG", "").strip()
    topology = _from_tf_config(config) if config else _from_job(environment)
    return topology if topology and len(topology.workers) > 1 else None


def _from_tf_config(text: str) -> Topology | None:
    try:
        config = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise _bad_config(f"is not JSON: {_shown(text)}") from error
    if not isinstance(config, dict):
        raise _bad_config(f"is not a JSON object: {_shown(config)}")
    if not config:
        return None
    chiefs, workers = _jobs(config.get("cluster"))
    index = _index(config.get("task"), {"chief": chiefs, "worker": workers})
    return Topology((*chiefs, *workers), index)


def _jobs(jobs: Any) -> tuple[list[str], list[str]]:
    """Check the addresses of the chief, if there is one, and of the other workers."""
    if not isinstance(jobs, dict):
        raise _bad_config(f"has no cluster of workers: {_shown(jobs)}")
    others = sorted(set(jobs) - {"chief", "worker"})
    if others:
        raise _bad_config(f"has jobs other than chief and worker: {_shown(', '.join(others))}")
    chiefs, workers = jobs.get("chief", []), jobs.get("worker", [])
    if not isinstance(chiefs, list) or not isinstance(workers, list) or not chiefs + workers:
        raise _bad_config(f"has no list of workers: {_shown(jobs)}")
    if len(chiefs) > 1:
        raise _bad_config(f"has {len(chiefs)} chiefs")
    seen: set[str] = set()
    for address in chiefs + workers:
        _check_address(address)
        if address in seen:
            raise _bad_config(f"names this worker twice: {_shown(address)}")
        seen.add(address)
    return chiefs, workers


def _check_address(address: Any) -> None:
    try:
        split_address(address)
    except (TypeError, ValueError) as error:
        raise _bad_config(f"has a worker that is not host:port: {_shown(address)}") from error


def _index(task: Any, jobs: dict[str, list[str]]) -> int:
    """Give the index of this process among all workers; the chief is the first."""
    if not isinstance(task, dict):
        raise _bad_config(f"does not name this process's task: {_shown(task)}")
    kind, index = task.get("type"), task.get("index")
    if not isinstance(kind, str) or kind not in jobs:
        raise _bad_config(f"has a task that is neither worker nor chief: {_shown(kind)}")
    if type(index) is not int or not 0 <= index < len(jobs[kind]):
        raise _bad_config(f"has {len(jobs[kind])} of type {kind}, without this task's index {_shown(index)}")
    return index if kind == "chief" else len(jobs["chief"]) + index


def _from_job(environment: Mapping[str, str]) -> Topology | None:
    """Read an Indexed Job's variables. Without EMOTION_WORKERS the index is ignored: other Jobs have an index, too."""
    if not environment.get("EMOTION_WORKERS"):
        return None
    workers = _number(environment, "EMOTION_WORKERS", 1, MOST_WORKERS)
    if workers == 1:
        return None
    index = _number(environment, "JOB_COMPLETION_INDEX", 0, workers - 1)
    host, service = environment.get("HOSTNAME", ""), environment.get("EMOTION_SERVICE", "")
    job = host.removesuffix(f"-{index}")
    if job in {host, ""}:
        raise BadParametersError(
            f"HOSTNAME does not end in -{index} from JOB_COMPLETION_INDEX: {_shown(host)}",
            "do not set host names: a Job with completionMode Indexed sets them",
        )
    port = _number(environment, "EMOTION_PORT", 1, HIGHEST_PORT) if environment.get("EMOTION_PORT") else 2222
    addresses = tuple(f"{job}-{number}.{service}:{port}" for number in range(workers))
    if not service or not ADDRESS.fullmatch(addresses[index]):
        raise BadParametersError(
            f"EMOTION_SERVICE is not the name of a service: {_shown(service)}",
            "name the Job's headless service, which is the pods' subdomain",
        )
    return Topology(addresses, index)


def _number(environment: Mapping[str, str], name: str, lowest: int, highest: int) -> int:
    text = environment.get(name, "")
    if re.fullmatch("[0-9]{1,5}", text) and lowest <= int(text) <= highest:
        return int(text)
    raise BadParametersError(
        f"{name} is not a number from {lowest} to {highest}: {_shown(text)}",
        "set EMOTION_WORKERS to the Job's number of completions; Kubernetes sets JOB_COMPLETION_INDEX",
    )


def _bad_config(what: str) -> BadParametersError:
    return BadParametersError(f"TF_CONFIG {what}", f"an example: {EXAMPLE}")


def _shown(value: Any) -> str:
    """Print a value in at most about `SHOWN` characters."""
    text = value if isinstance(value, str) else json.dumps(value)
    text = text.encode("unicode_escape").decode()
    return (text[:SHOWN] + "..." if len(text) > SHOWN else text) or "nothing"
