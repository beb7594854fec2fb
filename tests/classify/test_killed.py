"""Killed and doubled processes: what is there is whole, and in the end it is what one undisturbed run writes."""

import itertools
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.disks import wait_for_bytes

EMOTION = str(Path(sys.executable).with_name("emotion"))
ROWS = 30_000
CONTENT = "id,text\n" + "".join(
    f"{number},{text}\n"
    for number, text in zip(
        range(ROWS), itertools.cycle(["i feel so very happy today", "furious", "", "so scared"]), strict=False
    )
)
# Runs the command, and kills it instead of the step whose number is its first argument, from 1.
STEPS = """
import os, signal, sys
from emotion.cli.main import main

left = int(sys.argv.pop(1))

def counted(step):
    def call(*arguments, **options):
        global left
        left -= 1
        if not left:
            os.kill(os.getpid(), signal.SIGKILL)
        return step(*arguments, **options)
    return call

for name in ("link", "replace"):
    setattr(os, name, counted(getattr(os, name)))
main()
"""
Process = subprocess.Popen[str]


class Workspace:
    """A folder with an input and its outputs."""

    def __init__(self, folder: Path, model: Path) -> None:
        self.folder = folder
        self.model = model
        self.source = folder / "in.csv"
        self.source.write_text(CONTENT)
        self.output = folder / "out.csv"
        self.errors = folder / "out.csv.errors.csv"

    def start(self, *options: str, command: tuple[str, ...] = (EMOTION,)) -> Process:
        arguments = [*command, "classify", str(self.source), str(self.output), "--model", str(self.model), *options]
        return subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def run(self, *options: str, command: tuple[str, ...] = (EMOTION,)) -> int:
        return ended(self.start(*options, command=command))

    def run_steps(self, steps: int, *options: str) -> int:
        """Run until files were named and renamed `steps` times, less one."""
        return self.run(*options, command=(sys.executable, "-c", STEPS, str(steps)))

    def contents(self) -> list[bytes | None]:
        """Bytes of the output and of the list of errors, None for what is not there."""
        return [path.read_bytes() if path.exists() else None for path in (self.output, self.errors)]

    def files(self) -> list[str]:
        """Names of all files, in all folders."""
        return sorted(path.name for path in self.folder.rglob("*") if path.is_file())

    def hidden(self) -> list[str]:
        return [name for name in self.files() if name.startswith(".")]


def ended(process: Process) -> int:
    """Wait for a process; its exit code, or less the number of the signal that killed it."""
    _, errors = process.communicate(timeout=60)
    assert "Traceback" not in errors
    return process.returncode


@pytest.fixture
def workspace(in_memory: Path, toy_model: Path) -> Workspace:
    return Workspace(in_memory, toy_model)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory, toy_model: Path) -> list[bytes | None]:
    """Give the output and the list of errors of a run that nobody disturbs."""
    workspace = Workspace(tmp_path_factory.mktemp("undisturbed"), toy_model)
    assert workspace.run() == 0
    assert len(workspace.output.read_bytes().splitlines()) == ROWS + 1
    return workspace.contents()


