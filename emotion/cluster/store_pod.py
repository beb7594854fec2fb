"""Starts a temporary pod that mounts the whole store, and runs commands in the pod."""

import secrets
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import TypeVar

from emotion.cluster.follow import IMAGE_SECONDS
from emotion.cluster.job_outcome import job_outcome
from emotion.cluster.job_spec import JobSpec, check_spec
from emotion.cluster.job_status import Phase, is_image_error, reason_hint
from emotion.cluster.kubectl import Kubectl, UnreachableError, kubectl_error
from emotion.cluster.left_pods import remove_left_pods
from emotion.cluster.needs import check_needs
from emotion.cluster.observe import job_statuses
from emotion.cluster.render import render
from emotion.cluster.submit import create
from emotion.errors import CannotWriteError, CheckFailedError, EmotionError, UnavailableError

T = TypeVar("T")
MAX_ATTEMPTS = 6
RETRY_SECONDS = 2.0
POLL_SECONDS = 1.0
# Every command in the pod holds this lock; the pod's readiness probe in k8s/base/transfer tries it.
HOLD_LOCK = ("flock", "--shared", "/tmp/at-work")  # noqa: S108
WRITE_ERRORS = (
    "No space left on device",
    "Disk quota exceeded",
    "File too large",
    "Read-only file system",
    "Permission denied",
)


class StorePod:
    """A running pod that mounts the store at /store."""

    def __init__(self, kubectl: Kubectl, name: str) -> None:
        self.kubectl, self.name = kubectl, name
        self._holder: subprocess.Popen[bytes] | None = None

    @contextmanager
    def hold(self) -> Iterator[None]:
        """Hold the pod's lock until the block or this process ends: others see that the pod is in use."""
        self._holder = self._exec("cat", stdin=True)
        try:
            yield
        finally:
            self._holder.kill()
            self._holder.communicate()

    def run(self, *words: str) -> bytes:
        """Run a command in the pod and give its output. After a lost connection the command runs again.

        Raises:
            EmotionError: the command failed, or the connection stayed lost.
        """
        return retry(lambda: self._run_once(*words))

    def _run_once(self, *words: str) -> bytes:
        with self.start(*words) as process:
            output, errors = process.communicate()
        self.check_exit_code(process.returncode, errors)
        return output

    def check_exit_code(self, code: int, errors: bytes) -> None:
        """Check the exit code of a command in the pod; `errors` is the command's stderr.

        Raises:
            CannotWriteError: the store cannot be written.
            EmotionError: the command failed for another reason.
        """
        if code == 0:
            return
        text = errors.decode(errors="replace").strip()
        reason = next((message for message in WRITE_ERRORS if message in text), None)
        if reason is not None:
            hint = f"free some space (emotion runs rm RUN --cluster{self.kubectl.flags})"
            raise CannotWriteError(f"the store cannot be written: {reason}", hint)
        raise kubectl_error(text, self.kubectl.pasteable())

    def start(self, *words: str, stdin: bool = False) -> subprocess.Popen[bytes]:
        """Start a command in the pod; the caller reads its output and, with `stdin`, writes its input."""
        if self._holder is not None and self._holder.poll() is not None:
            # A lost connection ends it.
            self._holder.communicate()
            self._holder = self._exec("cat", stdin=True)
        return self._exec(*words, stdin=stdin)

    def _exec(self, *words: str, stdin: bool) -> subprocess.Popen[bytes]:
        options = ["--stdin"] if stdin else []
        command = ("exec", *options, self.name, "--container=main", "--", *HOLD_LOCK, *words)
        return self.kubectl.stream(*command, stdin=stdin)


def retry(action: Callable[[], T]) -> T:
    """Run an idempotent action; repeat it after a lost connection or a wrong digest.

    Raises:
        EmotionError: the last attempt failed, or any attempt failed for another reason.
    """
    for _ in range(MAX_ATTEMPTS - 1):
        try:
            return action()
        except (UnreachableError, CheckFailedError):
            time.sleep(RETRY_SECONDS)
    return action()


@contextmanager
def store_pod(kubectl: Kubectl, spec: JobSpec, report: Callable[[str], None]) -> Iterator[StorePod]:
    """Open a pod with the store, and delete the pod afterwards; `report` gets lines for people.

    Raises:
        EmotionError: the pod cannot be created, or does not start.
    """
    spec = check_spec(replace(spec, job="transfer", run=secrets.token_hex(4)))
    job = render(spec, "k8s/transfer")
    check_needs(kubectl, [job])
    remove_left_pods(kubectl, report)
    try:
        create(kubectl, job)
        report("waiting for the store's pod")
        pod = StorePod(kubectl, _wait_for_pod(kubectl, job.name, report))
        with pod.hold():
            yield pod
    finally:
        with suppress(EmotionError):
            kubectl.run("delete", "job", job.name, "--ignore-not-found", "--wait=false")


def _wait_for_pod(kubectl: Kubectl, name: str, report: Callable[[str], None]) -> str:
    """Wait until the Job's pod runs; return the pod's name."""
    reported, since = "", time.monotonic()
    while True:
        for status in job_statuses(kubectl, [name]):
            if status.phase is Phase.RUNNING and status.current:
                return status.current.name
            if status.phase.over:
                outcome = job_outcome(kubectl, status)
                raise UnavailableError(f"the store's pod ended: {outcome.reason}", outcome.hint)
            if status.reason and status.reason != reported:
                reported = status.reason
                report(f"{status.phase}: {reported}")
            if is_image_error(status.reason) and time.monotonic() - since > IMAGE_SECONDS:
                raise UnavailableError(status.reason, reason_hint(kubectl, status.reason))
        time.sleep(POLL_SECONDS)
