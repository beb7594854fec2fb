"""The workers that TF_CONFIG and an Indexed Job's variables describe."""

import json
from typing import Any

import pytest

from emotion.errors import BadParametersError
from emotion.training.distributed.topology import Topology, read_topology, split_address

TWO = {"worker": ["a:1", "b:2"]}
JOB = {
    "JOB_COMPLETION_INDEX": "1",
    "EMOTION_WORKERS": "3",
    "EMOTION_SERVICE": "train-ann",
    "HOSTNAME": "train-ann-x7-1",
}


def config(cluster: Any, kind: Any = "worker", index: Any = 0) -> dict[str, str]:
    return {"TF_CONFIG": json.dumps({"cluster": cluster, "task": {"type": kind, "index": index}})}


def test_tf_config_names_the_workers() -> None:
    cluster = read_topology(config(TWO, index=1))
    assert cluster == Topology(("a:1", "b:2"), 1)
    assert cluster.address == "b:2"
    assert not cluster.chief


@pytest.mark.parametrize(("kind", "index", "place"), [("chief", 0, 0), ("worker", 0, 1), ("worker", 1, 2)])
def test_a_chief_is_the_first_worker(kind: str, index: int, place: int) -> None:
    cluster = read_topology(config({"chief": ["c:3"], **TWO}, kind, index))
    assert cluster == Topology(("c:3", "a:1", "b:2"), place)
    assert cluster.chief == (kind == "chief")


@pytest.mark.parametrize(
    "environment",
    [
        {},
        {"TF_CONFIG": ""},
        {"TF_CONFIG": " {} "},
        config({"worker": ["a:1"]}),
        config({"chief": ["a:1"]}, "chief"),
        {"JOB_COMPLETION_INDEX": "5"},
        {"JOB_COMPLETION_INDEX": "5", "EMOTION_WORKERS": ""},
        {"JOB_COMPLETION_INDEX": "0", "EMOTION_WORKERS": "1"},
    ],
)
def test_a_process_that_works_alone(environment: dict[str, str]) -> None:
    assert read_topology(environment) is None


@pytest.mark.parametrize(
    ("environment", "reason"),
    [
        ({"TF_CONFIG": "{'cluster'"}, "is not JSON: {'cluster'"),
        ({"TF_CONFIG": "[" * 50_000}, "is not JSON"),
        ({"TF_CONFIG": "[1]"}, r"is not a JSON object: \[1\]"),
        ({"TF_CONFIG": '{"task": {}}'}, "has no cluster of workers: null"),
        (config(["a:1", "b:2"]), "has no cluster of workers"),
        (config({}), "has no list of workers: {}"),
        (config({"worker": []}), "has no list of workers"),
        (config({"worker": {"0": "a:1"}}), "has no list of workers"),
        (config({"worker": "a:1"}), "has no list of workers"),
        (config({"chief": ["c:1", "d:1"], **TWO}), "has 2 chiefs"),
        (config({"ps": ["c:1"], **TWO}), "has jobs other than chief and worker: ps"),
        (config({"evaluator": ["c:1"], **TWO}), "chief and worker: evaluator"),
        (config({"worker": ["a:1", "b:2", "a:1"]}), "names this worker twice: a:1"),
        (config({"chief": ["b:2"], **TWO}), "names this worker twice: b:2"),
        (config(TWO, "ps"), "has a task that is neither worker nor chief: ps"),
        (config(TWO, ["worker"]), "neither worker nor chief"),
        (config(TWO, "chief"), "has 0 of type chief, without this task's index 0"),
        (config(TWO, index=2), "has 2 of type worker, without this task's index 2"),
        (config(TWO, index=-1), "index -1"),
        (config(TWO, index="0"), "index 0"),
        (config(TWO, index=True), "index true"),
        (config(TWO, index=None), "index null"),
        ({"TF_CONFIG": json.dumps({"cluster": TWO})}, "does not name this process's task"),
        ({"TF_CONFIG": json.dumps({"cluster": TWO, "task": 0})}, "does not name this process's task"),
    ],
)
def test_a_bad_tf_config_is_reported(environment: dict[str, str], reason: str) -> None:
    with pytest.raises(BadParametersError, match=f"^TF_CONFIG .*{reason}") as caught:
        read_topology(environment)
    assert caught.value.exit_code == 78
    assert '"task": {"type": "worker", "index": 0}' in caught.value.hint
    assert len(caught.value.message) < 200


