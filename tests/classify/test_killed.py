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
ROWS = 40_000
CONTENT = "id,text\n" + "".join(
    f"{number},{text}\n"
    for number, text in zip(
        range(ROWS), itertools.cycle(["i feel so very happy today", "furious", "", "so scared"]), strict=False
    )
)
# Runs the command, and kills it in the place of the step whose number is its first argument, from 1.
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

for name in ("fsync", "link", "replace", "unlink"):
    setattr(os, name, counted(getattr(os, name)))
main()
"""
Process = subprocess.Popen[str]


class Place:
    """A folder with an input, and what it becomes."""

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
        """Run until `steps` files were fsynced, linked, renamed or removed, less one."""
        return self.run(*options, command=(sys.executable, "-c", STEPS, str(steps)))

    def contents(self) -> list[bytes | None]:
        """Bytes of the output and of the list of errors, None for what is not there."""
        return [path.read_bytes() if path.exists() else None for path in (self.output, self.errors)]

    def hidden(self) -> list[Path]:
        return list(self.folder.rglob(".*"))


def ended(process: Process) -> int:
    """Wait for a process; its exit code, or less the number of the signal that killed it."""
    _, told = process.communicate(timeout=60)
    assert "Traceback" not in told
    return process.returncode


@pytest.fixture
def place(tmp_path: Path, toy_model: Path) -> Place:
    return Place(tmp_path, toy_model)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory, toy_model: Path) -> list[bytes | None]:
    """Give the output and the list of errors of a run that nobody disturbs."""
    place = Place(tmp_path_factory.mktemp("undisturbed"), toy_model)
    assert place.run() == 0
    assert len(place.output.read_bytes().splitlines()) == ROWS + 1
    return place.contents()


def moment(seed: int, undisturbed: list[bytes | None], of: int = 1) -> int:
    """Draw how many bytes of an output, or of a part, are written when its writer is killed."""
    assert undisturbed[0] is not None
    return random.Random(seed).randrange(len(undisturbed[0]) // of * 8 // 10)  # noqa: S311  no secret


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGKILL, -9), (signal.SIGKILL, -9), (signal.SIGTERM, 143), (signal.SIGTERM, 143)]
)
@pytest.mark.parametrize("options", [(), ("--shard", "0/1")], ids=["whole", "shard"])
def test_what_is_not_whole_goes_with_its_writer(
    place: Place,
    undisturbed: list[bytes | None],
    request: pytest.FixtureRequest,
    options: tuple[str, ...],
    number: signal.Signals,
    code: int,
) -> None:
    place.output.write_text("old")
    place.errors.write_text("old errors")
    process = place.start(*options)
    wait_for_bytes(process.pid, place.folder, moment(len(request.node.name), undisturbed))
    process.send_signal(number)
    assert ended(process) == code
    assert place.contents() == [b"old", b"old errors"]
    assert [path for path in place.folder.rglob("*") if path.is_file()] == [place.source, place.output, place.errors]
    assert place.run(*options) == 0
    assert place.contents() == undisturbed
