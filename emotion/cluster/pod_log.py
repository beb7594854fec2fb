"""Follows a pod's log in a thread, across lost connections, without losing or repeating a line."""

import subprocess
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

from emotion.cluster.kubectl import Kubectl, NotFoundError, kubectl_error
from emotion.errors import EmotionError

# Seconds between two attempts to continue reading.
RETRY_SECONDS = 1.0
# Reading resumes this long before the newest line. stdout and stderr have separate clocks, so a line may be older than
# the previous line; and the server rounds --since-time to whole seconds.
OVERLAP = timedelta(seconds=5)


class RecentLines:
    """The last lines that were passed on, with timestamps; the server repeats them after a reconnection."""

    def __init__(self) -> None:
        self.newest: datetime | None = None
        self._lines: list[tuple[datetime, str]] = []
        self._expected: Counter[str] = Counter()

    @property
    def since(self) -> str:
        """The start time of the lines that the server must repeat, in UTC; "" before the first line."""
        return f"{(self.newest - OVERLAP).astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}" if self.newest else ""

    def reconnect(self) -> None:
        """Expect every line again."""
        self._expected = Counter(line for _, line in self._lines)

    def is_new(self, time: datetime, line: str) -> bool:
        """Whether a line with a timestamp is new; remember new lines."""
        if self._expected[line]:
            self._expected[line] -= 1
            return False
        self._lines.append((time, line))
        if self.newest is None or time > self.newest:
            self._forget_before(time - OVERLAP - timedelta(seconds=1))
            self.newest = time
        return True

    def has_text(self, text: str) -> bool:
        """Whether one of the lines has this text."""
        return any(line.partition(" ")[2] == text for _, line in self._lines)

    def _forget_before(self, time: datetime) -> None:
        """Forget older lines, at most once a second: a log may have thousands of lines per second."""
        if self._lines[0][0] < time - timedelta(seconds=1):
            self._lines = [line for line in self._lines if line[0] >= time]


class PodLog(threading.Thread):
    """Passes every line of a pod's container `main` to `on_line`, from the first line until the pod has ended.

    The server writes a timestamp before every line. Reading continues shortly before the newest timestamp.
    """

    def __init__(self, kubectl: Kubectl, pod: str, on_line: Callable[[str], None]) -> None:
        super().__init__(name=f"log of {pod}", daemon=True)
        self.kubectl, self.pod, self.on_line = kubectl, pod, on_line
        self.pod_ended = threading.Event()
        self.stopped = threading.Event()
        self.recent = RecentLines()
        self.unfinished = ""
        self.process: subprocess.Popen[bytes] | None = None

    def run(self) -> None:
        """Read until one complete pass after the pod's end, or until the pod is gone."""
        while not self.stopped.is_set():
            final = self.pod_ended.is_set()
            complete, gone = self._read_on()
            if (final and complete) or gone:
                break
            if not (complete and self.pod_ended.is_set()):
                self.stopped.wait(RETRY_SECONDS)
        self._pass_on(self.unfinished)

    def finish(self, seconds: float) -> None:
        """Read the rest of an ended pod's log for at most `seconds`."""
        self.pod_ended.set()
        self.join(seconds)
        self.stop()

    def stop(self) -> None:
        """Stop reading."""
        self.stopped.set()
        if self.process is not None:
            self.process.terminate()

    def _read_on(self) -> tuple[bool, bool]:
        """Continue reading; return whether the log ended (else the connection broke), and whether the pod is gone."""
        since = [f"--since-time={self.recent.since}"] if self.recent.since else []
        self.recent.reconnect()
        self.process = self.kubectl.stream("logs", self.pod, "--container=main", "--timestamps", "--follow", *since)
        with self.process as process:
            for line in process.stdout or ():
                self._read_line(line.decode(errors="replace"))
            errors = process.stderr.read() if process.stderr else b""
        gone = process.returncode != 0 and isinstance(_error(self.kubectl, errors), NotFoundError)
        return process.returncode == 0, gone

    def _read_line(self, line: str) -> None:
        """Pass a complete line on; keep an incomplete line until the rest arrives."""
        self.unfinished = "" if line.endswith("\n") else line
        if not self.unfinished:
            self._pass_on(line.rstrip("\n"))

    def _pass_on(self, line: str) -> None:
        timestamp, _, text = line.partition(" ")
        # A line without a timestamp is a message from the node about the log.
        if (time := _parse_time(timestamp)) is not None and self.recent.is_new(time, line):
            self.on_line(text)


def _parse_time(timestamp: str) -> datetime | None:
    try:
        time = datetime.fromisoformat(timestamp)
    except ValueError:
        return None
    return time if time.tzinfo else None


def read_last_lines(kubectl: Kubectl, pod: str, count: int) -> list[str]:
    """Read at most `count` last lines of a pod's log.

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
        raise _error(kubectl, errors)


def _error(kubectl: Kubectl, errors: bytes) -> EmotionError:
    return kubectl_error(errors.decode(errors="replace"), kubectl.pasteable())
