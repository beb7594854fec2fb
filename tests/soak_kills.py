"""Starts commands, kills them at random moments, and starts them again until they succeed."""

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
# String hashes decide the converter's order of nodes, and so the names in its graphs.
ENVIRONMENT = {**os.environ, "PYTHONHASHSEED": "0"}
# Kills come within this multiple of an undisturbed process's time.
LATE = 1.1
# Maximum seconds from SIGTERM to the end, to the end of a process that was almost done, and of a whole process.
MAX_SECONDS = 30.0
FINISH_SECONDS = 5.0
ENDLESS_SECONDS = 600.0
PAUSED, RESUMED = "SIGSTOP, SIGKILL", "SIGSTOP, SIGCONT"
SIGNALS = ["SIGKILL"] * 6 + ["SIGTERM"] * 6 + [PAUSED, RESUMED]


@dataclass(frozen=True)
class Attempt:
    """One process: its signal ("" if none), the seconds before the signal, its exit code and its output."""

    signal: str
    seconds: float
    code: int
    output: str

    def messages(self, event: str) -> str:
        """Messages of this event in a JSON log."""
        lines = (json.loads(line) for line in self.output.splitlines() if line.startswith('{"event"'))
        return "; ".join(str(line["message"]) for line in lines if line["event"] == event)


class Soak:
    """Kills processes and counts. `wrong` lists every failure."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.folder, self.seed = folder, seed
        self.kills: Counter[tuple[str, str]] = Counter()
        self.results: Counter[str] = Counter()
        self.restarts = 0
        self.wrong: list[str] = []
        self.numbers = itertools.count(1)
        self.lock = threading.Lock()

    def dice(self, what: str) -> random.Random:
        """Random numbers for one purpose. Threads share none, so that a seed always gives the same numbers."""
        return random.Random(f"{self.seed} {what}")  # noqa: S311  no secret

    def killed(self, kind: str = "") -> int:
        """Number of killed processes, of all kinds or of one."""
        counts = self.kills.items()
        return sum(count for (command, name), count in counts if name != RESUMED and command.startswith(kind))

    def say(self, line: str) -> None:
        """Print a line."""
        # The line end is part of the text: another thread's line must not come between.
        print(f"{time.strftime('%H:%M:%S')} {line}\n", end="", flush=True)  # noqa: T201  a script that takes minutes

    def fail(self, line: str) -> None:
        """Note a failure."""
        with self.lock:
            self.wrong.append(line)
        self.say(f"WRONG: {line}")

    def compare(self, kind: str, what: str, found: dict[str, Any], expected: dict[str, Any]) -> None:
        """Compare a result with the result of an undisturbed process."""
        with self.lock:
            self.results[kind] += 1
        different = [line[:300] for line in differences(expected, found)]
        for line in different:
            self.fail(f"{what}: undisturbed is there, this is here: {line.strip()}")
        self.say(f"{what}: {'DIFFERS' if different else 'equal to the undisturbed one'}")

    @contextmanager
    def started(
        self, what: str, command: Sequence[str], *, start_new_session: bool = False
    ) -> Iterator[tuple["subprocess.Popen[bytes]", Path]]:
        """Start a process that logs to a file."""
        log = self.folder / "logs" / f"{next(self.numbers):05d}-{what.replace(' ', '-').replace('/', '-')}.log"
        log.parent.mkdir(parents=True, exist_ok=True)
        with (
            log.open("wb") as file,
            subprocess.Popen(
                [EMOTION, *command],
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                env=ENVIRONMENT,
                start_new_session=start_new_session,
            ) as process,
        ):
            try:
                yield process, log
            finally:
                process.kill()

    def attempt(self, what: str, command: Sequence[str], draw: random.Random, seconds: float) -> Attempt:
        """Run a command, and disturb it within about `seconds`; 0 leaves it alone."""
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
        """Send one or two signals, and check the end of the process."""
        handled, sent = handles_sigterm(process.pid), time.monotonic()
        first, *then = name.split(", ")
        process.send_signal(signal.Signals[first])
        if then:
            time.sleep(draw.uniform(0.5, 4))
            process.send_signal(signal.Signals[then[0]])
        if name == RESUMED:
            return
        try:
            code = process.wait(MAX_SECONDS)
        except subprocess.TimeoutExpired:
            self.fail(f"{what} did not end within {MAX_SECONDS:.0f} s of {name}")
            process.kill()
            return
        if name == "SIGTERM":
            allowed = {0, 143} if handled else {0, -signal.SIGTERM, 143}
            if code not in allowed:
                self.fail(f"{what} ended with {code} after SIGTERM, not with 143")
            if code == 0 and time.monotonic() - sent > FINISH_SECONDS:
                self.fail(f"{what} went on for {time.monotonic() - sent:.1f} s after SIGTERM, and ended with 0")

    def _check(self, what: str, attempt: Attempt, log: Path) -> None:
        """Check the exit code of an attempt against its signal."""
        if attempt.signal in {"", RESUMED} and attempt.code:
            self.fail(f"{what} ended with {attempt.code}, undisturbed: see {log}")
        if "SIGKILL" in attempt.signal and attempt.code not in {0, -signal.SIGKILL}:
            self.fail(f"{what} ended with {attempt.code} after {attempt.signal}: see {log}")
        if "Traceback" in attempt.output:
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
        max_kills: int,
        check: Callable[[Attempt], str],
    ) -> list[Attempt]:
        """Start a command, with at most `max_kills` kills, until it exits with 0. `check` returns the run's state."""
        attempts: list[Attempt] = []
        while not attempts or attempts[-1].code:
            if attempts:
                with self.lock:
                    self.restarts += 1
            killed = sum(attempt.code != 0 for attempt in attempts)
            found = self.attempt(what, command, draw, seconds if killed < max_kills else 0.0)
            attempts.append(found)
            state = check(found)
            if found.signal:
                number = f"kill {self.killed():3d}" if found.code else "        "
                self.say(f"{number}  {what}: {found.signal} after {found.seconds:.2f} s: {found.code}; {state}")
            elif found.code:
                break
        return attempts


def handles_sigterm(pid: int) -> bool:
    """Whether the process handles SIGTERM now: not at Python's start, nor at its end."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False
    caught = next((line.split()[1] for line in status.splitlines() if line.startswith("SigCgt:")), "0")
    return bool(int(caught, 16) >> (signal.SIGTERM - 1) & 1)
