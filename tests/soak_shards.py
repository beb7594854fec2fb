"""Kills processes of `emotion classify --shard` at random moments: in the end all outputs are those of one process."""

import os
import random
import shutil
import signal
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from emotion.classify.tasks import PARTS_SUFFIX
from emotion.errors import ExitCode
from emotion.hardware import usable_cores
from emotion.store.atomic import TEMPORARY
from tests.soak_inputs import write_inputs
from tests.soak_kills import LATE, MAX_SECONDS, Soak, handles_sigterm
from tests.soak_stages import members, stage, state

COUNTS = (1, 3, 8)
AT_ONCE = 3
# What the shards of a folder share, beside its outputs.
PLANS = ".plan-*.json"
# A random time, or soon after a process begins to do this.
MOMENTS = ["", "", "help", "classify", "write", "manifest", "join", "join"]
SOON = 0.02
SIGNALS = [signal.SIGKILL] * 3 + [signal.SIGTERM]
TARGETS = ["process", "helpers", "all"]
# Between the name that a file gets first and its own name. A killed process leaves the first one.
RENAME_SECONDS = 0.1


@dataclass
class Case:
    """An input that is classified in `count` shards. `expected` are the files that one process writes.

    `seconds` is the time of an undisturbed shard. `done` counts the processes that ended well since the folder was
    empty, and `sigkills` are the times at which others were killed.
    """

    source: Path
    count: int
    folder: Path
    model: Path
    expected: dict[str, bytes]
    seconds: float = 0.0
    kills: int = 0
    done: int = 0
    sigkills: list[float] = field(default_factory=list)

    @property
    def name(self) -> str:
        return f"{self.source.name} in {self.count}"

    def clear(self) -> None:
        """Start with an empty folder."""
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        self.done = 0
        self.sigkills.clear()

    def shard(self, index: int) -> list[str]:
        """Command of a shard. Three cores let it start two processes that help."""
        return [*classify(self.source, self.folder, self.model), "--shard", f"{index}/{self.count}", "--threads", "3"]


@dataclass(frozen=True)
class Kill:
    """A signal to a process, to processes that help it, or to all of them, and what the process did."""

    target: str
    signal: signal.Signals
    stage: str
    handled: bool

    @property
    def codes(self) -> set[int]:
        """Exit codes that may follow. A process that is almost done may end well."""
        if self.target == "helpers":
            return {0, ExitCode.UNAVAILABLE}
        if self.signal is signal.SIGKILL:
            return {-signal.SIGKILL}
        return {0, ExitCode.TERMINATED} if self.handled else {0, ExitCode.TERMINATED, -signal.SIGTERM}


def classify(source: Path, folder: Path, model: Path) -> list[str]:
    """Command that classifies a file or folder into `folder`, under the same name."""
    return ["classify", str(source), str(folder / source.name), "--model", str(model)]


