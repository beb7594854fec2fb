"""Plays a cluster's part after a Job's creation: pods start, wait, run, log, and end, in a thread beside the test."""

import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

from emotion.cluster.labels import INDEX, JOB_NAME
from tests.cluster.api import ApiServer, Request
from tests.cluster.api_streams import local_command

SHORT = 0.3
# A kubelet's own interval is seconds.
PROBE_SECONDS = 0.2
# A follower polls every two seconds; a busy machine takes longer.
POLL_LIMIT = 120.0
SUBMITTED_KINDS = ("Job", "ConfigMap", "Service", "NetworkPolicy")
Play = Callable[["Scene"], object]


class Scene:
    """A Job of the cluster, and the changes to its status."""

    def __init__(self, api: ApiServer, job: dict[str, Any]) -> None:
        about = job["metadata"]
        self.api, self.name, self.uid, self.namespace = api, about["name"], about["uid"], about["namespace"]
        self.labels = job["spec"]["template"]["metadata"]["labels"]
        self.container = job["spec"]["template"]["spec"]["containers"][0]
        self.count = 0

    def pod(self, *, index: int | None = None, node: str = "node-1") -> str:
        """Create a pod that waits for its container; give the pod's name."""
        self.count += 1
        name = f"{self.name}-{'' if index is None else f'{index}-'}{self.count:05d}"
        mine = {JOB_NAME: self.name, **({} if index is None else {INDEX: str(index)})}
        self.api.add(
            "Pod",
            name,
            metadata={
                "labels": {**self.labels, **mine},
                "ownerReferences": [{"apiVersion": "batch/v1", "kind": "Job", "name": self.name, "uid": self.uid}],
            },
            namespace=self.namespace,
            spec={"nodeName": node, "containers": [{"name": "main", "image": "test"}]},
            status={"phase": "Pending", "containerStatuses": [status({"waiting": {"reason": "ContainerCreating"}})]},
        )
        return name

    def change(self, pod: str, status: dict[str, Any]) -> None:
        """Change a pod's status."""
        self.api.update("Pod", pod, {"status": status}, self.namespace)

    def waiting(self, pod: str, reason: str, message: str) -> None:
        """Let the pod's container wait for a reason."""
        waiting = {"waiting": {"reason": reason, "message": message}}
        self.change(pod, {"containerStatuses": [status(waiting)]})

    def unscheduled(self, message: str) -> str:
        """Create a pod that no node can run; give the pod's name."""
        pod = self.pod(node="")
        condition = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": message}
        self.change(pod, {"conditions": [condition], "containerStatuses": []})
        return pod

    def run(self, pod: str, *lines: str) -> None:
        """Let the pod's container run and log lines."""
        running = {"running": {"startedAt": "2026-01-01T00:00:00Z"}}
        self.change(pod, {"phase": "Running", "containerStatuses": [status(running)]})
        for line in lines:
            self.api.log(pod, line, self.namespace)

    def probe(self, pod: str) -> None:
        """Run the readiness probe of the pod until the pod has gone, as a kubelet does."""
        while (found := self.api.get("Pod", pod, self.namespace)) is not None:
            command = local_command(self.container["readinessProbe"]["exec"]["command"], found, self.api.store)
            ready = subprocess.run(command, check=False).returncode == 0
            before = found["status"].get("conditions", [{}])[0].get("status")
            if before != str(ready):
                with suppress(KeyError):
                    self.change(pod, readiness(ready=ready, running=found["status"]["containerStatuses"][0]["state"]))
            self.pause(PROBE_SECONDS)

    def end(self, pod: str, code: int = 0, *, reason: str = "", message: str = "", lost: str = "") -> None:
        """End the pod's container."""
        self.api.end_log(pod, self.namespace)
        ended = {"exitCode": code, "reason": reason or ("Error" if code else "Completed"), "message": message}
        conditions = [{"type": "DisruptionTarget", "status": "True", "reason": lost}] if lost else []
        phase = "Failed" if code else "Succeeded"
        change = {"phase": phase, "conditions": conditions, "containerStatuses": [status({"terminated": ended})]}
        self.change(pod, change)

    def terminate(self, pod: str, *, evicted: str = "") -> None:
        """Let a pod terminate: with a reason it is evicted, without one somebody deletes it."""
        condition = {"type": "DisruptionTarget", "status": "True", "reason": evicted}
        self.change(pod, {"conditions": [condition] if evicted else []})
        self.api.update("Pod", pod, {"metadata": {"deletionTimestamp": "2026-01-01T00:00:00Z"}}, self.namespace)

    def condition(self, kind: str, reason: str, message: str) -> None:
        """Set a condition of the Job."""
        condition = {"type": kind, "status": "True", "reason": reason, "message": message}
        self.api.update("Job", self.name, {"status": {"conditions": [condition]}}, self.namespace)

    def complete(self, succeeded: int = 1) -> None:
        """Complete the Job."""
        done = {"type": "Complete", "status": "True", "reason": "CompletionsReached"}
        self.api.update("Job", self.name, {"status": {"succeeded": succeeded, "conditions": [done]}}, self.namespace)

    def fail(self, reason: str, message: str = "") -> None:
        """Fail the Job."""
        failed = {"type": "Failed", "status": "True", "reason": reason, "message": message}
        self.api.update("Job", self.name, {"status": {"failed": 1, "conditions": [failed]}}, self.namespace)

    def warn(self, name: str, reason: str, message: str, *, kind: str = "Warning", at: int = 0) -> None:
        """Add an event about a pod or the Job, or change the event; it outlives what it is about."""
        about = self.api.get("Job" if name == self.name else "Pod", name, self.namespace)
        uid = about["metadata"]["uid"] if about else ""
        event = {"reason": reason, "message": message, "type": kind, "lastTimestamp": f"2026-01-01T00:00:{at:02}Z"}
        self.api.add("Event", f"{name}.{reason.lower()}.{uid[:8]}", involvedObject={"name": name, "uid": uid}, **event)

    def pause(self, seconds: float = SHORT) -> None:
        """Sleep."""
        time.sleep(seconds)

    def seen(self, times: int = 1) -> None:
        """Wait until somebody has polled the Jobs and their pods, `times` times, from now on."""
        until = time.monotonic() + POLL_LIMIT
        for _ in range(times):
            since = len(self.api.requests)
            while not polled(self.api.requests[since:]):
                assert time.monotonic() < until, "nobody polls the cluster"
                time.sleep(PROBE_SECONDS / 4)
        # The answer is on its way.
        time.sleep(SHORT)


