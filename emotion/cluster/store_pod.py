"""A pod with the whole store, there for as long as it is needed, and commands that run in it."""

import secrets
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from typing import TypeVar

from emotion.cluster.follow import EVERY, IMAGE
from emotion.cluster.job_outcome import job_outcome
from emotion.cluster.job_spec import JobSpec
from emotion.cluster.job_status import Phase, hint, unpullable
from emotion.cluster.kubectl import Kubectl, UnreachableError, failure
from emotion.cluster.observe import job_statuses
from emotion.cluster.render import render
from emotion.cluster.submit import check_needs, create
from emotion.errors import CannotWriteError, CheckFailedError, EmotionError, UnavailableError

Tell = Callable[[str], None]
T = TypeVar("T")
TRIES = 6
PAUSE = 2.0
FULL = (
    "No space left on device",
    "Disk quota exceeded",
    "File too large",
    "Read-only file system",
    "Permission denied",
)


@dataclass(frozen=True)
class StorePod:
    """A running pod that sees the store at /store."""

    kubectl: Kubectl
    name: str

    def run(self, *words: str) -> bytes:
        """Run a command in the pod that may be run twice, and give what it prints.

        Raises:
            EmotionError: it failed, or the connection did for good.
        """
        return insist(lambda: self._run(*words))

    def _run(self, *words: str) -> bytes:
        with self.start(*words) as process:
            printed, said = process.communicate()
        check(process.returncode, said)
        return printed

    def start(self, *words: str, fed: bool = False) -> subprocess.Popen[bytes]:
        """Start a command in the pod; its output is to be read, and where it is `fed`, its input to be written."""
        stdin = ["--stdin"] if fed else []
        return self.kubectl.stream("exec", *stdin, self.name, "--container=main", "--", *words, fed=fed)


def insist(act: Callable[[], T]) -> T:
    """Do what may be done twice again, where the connection was lost or a file did not arrive whole.

    Raises:
        EmotionError: it never worked, or failed otherwise.
    """
    for _ in range(TRIES - 1):
        try:
            return act()
        except (UnreachableError, CheckFailedError):
            time.sleep(PAUSE)
    return act()


def check(code: int, said: bytes) -> None:
    """Raise what a command in the pod means by its exit code and its words on stderr."""
    if code == 0:
        return
    text = said.decode(errors="replace").strip()
    reason = next((each for each in FULL if each in text), None)
    if reason is not None:
        raise CannotWriteError(f"the store cannot be written: {reason}", "free some space (emotion runs rm --cluster)")
    raise failure(text)


@contextmanager
def store_pod(kubectl: Kubectl, order: JobSpec, tell: Tell) -> Iterator[StorePod]:
    """Give a pod with the store, and remove it afterwards.

    Raises:
        EmotionError: it cannot be had.
    """
    order = replace(order, job="transfer", run=secrets.token_hex(4))
    job = render(order, "k8s/transfer")
    check_needs(kubectl, [job])
    try:
        create(kubectl, job)
        tell("waiting for a pod with the store")
        yield StorePod(kubectl, _ready(kubectl, job.name, tell))
    finally:
        with suppress(EmotionError):
            kubectl.run("delete", "job", job.name, "--ignore-not-found", "--wait=false")


def _ready(kubectl: Kubectl, name: str, tell: Tell) -> str:
    """Wait for the pod; give its name."""
    told, since = "", time.monotonic()
    while True:
        for standing in job_statuses(kubectl, [name]):
            if standing.phase is Phase.RUNNING and standing.current:
                return standing.current.name
            if standing.phase.over:
                ended = job_outcome(standing)
                raise UnavailableError(f"the pod with the store ended: {ended.reason}", ended.hint)
            if standing.reason and standing.reason != told:
                told = standing.reason
                tell(f"{standing.phase}: {told}")
            if unpullable(standing.reason) and time.monotonic() - since > IMAGE:
                raise UnavailableError(standing.reason, hint(standing.reason))
        time.sleep(EVERY / 2)
