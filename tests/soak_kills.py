"""Commands that are killed at random moments, and started again until they end well."""

import itertools
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from emotion.formatting import differences

EMOTION = str(Path(sys.executable).with_name("emotion"))
# The converter's order of nodes, and so the names in its graphs, follow the hashes of strings.
ENVIRONMENT = {**os.environ, "PYTHONHASHSEED": "0"}
# Kills fall into a little more than the time of an undisturbed process.
LATE = 1.1
# Seconds that a process may take to end after SIGTERM, that one may go on that had just done its work, and that
# none takes from start to end.
MOST_SECONDS = 30.0
JUST_SECONDS = 5.0
ENDLESS_SECONDS = 600.0
PAUSED, RESUMED = "SIGSTOP, SIGKILL", "SIGSTOP, SIGCONT"
SIGNALS = ["SIGKILL"] * 6 + ["SIGTERM"] * 6 + [PAUSED, RESUMED]


@dataclass(frozen=True)
class Attempt:
    """One process: the signal that it got ("" if none), after how many seconds, its exit code, and what it said."""

    signal: str
    seconds: float
    code: int
    said: str

    def told(self, event: str) -> str:
        """Messages of this event, where the log is JSON."""
        lines = (json.loads(line) for line in self.said.splitlines() if line.startswith('{"event"'))
        return "; ".join(str(line["message"]) for line in lines if line["event"] == event)


class Soak:
    """Kills processes, and counts; `wrong` is what should not have been."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.folder, self.seed = folder, seed
        self.kills: Counter[tuple[str, str]] = Counter()
        self.results: Counter[str] = Counter()
        self.restarts = 0
        self.wrong: list[str] = []
        self.numbers = itertools.count(1)
        self.lock = threading.Lock()

    def dice(self, what: str) -> random.Random:
        """Draw for each thread apart, so that each draws the same for the same seed."""
        return random.Random(f"{self.seed} {what}")  # noqa: S311  no secret

    def killed(self, kind: str = "") -> int:
        """How many processes were killed, of all kinds or of one."""
        counted = self.kills.items()
        return sum(count for (each, name), count in counted if name != RESUMED and each.startswith(kind))

    def say(self, line: str) -> None:
        """Print a line."""
        print(f"{time.strftime('%H:%M:%S')} {line}", flush=True)  # noqa: T201  a script that takes minutes

    def fail(self, line: str) -> None:
        """Note what is wrong."""
        with self.lock:
            self.wrong.append(line)
        self.say(f"WRONG: {line}")

    def compare(self, kind: str, what: str, found: dict[str, Any], wanted: dict[str, Any]) -> None:
        """Hold what came of it against what an undisturbed process gave."""
        with self.lock:
            self.results[kind] += 1
        different = [line[:300] for line in differences(wanted, found)]
        for line in different:
            self.fail(f"{what}: undisturbed is there, this is here: {line.strip()}")
        self.say(f"{what}: {'DIFFERS' if different else 'equal to the undisturbed one'}")

    @contextmanager
    def started(self, what: str, command: Sequence[str]) -> Iterator[tuple["subprocess.Popen[bytes]", Path]]:
        """Start a process that says what it says in a file."""
        log = self.folder / "logs" / f"{next(self.numbers):05d}-{what.replace(' ', '-').replace('/', '-')}.log"
        log.parent.mkdir(parents=True, exist_ok=True)
        with (
            log.open("wb") as file,
            subprocess.Popen(
                [EMOTION, *command], stdin=subprocess.DEVNULL, stdout=file, stderr=subprocess.STDOUT, env=ENVIRONMENT
            ) as process,
        ):
            try:
                yield process, log
            finally:
                process.kill()

    def attempt(self, what: str, command: Sequence[str], draw: random.Random, seconds: float) -> Attempt:
        """Run a command, and disturb it within about so many seconds; 0 leaves it alone."""
        began = time.monotonic()
        with self.started(what, command) as (process, log):
            try:
                process.wait(draw.uniform(0, LATE * seconds) if seconds else ENDLESS_SECONDS)
                name = ""
            except subprocess.TimeoutExpired:
                name = draw.choice(SIGNALS) if seconds else "SIGKILL"
                if not seconds:
                    self.fail(f"{what} took more than {ENDLESS_SECONDS:.0f} s")
            after = time.monotonic() - began
            if name:
                self._disturb(what, process, name, draw)
            found = Attempt(name, after, process.wait(), log.read_text(errors="replace"))
        self._check(what, found, log)
        return found

    def _disturb(self, what: str, process: "subprocess.Popen[bytes]", name: str, draw: random.Random) -> None:
        """Send a signal, or two, and wait for what must come of it."""
        handled, sent = _handles_sigterm(process.pid), time.monotonic()
        first, *then = name.split(", ")
        process.send_signal(signal.Signals[first])
        if then:
            time.sleep(draw.uniform(0.5, 4))
            process.send_signal(signal.Signals[then[0]])
        if name == RESUMED:
            return
        try:
            code = process.wait(MOST_SECONDS)
        except subprocess.TimeoutExpired:
            self.fail(f"{what} did not end within {MOST_SECONDS:.0f} s of {name}")
            process.kill()
            return
        if name == "SIGTERM":
            allowed = {0, 143} if handled else {0, -signal.SIGTERM, 143}
            if code not in allowed:
                self.fail(f"{what} ended with {code} after SIGTERM, not with 143")
            if code == 0 and time.monotonic() - sent > JUST_SECONDS:
                self.fail(f"{what} went on for {time.monotonic() - sent:.1f} s after SIGTERM, and ended with 0")

    def _check(self, what: str, attempt: Attempt, log: Path) -> None:
        """Hold the end of an attempt against what it got."""
        if attempt.signal in {"", RESUMED} and attempt.code:
            self.fail(f"{what} ended with {attempt.code}, undisturbed: see {log}")
        if "SIGKILL" in attempt.signal and attempt.code not in {0, -signal.SIGKILL}:
            self.fail(f"{what} ended with {attempt.code} after {attempt.signal}: see {log}")
        if "Traceback" in attempt.said:
            self.fail(f"{what} left a traceback: see {log}")
        if attempt.code or attempt.signal == RESUMED:
            with self.lock:
                self.kills[what.split(maxsplit=1)[0], attempt.signal] += 1

    def until_done(
        self,
        what: str,
        command: Sequence[str],
        draw: random.Random,
        seconds: float,
        *,
        most: int,
        look: Callable[[Attempt], str],
    ) -> list[Attempt]:
        """Start the same command until it ends with 0, with `most` kills; `look` checks and tells how things stand."""
        attempts: list[Attempt] = []
        while not attempts or attempts[-1].code:
            if attempts:
                with self.lock:
                    self.restarts += 1
            killed = sum(attempt.code != 0 for attempt in attempts)
            found = self.attempt(what, command, draw, seconds if killed < most else 0.0)
            attempts.append(found)
            came = look(found)
            if found.signal:
                number = f"kill {self.killed():3d}" if found.code else "        "
                self.say(f"{number}  {what}: {found.signal} after {found.seconds:.2f} s: {found.code}; {came}")
            elif found.code:
                break
        return attempts


def _handles_sigterm(pid: int) -> bool:
    """Whether the process has a handler for SIGTERM: Python's start takes a moment, and so does its end."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False
    caught = next((line.split()[1] for line in status.splitlines() if line.startswith("SigCgt:")), "0")
    return bool(int(caught, 16) >> (signal.SIGTERM - 1) & 1)
