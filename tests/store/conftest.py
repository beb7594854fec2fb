"""Processes that hold a folder, and lease files of processes elsewhere."""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from emotion.store import lease

FIRST = "lease-00000001.json"
SECOND = "lease-00000002.json"
HOLDER = """
import sys
from pathlib import Path
from emotion.store import lease
lease.HEARTBEAT, lease.EXPIRY = 0.2, 1.0
with lease.hold(Path(sys.argv[1]), 30, print) as held:
    held.set_facts(batch=64, loss=0.5, stage="fit")
    print("held", flush=True)
    for line in sys.stdin:
        held.check()
        print("checked", flush=True)
"""


@pytest.fixture
def short_times(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lease, "HEARTBEAT", 0.2)
    monkeypatch.setattr(lease, "EXPIRY", 1.0)


@pytest.fixture
def start() -> Iterator[Callable[[Path], subprocess.Popen[str]]]:
    """Start processes that hold a folder, and check their lease for each line that they are sent."""
    started = []

    def begin(folder: Path) -> subprocess.Popen[str]:
        pipe = subprocess.PIPE
        command = [sys.executable, "-c", HOLDER, str(folder)]
        process = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True)
        started.append(process)
        assert read_reply(process) == "held"
        return process

    yield begin
    for process in started:
        process.kill()
        process.wait()


Start = Callable[[Path], subprocess.Popen[str]]


def read_reply(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def nobody(line: str) -> None:
    pytest.fail(f"nobody is to be waited for: {line}")


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def edit(path: Path, **changes: object) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def foreign(folder: Path, generation: int = 1, **changes: object) -> Path:
    """Write the lease of a process on another machine."""
    folder.mkdir(exist_ok=True)
    content = {
        "generation": generation,
        "token": "0123",
        "host": "elsewhere",
        "pid": 12,
        "boot": "another",
        "process_start": 34,
        "started_at": "2026-01-01T00:00:00+00:00",
        **changes,
    }
    path = folder / f"lease-{generation:08d}.json"
    path.write_text(json.dumps(content))
    return path


def eventually(holds: Callable[[], Any]) -> None:
    end = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.02)