def polled(requests: list[Request]) -> bool:
    """Say whether the requests have a list of Jobs, and a list of pods after it."""
    lists = [request.path.rpartition("/")[2] for request in requests if request.method == "GET"]
    return "jobs" in lists and "pods" in lists[lists.index("jobs") :]


def readiness(*, ready: bool, running: dict[str, Any]) -> dict[str, Any]:
    """Build what a readiness probe changes in the status of a pod; the container's status follows the condition."""
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    condition = {"type": "Ready", "status": str(ready), "lastTransitionTime": now}
    return {"conditions": [condition], "containerStatuses": [{**status(running), "ready": ready}]}


def status(state: dict[str, Any]) -> dict[str, Any]:
    """Build the status of the pod's only container."""
    return {
        "name": "main",
        "image": "test",
        "imageID": "",
        "ready": "running" in state,
        "restartCount": 0,
        "state": state,
    }


def play(api: ApiServer, act: Play, *, job: str = "") -> None:
    """Play `act` for every Job that is created from now on, except pods with the store."""

    def begin(server: ApiServer, created: dict[str, Any]) -> None:
        name = created["metadata"]["name"]
        if not name.startswith("transfer") and name.startswith(job):
            try:
                act(Scene(server, created))
            except LookupError:
                # The test is over, and its cluster is gone.
                if server.all("Namespace", ""):
                    raise

    api.when_created("Job", begin)


def succeed(scene: Scene) -> None:
    """Play a training that succeeds."""
    pod = scene.pod()
    scene.pause()
    scene.run(pod, '{"event": "start", "message": "training begins"}', EPOCH)
    scene.pause()
    scene.api.log(pod, "the last line", scene.namespace)
    scene.end(pod)
    scene.complete()


EPOCH = (
    '{"event": "epoch", "epochs": 12, "epoch": 3, "loss": 0.5, "accuracy": 0.75, "validation_loss": 0.6,'
    ' "validation_accuracy": 0.7, "samples_per_second": 1234.5, "seconds": 3.0, "seconds_left": 9.0, "best": true}'
)


def lend_store(api: ApiServer) -> None:
    """Let pods with the store run as soon as they are created."""

    def begin(server: ApiServer, created: dict[str, Any]) -> None:
        if created["metadata"]["name"].startswith("transfer"):
            scene = Scene(server, created)
            pod = scene.pod()
            scene.run(pod)
            scene.probe(pod)

    api.when_created("Job", begin)


def submitted_objects(api: ApiServer) -> list[str]:
    """List the objects in the cluster that submissions create."""
    return [f"{kind}/{item['metadata']['name']}" for kind in SUBMITTED_KINDS for item in api.all(kind)]
