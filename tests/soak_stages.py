"""What a shard's process does now, as /proc shows it from outside, and which processes it has started."""

import os
from pathlib import Path

from emotion.classify.tasks import PARTS_SUFFIX

# A manifest has some kB; a part that is written to its end has more.
MANIFEST_BYTES = 1 << 16
UNNAMED = " (deleted)"


def members(session: int) -> set[int]:
    """Processes of a session that live. Its first process has its number, and those that it started belong to it."""
    found = set()
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, _, _, own = path.read_text().rpartition(")")[2].split()[:4]
        except OSError:
            continue
        if int(own) == session and state != "Z":
            found.add(int(path.parent.name))
    return found


def state(pid: int) -> str:
    """State of a process: `T` is stopped, `Z` ended, and empty gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return ""


def stage(pid: int, source: Path, outputs: Path) -> str:
    """What a process does with the files of `source`.

    It reads to plan or to check parts, classifies, writes the end of an output, writes a manifest, or joins parts.
    While it classifies it has its input open twice. What it writes has no name yet. Empty: no input is open.
    """
    reading, unnamed = [], {}
    for number, name in _open_files(pid).items():
        if name.startswith(str(source)):
            reading.append(name)
        elif name.startswith(str(outputs)) and name.endswith(UNNAMED):
            unnamed[number] = name
    if not reading:
        return ""
    if not unnamed:
        return "read"
    if len(reading) > 1:
        return "classify"
    in_parts = [number for number, name in unnamed.items() if Path(name).parent.suffix == PARTS_SUFFIX]
    if in_parts:
        return "manifest" if _size(pid, in_parts[0]) < MANIFEST_BYTES else "write"
    return "join" if _has_parts(outputs, Path(reading[0])) else "write"


def _open_files(pid: int) -> dict[int, str]:
    """Names of a process's open files."""
    found = {}
    folder = f"/proc/{pid}/fd"
    try:
        for number in os.listdir(folder):  # noqa: PTH208  twice as fast as a Path of each
            found[int(number)] = os.readlink(f"{folder}/{number}")  # noqa: PTH115
    except OSError:
        pass
    return found


def _size(pid: int, number: int) -> int:
    try:
        return Path(f"/proc/{pid}/fd/{number}").stat().st_size
    except OSError:
        return 0


def _has_parts(outputs: Path, source: Path) -> bool:
    """Whether the output of `source` is written in several parts."""
    return any(outputs.rglob(f"{source.name}{PARTS_SUFFIX}/part-*-of-*{source.suffix}"))
