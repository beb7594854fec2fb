"""Runs the commands of Jobs on this machine, as a kubelet does."""

import os
import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from emotion.cluster.render import main_container
from tests.cluster.api import ApiServer
from tests.cluster.api_streams import TICK
from tests.cluster.conftest import BIN
from tests.cluster.scenes import Scene
from tests.images.containers import environment, expanded

# Limit on waiting for what belongs to a Job.
CONFIG_SECONDS = 60.0
# The finalizer of a Job's pods.
TRACKING = "batch.kubernetes.io/job-tracking"


class Kubelet:
    """Runs a Job's pods as processes on a local store; a pod that fails by itself fails the Job."""

    def __init__(self, api: ApiServer, folder: Path) -> None:
        self.api, self.folder = api, folder

    def __call__(self, scene: Scene) -> None:
        """Run all indexes of a Job at once, to their ends."""
        job = self.api.get("Job", scene.name, scene.namespace)
        assert job is not None
        indexed = job["spec"].get("completionMode") == "Indexed"
        indexes = range(job["spec"]["completions"]) if indexed else [None]
        with ThreadPoolExecutor(len(indexes)) as pool:
            codes = list(pool.map(lambda index: self.index(scene, job, index), indexes))
        failed = [code for code in codes if code]
        if not self.wanted(scene):
            return
        if failed:
            scene.fail("PodFailurePolicy", f"Container main failed with exit code {failed[0]} matching FailJob rule")
        else:
            scene.complete(len(codes))

    def wanted(self, scene: Scene) -> bool:
        """Whether nobody has deleted the Job."""
        job = self.api.get("Job", scene.name, scene.namespace)
        return job is not None and job["metadata"]["uid"] == scene.uid and "deletionTimestamp" not in job["metadata"]

    def index(self, scene: Scene, job: dict[str, Any], index: int | None) -> int:
        """Run a pod, and another one for every pod that somebody deletes; give the last exit code."""
        while True:
            pod = scene.pod(index=index)
            code = self.run(scene, job, pod, index)
            replaced = code != 0 and self.deleted(scene, pod) and self.wanted(scene)
            self.api.release("Pod", pod, scene.namespace)
            if not replaced:
                return code
            self.count_failure(scene)

    def deleted(self, scene: Scene, pod: str) -> bool:
        """Whether somebody has deleted a pod."""
        return "deletionTimestamp" in (self.api.get("Pod", pod, scene.namespace) or {}).get("metadata", {})

    def count_failure(self, scene: Scene) -> None:
        """Count a failed pod in the Job's status."""
        with self.api.lock:
            job = self.api.get("Job", scene.name, scene.namespace) or {}
            failed = job["status"].get("failed", 0) + 1
            self.api.update("Job", scene.name, {"status": {"failed": failed}}, scene.namespace)

    def run(self, scene: Scene, job: dict[str, Any], pod: str, index: int | None) -> int:
        """Run a pod's command, and give its exit code."""
        container = main_container(job["spec"]["template"]["spec"])
        indexed = {"JOB_COMPLETION_INDEX": str(index)} if index is not None else {}
        variables = {**environment(container), **indexed}
        args = [expanded(word, variables) for word in container["args"]]
        # As on a cluster: a pod of a Job stays until its end is counted.
        self.api.update("Pod", pod, {"metadata": {"finalizers": [TRACKING]}}, scene.namespace)
        scene.run(pod)
        own = {name: self.local(scene, value) for name, value in variables.items()}
        own |= {"EMOTION_STORE": str(self.api.store), "CUDA_VISIBLE_DEVICES": ""}
        with subprocess.Popen(
            [str(BIN / "emotion"), *args],
            env={**os.environ, **own},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        ) as process:
            threading.Thread(target=self.terminate, args=(scene, pod, process), daemon=True).start()
            for line in process.stdout or ():
                scene.api.log(pod, line.rstrip("\n"), scene.namespace)
        # A shell's exit code for a signal.
        code = process.returncode if process.returncode >= 0 else 128 - process.returncode
        scene.end(pod, code, message="the last words")
        return code

    def terminate(self, scene: Scene, pod: str, process: subprocess.Popen[str]) -> None:
        """Send SIGTERM to a pod's process as soon as the pod is deleted."""
        while process.poll() is None:
            if self.deleted(scene, pod):
                process.terminate()
                return
            time.sleep(TICK)

    def local(self, scene: Scene, word: str) -> str:
        """The value of a variable with this machine's folders."""
        if not word.startswith("/params/"):
            return word.replace("/store", str(self.api.store), 1) if word.startswith("/store") else word
        # The Job comes first: the kubelet tries again until the ConfigMap exists.
        end = time.monotonic() + CONFIG_SECONDS
        while (params := self.api.get("ConfigMap", scene.name, scene.namespace)) is None:
            assert time.monotonic() < end, f"no ConfigMap {scene.name}"
            time.sleep(0.1)
        file = word.removeprefix("/params/")
        path = self.folder / f"{scene.name}-{file}"
        path.write_text(params["data"][file])
        return str(path)
