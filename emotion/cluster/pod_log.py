"""Follows a pod's log in a thread, across lost connections, without losing or repeating a line."""

import re
import subprocess
import threading
from collections.abc import Callable, Iterator

from emotion.cluster.kubectl import Kubectl, failure

# Between two attempts to read on.
PAUSE = 1.0

TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d")

Line = Callable[[str], None]


class PodLog(threading.Thread):
    """Gives every line of the container `main` of a pod to `take`, from the first, until the pod has ended.

    The server writes the time before each line; reading goes on from the last one that was seen.
    """

    def __init__(self, kubectl: Kubectl, pod: str, take: Line) -> None:
        super().__init__(name=f"log of {pod}", daemon=True)
        self.kubectl, self.pod, self.take = kubectl, pod, take
        self.ended = threading.Event()
        self.stopped = threading.Event()
        self.last = ""
        self.process: subprocess.Popen[bytes] | None = None

    def run(self) -> None:
        """Read until a whole pass began after the pod's end."""
        while not self.stopped.is_set():
            final = self.ended.is_set()
            whole = self._pass()
            if final and whole:
                return
            if not self.ended.is_set():
                self.stopped.wait(PAUSE)

    def finish(self, seconds: float) -> None:
        """The pod has ended: read what is left, for so long at most."""
        self.ended.set()
        self.join(seconds)
        self.stop()

    def stop(self) -> None:
        """Read no more."""
        self.stopped.set()
        if self.process is not None:
            self.process.terminate()

    def _pass(self) -> bool:
        """Read on from the last line; tell whether the server ended it, rather than the connection."""
        since = [f"--since-time={self.last}"] if self.last else []
        self.process = self.kubectl.stream("logs", self.pod, "--container=main", "--timestamps", "--follow", *since)
        with self.process as process:
            if process.stdout is not None:
                for raw in process.stdout:
                    self._line(raw.decode(errors="replace").rstrip("\n"))
        return process.returncode == 0

    def _line(self, line: str) -> None:
        at, _, text = line.partition(" ")
        # What has no time is no line of the log, but the node's own word on why it cannot be read.
        # The server takes whole seconds, and so repeats some.
        if not TIME.match(at) or _nanoseconds(at) <= _nanoseconds(self.last):
            return
        self.last = at
        self.take(text)


def _nanoseconds(at: str) -> tuple[str, int]:
    """A time as what can be compared: nanoseconds have as many digits as they need."""
    seconds, _, rest = at.rstrip("Z").partition(".")
    digits = rest.partition("+")[0]
    return seconds, int(digits.ljust(9, "0")) if digits.isdecimal() else 0


def tail(kubectl: Kubectl, pod: str, lines: int) -> list[str]:
    """The last lines of a pod's log; none where it has none yet.

    Raises:
        EmotionError: the cluster cannot be asked.
    """
    return kubectl.run("logs", pod, "--container=main", f"--tail={lines}").splitlines()


def whole(kubectl: Kubectl, pod: str) -> Iterator[str]:
    """All lines of a pod's log so far.

    Raises:
        EmotionError: the cluster cannot be asked.
    """
    with kubectl.stream("logs", pod, "--container=main") as process:
        if process.stdout is not None:
            for raw in process.stdout:
                yield raw.decode(errors="replace").rstrip("\n")
        said = process.stderr.read() if process.stderr else b""
    if process.returncode:
        raise failure(said.decode(errors="replace"))