def moment(seed: int, undisturbed: list[bytes | None], of: int = 1) -> int:
    """Draw how many bytes of an output, or of a part, are written when its writer is killed, long before its end."""
    assert undisturbed[0] is not None
    return random.Random(seed).randrange(len(undisturbed[0]) // of // 4)  # noqa: S311  no secret


@pytest.mark.parametrize(
    ("number", "code", "seed"), [(signal.SIGKILL, -9, 0), (signal.SIGKILL, -9, 1), (signal.SIGTERM, 143, 2)]
)
@pytest.mark.parametrize("options", [(), ("--shard", "0/1")], ids=["whole", "shard"])
def test_what_is_half_written_goes_with_its_writer(
    workspace: Workspace,
    undisturbed: list[bytes | None],
    options: tuple[str, ...],
    number: signal.Signals,
    code: int,
    seed: int,
) -> None:
    workspace.output.write_text("old")
    workspace.errors.write_text("old errors")
    process = workspace.start(*options)
    wait_for_bytes(process.pid, workspace.folder, moment(seed, undisturbed))
    process.send_signal(number)
    assert ended(process) == code
    assert workspace.contents() == [b"old", b"old errors"]
    assert workspace.files() == ["in.csv", "out.csv", "out.csv.errors.csv"]
    assert workspace.run(*options) == 0
    assert workspace.contents() == undisturbed


def test_a_killed_shard_is_made_again_and_the_others_are_not(
    workspace: Workspace, undisturbed: list[bytes | None]
) -> None:
    assert workspace.run("--shard", "1/2") == 0
    process = workspace.start("--shard", "0/2")
    wait_for_bytes(process.pid, workspace.folder, moment(3, undisturbed, of=2))
    process.kill()
    assert ended(process) == -signal.SIGKILL
    assert workspace.contents() == [None, None]
    [other] = workspace.folder.rglob("part-00001-of-00002.csv")
    written = other.stat().st_ino
    assert workspace.run("--shard", "0/2") == 0
    assert workspace.contents() == undisturbed
    assert workspace.run("--shard", "1/2") == 0
    assert workspace.contents() == undisturbed
    assert other.stat().st_ino == written


@pytest.mark.parametrize("last", [False, True], ids=["part", "join"])
def test_a_shard_killed_at_any_step_goes_on(workspace: Workspace, undisturbed: list[bytes | None], last: bool) -> None:
    """Half written, without its list of errors, without its manifest, half joined: the next process finds its way."""
    assert workspace.run("--shard", "1/2") == 0
    if last:
        assert workspace.run("--shard", "0/2") == 0
    old = [b"old", b"old errors"]
    for path, content in zip((workspace.output, workspace.errors), old, strict=True):
        path.write_bytes(content)
    for steps in itertools.count(1):
        code = workspace.run_steps(steps, "--shard", "0/2")
        if code == 0:
            break
        assert code == -signal.SIGKILL
        assert all(
            found in both for found, both in zip(workspace.contents(), zip(old, undisturbed, strict=True), strict=True)
        )
    assert workspace.contents() == undisturbed
    # A process that is killed between naming a file and renaming it leaves that one file, whole.
    assert len(workspace.hidden()) <= steps // 2


def test_shards_killed_at_random_steps_go_on(workspace: Workspace, undisturbed: list[bytes | None]) -> None:
    draw = random.Random(0)  # noqa: S311  no secret
    left = [f"{index}/3" for index in range(3)]
    while left:
        shard = draw.choice(left)
        if workspace.run_steps(draw.randrange(1, 16), "--shard", shard) == 0:
            left.remove(shard)
    assert workspace.contents() == undisturbed


@pytest.mark.parametrize("shards", [["0/1"] * 4, ["0/3", "1/3", "2/3"] * 2], ids=["one", "all"])
def test_shards_at_once_give_one_correct_file(
    workspace: Workspace, undisturbed: list[bytes | None], shards: list[str]
) -> None:
    assert [ended(process) for process in [workspace.start("--shard", shard) for shard in shards]] == [0] * len(shards)
    assert workspace.contents() == undisturbed
    assert workspace.hidden() == []
    for path in (workspace.output, workspace.errors):
        path.unlink()
    assert workspace.run("--shard", shards[-1]) == 0
    assert workspace.contents() == undisturbed


def test_shards_at_once_some_of_them_killed(workspace: Workspace, undisturbed: list[bytes | None]) -> None:
    first = workspace.start("--shard", "0/2")
    wait_for_bytes(first.pid, workspace.folder, moment(0, undisturbed, of=2))
    # Stopped, so that it is not done before it is killed.
    first.send_signal(signal.SIGSTOP)
    twin, killed, other = (workspace.start("--shard", shard) for shard in ["0/2", "1/2", "1/2"])
    wait_for_bytes(twin.pid, workspace.folder)
    first.kill()
    killed.kill()
    assert ended(first) == -signal.SIGKILL
    assert [ended(twin), ended(other)] == [0, 0]
    ended(killed)
    assert workspace.contents() == undisturbed