def kill_shards(soak: Soak, model: Path, kills: int) -> None:
    """Kill `kills` processes, in equal parts of all cases."""
    sources = write_inputs(soak.folder / "in")
    cases = [case for source in sources for case in undisturbed(soak, source, model)]
    for case in cases:
        before = len(soak.wrong)
        while case.kills < kills / len(cases) and len(soak.wrong) == before:
            play(soak, case, -(-kills // len(cases)))


def undisturbed(soak: Soak, source: Path, model: Path) -> list[Case]:
    """Classify an input in one process, and one shard of every case."""
    dice, folder = soak.dice("undisturbed"), soak.folder / "undisturbed" / "classified"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    soak.attempt(f"{source.name} undisturbed", [*classify(source, folder, model), "--threads", "1"], dice, 0)
    expected = outputs(folder)
    shutil.rmtree(folder)
    cases = []
    for count in COUNTS:
        case = Case(source, count, soak.folder / "rounds" / f"{source.name}-{count}", model, expected)
        case.clear()
        case.seconds = soak.attempt(f"{case.name} undisturbed", case.shard(0), dice, 0).seconds
        soak.say(f"{case.name} shards: {case.seconds:.1f} s undisturbed")
        cases.append(case)
    return cases


def outputs(folder: Path) -> dict[str, bytes]:
    """Bytes of all files that are neither parts, nor temporary, nor the list that the shards of a folder follow."""
    files = [path for path in folder.rglob("*") if path.is_file() and path.parent.suffix != PARTS_SUFFIX]
    files = [path for path in files if not path.match(PLANS) and not TEMPORARY.fullmatch(path.name)]
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def play(soak: Soak, case: Case, kills: int) -> None:
    """Kill shards, of which several run at once, until there is little left to do. Then run all, and compare."""
    case.clear()
    name = f"{case.name} {soak.results['classifications']}"

    def kill_some(number: int) -> None:
        dice = soak.dice(f"{name} {number}")
        while case.kills < kills and case.done <= 2 * case.count:
            attempt(soak, case, dice)

    with ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(kill_some, range(AT_ONCE)))
        dice = soak.dice(name)
        indexes = dice.sample(range(case.count), case.count)
        list(pool.map(lambda index: soak.attempt(f"{case.name} last", case.shard(index), dice, 0), indexes))
    soak.compare("classifications", f"{case.name} shards", outputs(case.folder), case.expected)
    for path in case.folder.rglob(".*"):
        if not path.match(PLANS):
            check_leftover(soak, case, path)


def attempt(soak: Soak, case: Case, dice: random.Random) -> None:
    """Start any shard, kill it, and check what it leaves."""
    index = dice.randrange(case.count)
    with soak.started(f"{case.name} {index}", case.shard(index), start_new_session=True) as (process, log):
        wait_for_moment(case, process, dice)
        kill = strike(case, process, log, dice)
        try:
            code = process.wait(MAX_SECONDS)
        except subprocess.TimeoutExpired:
            soak.fail(f"{case.name} did not end within {MAX_SECONDS:.0f} s of {kill}: see {log}")
            return
    check_end(soak, case, kill, code, log)
    check_alone(soak, f"{case.name} after {kill}: see {log}", process.pid)


def wait_for_moment(case: Case, process: "subprocess.Popen[bytes]", dice: random.Random) -> None:
    """Wait for a random time, or until the process does what is drawn."""
    # One shard has nothing to join.
    aim = dice.choice(MOMENTS if case.count > 1 else MOMENTS[:-2])
    if not aim:
        with suppress(subprocess.TimeoutExpired):
            process.wait(dice.uniform(0, LATE * case.seconds * max(1.0, AT_ONCE / usable_cores())))
        return
    while process.poll() is None and not is_at(case, process.pid, aim):
        time.sleep(0.005)
    time.sleep(dice.uniform(0, SOON))


def is_at(case: Case, pid: int, aim: str) -> bool:
    """Whether a process does this now, or has processes that help it."""
    return len(members(pid)) > 1 if aim == "help" else stage(pid, case.source, case.folder) == aim


def strike(case: Case, process: "subprocess.Popen[bytes]", log: Path, dice: random.Random) -> Kill | None:
    """Stop a process, look what it does, and kill it, some that help it, or all. None if it ended before."""
    process.send_signal(signal.SIGSTOP)
    while process.poll() is None and state(process.pid) != "T":
        time.sleep(0.001)
    if process.returncode is not None:
        return None
    doing = stage(process.pid, case.source, case.folder) or ("end" if log.stat().st_size else "start")
    helpers = sorted(members(process.pid) - {process.pid})
    target = dice.choice(TARGETS) if helpers else "process"
    some = dice.sample(helpers, dice.randint(1, len(helpers))) if helpers else []
    kill = Kill(target, dice.choice(SIGNALS), doing, handles_sigterm(process.pid))
    if kill.signal is signal.SIGKILL:
        case.sigkills.append(time.time())
    for pid in {"process": [process.pid], "helpers": some, "all": [process.pid, *helpers]}[target]:
        os.kill(pid, kill.signal)
    process.send_signal(signal.SIGCONT)
    return kill


def check_alone(soak: Soak, what: str, session: int) -> None:
    """Check that no process outlives the first one of its session."""
    end = time.monotonic() + MAX_SECONDS
    while left := members(session):
        if time.monotonic() > end:
            soak.fail(f"processes {left} are left of {what}")
            return
        time.sleep(0.02)


def check_end(soak: Soak, case: Case, kill: Kill | None, code: int, log: Path) -> None:
    """Check the exit code, the messages and the outputs of a shard, and count the kill."""
    output = log.read_text(errors="replace")
    if code not in (kill.codes if kill else {0}):
        soak.fail(f"{case.name} ended with {code} after {kill}: see {log}")
    if "Traceback" in output or (code == ExitCode.UNAVAILABLE and "helper process was" not in output):
        soak.fail(f"{case.name} did not say why it ended with {code} after {kill}: see {log}")
    found = outputs(case.folder)
    if wrong := [name for name, content in found.items() if content != case.expected.get(name)]:
        soak.fail(f"{case.name}: {', '.join(wrong)} differ after {kill}: see {log}")
    if kill is None or not code:
        case.done += 1
        return
    with soak.lock:
        case.kills += 1
        soak.kills[kill.stage, f"{kill.signal.name} {kill.target}"] += 1
    soak.say(
        f"kill {soak.killed():3d}  {case.name}: {kill.signal.name} to {kill.target} in {kill.stage}: {code};"
        f" {len(found)} of {len(case.expected)} outputs"
    )


def check_leftover(soak: Soak, case: Case, path: Path) -> None:
    """Check that a temporary file is whole, and that SIGKILL came between its two names."""
    own = path.with_name(path.name.split(".", 2)[2])
    changed = path.stat().st_ctime
    if path.read_bytes() != own.read_bytes():
        soak.fail(f"{path} is not what {own.name} is")
    if not any(0 <= kill - changed < RENAME_SECONDS for kill in case.sigkills):
        soak.fail(f"{path} is left, and no SIGKILL explains it")
    soak.say(f"{case.name}: {path.name} is left")
