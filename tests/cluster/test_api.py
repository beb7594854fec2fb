"""The tests' API server, with a real kubectl as its client."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cluster.api import ApiServer

KUBECTL = str(Path(sys.executable).with_name("kubectl"))
POD_SPEC = {"restartPolicy": "Never", "containers": [{"name": "main", "image": "test"}]}
JOB = {
    "apiVersion": "batch/v1",
    "kind": "Job",
    "metadata": {"name": "train", "labels": {"a": "b"}},
    "spec": {"template": {"spec": POD_SPEC}},
}
CONFIG = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "params"}}
BOTH = json.dumps({"apiVersion": "v1", "kind": "List", "items": [CONFIG, JOB]}).encode()


@pytest.fixture
def api(tmp_path: Path) -> Iterator[ApiServer]:
    with ApiServer(store=tmp_path / "store") as server:
        server.add("Pod", "pod", status={"phase": "Running"})
        yield server


@pytest.fixture
def start(api: ApiServer, tmp_path: Path) -> Callable[..., subprocess.Popen[bytes]]:
    """Give a function that starts kubectl."""
    config = api.kubeconfig(tmp_path / "kubeconfig")
    command = [KUBECTL, "--kubeconfig", str(config), "--cache-dir", str(tmp_path / "cache")]

    def started(*arguments: str) -> subprocess.Popen[bytes]:
        pipe = subprocess.PIPE
        return subprocess.Popen([*command, *arguments], stdin=pipe, stdout=pipe, stderr=pipe)

    return started


@pytest.fixture
def kubectl(start: Callable[..., subprocess.Popen[bytes]]) -> Callable[..., subprocess.CompletedProcess[bytes]]:
    """Give a function that runs kubectl to its end."""

    def run(*arguments: str, given: bytes = b"") -> subprocess.CompletedProcess[bytes]:
        process = start(*arguments)
        out, err = process.communicate(given, timeout=20)
        return subprocess.CompletedProcess(arguments, process.returncode, out, err)

    return run


def test_dry_run_is_checked_and_not_stored(api: ApiServer, kubectl: Any) -> None:
    done = kubectl("create", "--validate=strict", "--dry-run=server", "-f", "-", "-o", "json", given=BOTH)
    assert done.returncode == 0, done.stderr
    posts = [request for request in api.requests if request.method == "POST"]
    assert [(post.query["dryRun"], post.query["fieldValidation"]) for post in posts] == [("All", "Strict")] * 2
    assert api.all("Job") == []
    wrong = BOTH.replace(b"restartPolicy", b"restartPolice")
    assert b"restartPolice" in kubectl("create", "--dry-run=server", "-f", "-", given=wrong).stderr


def test_a_name_is_taken_once(api: ApiServer, kubectl: Any) -> None:
    api.when_created("Job", lambda api, job: api.log("pod", job["metadata"]["name"]))
    assert kubectl("create", "-f", "-", given=BOTH).returncode == 0
    again = kubectl("create", "-f", "-", given=BOTH)
    assert again.returncode == 1
    assert b'(AlreadyExists): error when creating "STDIN": jobs.batch "train" already exists' in again.stderr
    assert kubectl("logs", "pod").stdout == b"train\n"


def test_lists_of_several_kinds(api: ApiServer, kubectl: Any) -> None:
    api.add("Job", "one", metadata={"labels": {"a": "b", "c": "d"}})
    api.add("Job", "other", metadata={"labels": {"a": "z"}})
    api.add("Pod", "one-x", metadata={"labels": {"a": "b", "c": "e"}})
    api.add("Event", "one.1", involvedObject={"kind": "Job", "name": "one"})

    def names(*arguments: str) -> list[tuple[str, str]]:
        items = json.loads(kubectl("get", *arguments, "-o", "json").stdout)["items"]
        return [(item["kind"], item["metadata"]["name"]) for item in items]

    assert names("jobs,pods,events", "-l", "a=b,c in (d,e)") == [("Job", "one"), ("Pod", "one-x")]
    assert names("jobs", "-l", "a,a!=z") == [("Job", "one")]
    assert names("events", "--field-selector", "involvedObject.name=one") == [("Event", "one.1")]
    assert names("events", "--field-selector", "involvedObject.name=two") == []
    api.add("Workload", "w")
    assert b"doesn't have a resource type" in kubectl("get", "workloads.kueue.x-k8s.io").stderr
    api.kueue = True
    assert names("workloads.kueue.x-k8s.io") == [("Workload", "w")]


def test_patch_and_delete(api: ApiServer, kubectl: Any) -> None:
    kubectl("create", "-f", "-", given=BOTH)
    assert kubectl("patch", "configmap", "params", "--type=merge", "-p", '{"data": {"k": "v"}}').returncode == 0
    assert (api.get("ConfigMap", "params") or {})["data"] == {"k": "v"}
    old = '{"metadata": {"resourceVersion": "1"}, "data": {"k": "w"}}'
    assert b"(Conflict)" in kubectl("patch", "configmap", "params", "--type=merge", "-p", old).stderr
    job = api.get("Job", "train") or {}
    api.add("Service", "workers", metadata={"ownerReferences": [{"uid": job["metadata"]["uid"]}]})
    api.add("Pod", "train-x", metadata={"labels": {"batch.kubernetes.io/job-name": "train"}})
    assert kubectl("delete", "job", "train", "--wait=true", "--cascade=foreground").returncode == 0
    assert [item["metadata"]["name"] for kind in ("Job", "Service", "Pod") for item in api.all(kind)] == ["pod"]


def test_a_job_deleted_in_the_foreground_waits_for_a_pod_that_ends(api: ApiServer, kubectl: Any) -> None:
    kubectl("create", "-f", "-", given=BOTH)
    job = api.get("Job", "train") or {}
    api.add("Pod", "at-work", metadata={"ownerReferences": [{"uid": job["metadata"]["uid"]}], "finalizers": ["a/b"]})
    api.add("Pod", "idle", metadata={"ownerReferences": [{"uid": job["metadata"]["uid"]}]})
    assert kubectl("delete", "job", "train", "--wait=false", "--cascade=foreground").returncode == 0
    assert "deletionTimestamp" in (api.get("Job", "train") or {})["metadata"]
    assert "deletionTimestamp" in (api.get("Pod", "at-work") or {})["metadata"]
    assert api.get("Pod", "idle") is None
    api.release("Pod", "at-work")
    assert [api.get("Pod", "at-work"), api.get("Job", "train")] == [None, None]


def test_delete_by_uid(api: ApiServer, kubectl: Any) -> None:
    kubectl("create", "-f", "-", given=BOTH)
    uid = (api.get("Job", "train") or {})["metadata"]["uid"]

    def delete(uid: str) -> bytes:
        options = {"apiVersion": "v1", "kind": "DeleteOptions", "preconditions": {"uid": uid}}
        path = "/apis/batch/v1/namespaces/emotion/jobs/train"
        error: bytes = kubectl("delete", f"--raw={path}", "-f", "-", given=json.dumps(options).encode()).stderr
        return error

    wrong = delete("another")
    assert b"(Conflict)" in wrong
    assert b"the UID in the precondition (another) does not match the UID in record" in wrong
    assert (api.get("Job", "train") or {})["metadata"]["uid"] == uid
    assert delete(uid) == b""
    assert b"(NotFound)" in delete(uid)


def test_refused_and_lost(api: ApiServer, kubectl: Any) -> None:
    api.refuse("POST", "Job", 403, "Forbidden", "exceeded quota: q", times=1, dry_run=False)
    assert kubectl("create", "--dry-run=server", "-f", "-", given=json.dumps(JOB).encode()).returncode == 0
    assert b"(Forbidden)" in kubectl("create", "-f", "-", given=json.dumps(JOB).encode()).stderr
    api.lose(1)
    assert b"EOF" in kubectl("create", "-f", "-", given=json.dumps(JOB).encode()).stderr
    assert kubectl("create", "-f", "-", given=json.dumps(JOB).encode()).returncode == 0


def test_watch_and_wait(api: ApiServer, start: Any) -> None:
    watch = start("get", "pods", "-l", "a=b", "--watch", "--output-watch-events", "-o", "json")
    while not any(request.query.get("watch") for request in api.requests):
        time.sleep(0.02)
    api.add("Pod", "new", metadata={"labels": {"a": "b"}})
    ready = start("wait", "--for=condition=Ready", "pod/new", "--timeout=10s")
    api.update("Pod", "new", {"status": {"conditions": [{"type": "Ready", "status": "True"}]}})
    assert ready.communicate(timeout=15)[0] == b"pod/new condition met\n"
    api.remove("Pod", "new")
    lines = [json.loads(watch.stdout.readline()) for _ in range(3)]
    watch.kill()
    watch.communicate()
    assert [line["type"] for line in lines] == ["ADDED", "MODIFIED", "DELETED"]


def test_log_followed_over_a_cut(api: ApiServer, kubectl: Any, start: Any) -> None:
    api.log("pod", "one")
    follower = start("logs", "pod", "-f", "--timestamps")
    first = follower.stdout.readline().decode()
    api.cut_logs()
    assert b"unexpected EOF" in follower.communicate(timeout=10)[1]
    assert follower.returncode == 1
    follower = start("logs", "pod", "-f", "--timestamps", f"--since-time={first.split()[0]}")
    assert follower.stdout.readline().decode() == first
    api.log("pod", "two")
    api.end_log("pod")
    assert follower.communicate(timeout=10)[0].endswith(b"Z two\n")
    assert follower.returncode == 0
    api.log("pod", "three")
    assert [kubectl("logs", "pod", *more).stdout for more in (["--previous", "--tail=1"], [])] == [b"two\n", b"three\n"]


@pytest.mark.parametrize("size", [0, 1, 5_000_000])
def test_exec_is_binary_safe(api: ApiServer, kubectl: Any, size: int) -> None:
    data = os.urandom(size)
    done = kubectl("exec", "-i", "pod", "-c", "main", "--", "sh", "-c", 'cat >> "$1"', "sh", "/store/x", given=data)
    assert (done.returncode, (api.store / "x").read_bytes() == data) == (0, True)
    back = kubectl("exec", "pod", "--", "sh", "-c", "cat /store/x; cat /store/x >&2; exit 66")
    assert (back.returncode, back.stdout == data, back.stderr.startswith(data)) == (66, True, True)


def test_a_command_outlives_its_client(api: ApiServer, start: Any) -> None:
    """The command gets the input that was sent, and cannot notice that the rest is missing."""
    client = start("exec", "-i", "pod", "--", "sh", "-c", "cat > /store/part; mv /store/part /store/whole; sleep 99")
    client.stdin.write(b"half")
    client.stdin.flush()
    while not (api.store / "part").is_file() or not (api.store / "part").read_bytes():
        time.sleep(0.02)
    client.kill()
    client.communicate()
    while not (api.store / "whole").exists():
        time.sleep(0.02)
    assert (api.store / "whole").read_bytes() == b"half"
