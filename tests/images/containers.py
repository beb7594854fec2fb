"""Containers as users run them: hardened, with folders of this machine mounted."""

import json
import os
import re
import subprocess
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

DOCKER = os.environ.get("DOCKER", "docker")
HARDENED = ("--read-only", "--cap-drop", "ALL", "--security-opt", "no-new-privileges", "--network", "none")
# The engine starts containers on any core: where the tests are kept on some, those that they start stay there, too.
CORES = sorted(os.sched_getaffinity(0))
PINNED = ("--cpuset-cpus", ",".join(map(str, CORES))) if len(CORES) < (os.cpu_count() or 1) else ()
TMP = ("--tmpfs", "/tmp")
# Paths in the container, with `:ro` for what it may only read, and what is mounted there.
Mounts = Mapping[str, Path]
Result = subprocess.CompletedProcess[str]
# What trains within seconds.
TINY = ("model.embedding_dim=8", "model.hidden=[8]", "training.epochs=2")


def docker(*arguments: str, check: bool = True) -> str:
    """Call the engine; give what it prints."""
    done = subprocess.run([DOCKER, *arguments], capture_output=True, text=True, check=False, timeout=300)
    assert not check or done.returncode == 0, done.stderr
    return done.stdout.strip()


def inspect(name: str) -> dict[str, Any]:
    """What the engine knows of an image or a container."""
    found: dict[str, Any] = json.loads(docker("inspect", name))[0]
    return found


def options(mounts: Mounts, user: str | None, more: tuple[str, ...]) -> list[str]:
    """Options of `docker run` and `docker create`."""
    binds = [part for target, source in mounts.items() for part in ("-v", f"{source}:{target}")]
    return [*HARDENED, *PINNED, *(("--user", user) if user else ()), *more, *binds]


def run(image: str, mounts: Mounts, *arguments: str, user: str | None = None, more: tuple[str, ...] = TMP) -> Result:
    """Run `emotion` with `arguments` to its end, as the image's own user or another."""
    command = [DOCKER, "run", "--rm", *options(mounts, user, more), image, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)


def python(image: str, code: str, *more: str) -> Result:
    """Run Python in the image."""
    command = [DOCKER, "run", "--rm", *PINNED, *more, "--entrypoint", "/opt/emotion/bin/python", image, "-c", code]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)


@dataclass
class Container:
    """One that runs beside the test, and is there afterwards, to be looked at."""

    name: str

    @classmethod
    def start(cls, image: str, mounts: Mounts, *arguments: str, more: tuple[str, ...] = TMP) -> "Container":
        name = f"emotion-test-{uuid.uuid4().hex[:8]}"
        docker(
            "run", "--detach", "--name", name, "--stop-timeout", "60", *options(mounts, None, more), image, *arguments
        )
        return cls(name)

    def stop(self) -> None:
        docker("stop", self.name)

    def kill(self, signal: str) -> None:
        docker("kill", "--signal", signal, self.name)

    def wait(self) -> int:
        """Give the exit code."""
        return int(docker("wait", self.name))

    @property
    def killed_for_memory(self) -> bool:
        return bool(inspect(self.name)["State"]["OOMKilled"])

    def words(self) -> str:
        """All that was said."""
        done = subprocess.run([DOCKER, "logs", self.name], capture_output=True, text=True, check=True)
        return done.stdout + done.stderr

    def until(self, condition: Callable[[], bool]) -> None:
        """Wait for something while the container runs."""
        deadline = time.monotonic() + 120
        while not condition():
            assert inspect(self.name)["State"]["Running"], self.words()
            assert time.monotonic() < deadline, self.words()
            # The engine's client takes as long as a container's process where both have one core.
            time.sleep(0.5)

    def remove(self) -> None:
        docker("rm", "--force", "--volumes", self.name)


def open_to_all(folder: Path, mode: int = 0o555) -> Path:
    """Let every user reach a folder below pytest's own, which is one user's alone."""
    for path in (folder, *folder.parents):
        if path.stat().st_uid == os.getuid():
            path.chmod(path.stat().st_mode | (mode if path == folder else 0o555))
    return folder


def tiny(*changes: str) -> list[str]:
    """Options for a training within seconds."""
    return [part for change in (*TINY, *changes) for part in ("--set", change)]


def environment(container: Mapping[str, Any]) -> dict[str, str]:
    """The variables of a manifest's container; $(NAME) in a value is a variable before it, as in Kubernetes."""
    found: dict[str, str] = {}
    for variable in container.get("env", []):
        if "value" in variable:
            found[variable["name"]] = expanded(variable["value"], found)
    return found


def expanded(word: str, environment: Mapping[str, str]) -> str:
    """Replace $(NAME) by variables, as Kubernetes does in a container's args: $$ is one $ and begins no name."""
    return re.sub(
        r"\$(?:\$|\(([^)]*)\))",
        lambda found: "$" if found[1] is None else environment.get(found[1], found[0]),
        word,
    )