BAD_ADDRESSES = [
    "a",
    "a:",
    ":1",
    "a:0",
    "a:65536",
    "a:99999999999",
    "a:-1",
    "a:1x",
    "a:\u0661",
    "a b:1",
    "a:1\n",
    "http://a:1",
    "user@a:1",
    "::1:80",
    "[::1]",
    "[a]:1",
    "[::1:80",
    "",
]


@pytest.mark.parametrize("address", [*BAD_ADDRESSES, "x" * 10_000, 2222, None, ["a:1"]])
def test_a_worker_that_is_not_host_and_port(address: Any) -> None:
    with pytest.raises(BadParametersError, match="has a worker that is not host:port: ") as caught:
        read_topology(config({"worker": ["a:1", address]}))
    assert len(caught.value.message) < 200
    assert caught.value.message.isprintable()


def test_addresses() -> None:
    assert split_address("train-0.train.ns_1:65535") == ("train-0.train.ns_1", 65535)
    assert split_address("10.0.0.1:1") == ("10.0.0.1", 1)
    assert split_address("[fd00::1]:2222") == ("fd00::1", 2222)


def test_an_indexed_job_names_its_workers_by_its_pods_host_names() -> None:
    hosts = [f"train-ann-x7-{number}.train-ann" for number in range(3)]
    assert read_topology(JOB) == Topology(tuple(f"{host}:2222" for host in hosts), 1)
    assert read_topology({**JOB, "EMOTION_PORT": "3333"}) == Topology(tuple(f"{host}:3333" for host in hosts), 1)


def test_tf_config_goes_before_the_jobs_variables() -> None:
    assert read_topology({**JOB, **config(TWO)}) == Topology(("a:1", "b:2"), 0)
    assert read_topology({**JOB, "TF_CONFIG": "{}"}) is None
    assert read_topology({**JOB, "TF_CONFIG": ""}) == read_topology(JOB)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("EMOTION_WORKERS", "two"),
        ("EMOTION_WORKERS", "0"),
        ("EMOTION_WORKERS", "-2"),
        ("EMOTION_WORKERS", "2.0"),
        ("EMOTION_WORKERS", "1" + "0" * 5000),
        ("JOB_COMPLETION_INDEX", ""),
        ("JOB_COMPLETION_INDEX", "one"),
        ("JOB_COMPLETION_INDEX", "3"),
        ("JOB_COMPLETION_INDEX", "-1"),
        ("EMOTION_PORT", "http"),
        ("EMOTION_PORT", "0"),
        ("EMOTION_PORT", "65536"),
        ("EMOTION_SERVICE", ""),
        ("EMOTION_SERVICE", "a service"),
        ("EMOTION_SERVICE", "train:80"),
        ("HOSTNAME", ""),
        ("HOSTNAME", "-1"),
        ("HOSTNAME", "train-ann-x7-2"),
        ("HOSTNAME", "laptop"),
    ],
)
def test_a_bad_variable_of_the_job_is_named(name: str, value: str) -> None:
    with pytest.raises(BadParametersError, match=f"^{name} ") as caught:
        read_topology({**JOB, name: value})
    assert len(caught.value.message) < 200
    assert caught.value.hint


@pytest.mark.parametrize("name", ["JOB_COMPLETION_INDEX", "EMOTION_SERVICE", "HOSTNAME"])
def test_a_missing_variable_of_the_job_is_named(name: str) -> None:
    environment = {key: value for key, value in JOB.items() if key != name}
    with pytest.raises(BadParametersError, match=f"^{name} .*: nothing$"):
        read_topology(environment)
