"""Runs the commands of Jobs on this machine, as a kubelet does."""

import os
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from emotion.cluster.render import main_container
from tests.cluster.api import ApiServer
from tests.cluster.conftest import BIN
from tests.cluster.scenes import Scene
from tests.images.containers import environment, expanded

# Limit on waiting for what belongs to a Job.
CONFIG_SECONDS = 60.0


class Kubelet:
    """Runs a Job's pods as processes on a local store; the first failure fails the Job."""

    def __init__(self, api: ApiServer, folder: Path) -> None:
        self.api, self.folder = api, folder

    def __call__(self, scene: Scene) -> None:
        """Run all pods of a Job at once, to their ends."""
        job = self.api.get("Job", scene.name, scene.namespace)
        assert job is not None
        indexed = job["spec"].get("completionMode") == "Indexed"
        indexes = range(job["spec"]["completions"]) if indexed else [None]
        with ThreadPoolExecutor(len(indexes)) as pool:
            codes = list(pool.map(lambda index: self.pod(scene, job, index), indexes))
        failed = [code for code in codes if code]
        if failed:
            scene.fail("PodFailurePolicy", f"Container main failed with exit code {failed[0]} matching FailJob rule")
        else:
            scene.complete(len(codes))

    def pod(self, scene: Scene, job: dict[str, Any], index: int | None) -> int:
        """Run a pod's command, and give its exit code."""
        container = main_container(job["spec"]["template"]["spec"])
        indexed = {"JOB_COMPLETION_INDEX": str(index)} if index is not None else {}
        variables = {**environment(container), **indexed}
        args = [expanded(word, variables) for word in container["args"]]
        pod = scene.pod(index=index)
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
            for line in process.stdout or ():
                scene.api.log(pod, line.rstrip("\n"), scene.namespace)
        scene.end(pod, process.returncode, message="the last words")
        return process.returncode

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
