"""Follows a pod's log in a thread, across lost connections, without losing or repeating a line."""

import re
import subprocess
import threading
from collections.abc import Callable, Iterator

from emotion.cluster.kubectl import Kubectl, kubectl_error

# Seconds between two attempts to read on.
RETRY_SECONDS = 1.0

TIMESTAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d")


class PodLog(threading.Thread):
    """Passes every line of a pod's container `main` to `on_line`, from the first line until the pod has ended.

    The server writes a timestamp before every line. Reading continues after the last timestamp that was read.
    """

    def __init__(self, kubectl: Kubectl, pod: str, on_line: Callable[[str], None]) -> None:
        super().__init__(name=f"log of {pod}", daemon=True)
        self.kubectl, self.pod, self.on_line = kubectl, pod, on_line
        self.pod_ended = threading.Event()
        self.stopped = threading.Event()
        self.last_timestamp = ""
        self.process: subprocess.Popen[bytes] | None = None

    def run(self) -> None:
        """Read until a complete pass has begun after the pod's end."""
        while not self.stopped.is_set():
            final = self.pod_ended.is_set()
            complete = self._read_on()
            if final and complete:
                return
            if not self.pod_ended.is_set():
                self.stopped.wait(RETRY_SECONDS)

    def finish(self, seconds: float) -> None:
        """Read the rest of an ended pod's log, for at most so many seconds."""
        self.pod_ended.set()
        self.join(seconds)
        self.stop()

    def stop(self) -> None:
        """Stop reading."""
        self.stopped.set()
        if self.process is not None:
            self.process.terminate()

    def _read_on(self) -> bool:
        """Read from the last line on; False where the connection broke before the server ended the log."""
        since = [f"--since-time={self.last_timestamp}"] if self.last_timestamp else []
        self.process = self.kubectl.stream("logs", self.pod, "--container=main", "--timestamps", "--follow", *since)
        with self.process as process:
            if process.stdout is not None:
                for line in process.stdout:
                    self._pass_on(line.decode(errors="replace").rstrip("\n"))
        return process.returncode == 0

    def _pass_on(self, line: str) -> None:
        timestamp, _, text = line.partition(" ")
        # A line without a timestamp is a message of the node about the log.
        # The server rounds --since-time to whole seconds, so it repeats some lines.
        if not TIMESTAMP.match(timestamp) or _sort_key(timestamp) <= _sort_key(self.last_timestamp):
            return
        self.last_timestamp = timestamp
        self.on_line(text)


def _sort_key(timestamp: str) -> tuple[str, int]:
    """Give seconds and nanoseconds; the server omits trailing zeros of the nanoseconds."""
    seconds, _, rest = timestamp.rstrip("Z").partition(".")
    digits = rest.partition("+")[0]
    return seconds, int(digits.ljust(9, "0")) if digits.isdecimal() else 0


def read_last_lines(kubectl: Kubectl, pod: str, count: int) -> list[str]:
    """Read the last lines of a pod's log; fewer where it has fewer.

    Raises:
        EmotionError: kubectl failed.
    """
    return kubectl.run("logs", pod, "--container=main", f"--tail={count}").splitlines()


def read_lines(kubectl: Kubectl, pod: str) -> Iterator[str]:
    """Read all lines that a pod has logged so far.

    Raises:
        EmotionError: kubectl failed.
    """
    with kubectl.stream("logs", pod, "--container=main") as process:
        if process.stdout is not None:
            for line in process.stdout:
                yield line.decode(errors="replace").rstrip("\n")
        errors = process.stderr.read() if process.stderr else b""
    if process.returncode:
        raise kubectl_error(errors.decode(errors="replace"))
