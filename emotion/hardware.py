"""What the process may use of the machine it runs on: cores, memory, instructions, the memory of GPUs."""

import math
import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

CGROUP = Path("/sys/fs/cgroup")
PROC = Path("/proc")
# Version 1 says 2**63 less a page where there is no limit.
NO_LIMIT = 2**60
GPU_SECONDS = 10


def usable_cores() -> int:
    """Cores that this process may run on: its affinity, cut by the container's CPU quota (cgroup v2 or v1)."""
    allowed = len(os.sched_getaffinity(0))
    quota = min(_quotas(), default=0.0)
    return max(1, min(allowed, math.ceil(quota))) if quota else allowed


def _quotas() -> Iterator[float]:
    """Each quota of the own cgroup and those above it, in cores."""
    told = [_text(folder / "cpu.max").split() for folder in _chain("", "", "unified")]
    names = ("cpu.cfs_quota_us", "cpu.cfs_period_us")
    told += [[_text(folder / name) for name in names] for folder in _chain("cpu", "cpu")]
    for words in told:
        match [_number(word) for word in words]:
            case [int(limit), int(period)] if limit and period:
                yield limit / period


def _chain(controller: str, *mounts: str) -> Iterator[Path]:
    """The folder of the own cgroup below each of `mounts`, and every folder above it; no controller means version 2.

    A container without a cgroup namespace is told the host's path, which it lacks: it reads the mount's root.
    """
    path = _own(controller)
    for name in mounts:
        mount = CGROUP / name
        folder = mount / path
        if ".." in folder.parts or not _is_folder(folder):
            folder = mount
        yield from (each for each in (folder, *folder.parents) if each.is_relative_to(mount))


def _own(controller: str) -> str:
    """The own cgroup's path, below the mount: a line is `4:memory:/path`, or `0::/path` for version 2."""
    for line in _text(PROC / "self" / "cgroup").splitlines():
        _, _, told = line.partition(":")
        controllers, _, path = told.partition(":")
        if controller in controllers.split(","):
            return path.strip("/")
    return ""


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:
        return False


def _text(path: Path) -> str:
    try:
        return path.read_text()
    except (OSError, ValueError):
        return ""


def _number(text: str) -> int | None:
    """A count as the kernel writes it; -1, `max` and nonsense are none."""
    try:
        number = int(text)
    except ValueError:
        return None
    return number if 0 <= number < 2**63 else None


def _counts(path: Path) -> dict[str, int]:
    """Numbers by name, of lines like `inactive_file 4096` and `MemTotal: 4096 kB`."""
    rows = (line.split() for line in _text(path).splitlines())
    found = {row[0].rstrip(":"): _number(row[1]) for row in rows if len(row) > 1}
    return {name: number for name, number in found.items() if number is not None}


@dataclass(frozen=True)
class FreeMemory:
    """Bytes that can still be taken, and what sets them: reads like "the container's limit of 6.0 GB"."""

    bytes: int
    source: str


def memory_limit() -> int | None:
    """The container's limit in bytes, the least of its own cgroup and those above (v2 or v1); None without one."""
    return min((limit for limit, _ in _limits()), default=None)


def free_memory() -> FreeMemory:
    """Memory that this process can still take, before the container's limit or the machine's end."""
    frees = [
        FreeMemory(max(0, limit - used), f"the container's limit of {limit / 1e9:.1f} GB") for limit, used in _limits()
    ]
    available, _ = _machine()
    return min([FreeMemory(available, "the machine's memory"), *frees], key=lambda free: free.bytes)


def memory_pressure() -> float:
    """How full memory is, in [0, 1]: the container's (by any limit above it) or the machine's, whichever is fuller."""
    available, total = _machine()
    parts = [1 - available / total, *(used / limit for limit, used in _limits())]
    return min(1.0, max(0.0, *parts))


def memory_kills() -> tuple[str, int]:
    """The own cgroup, by a name that no other on this machine has, and how many processes of it were killed for memory.

    A count of -1 is an unknown one.
    """
    newer, older = next(_chain("", "", "unified")), next(_chain("memory", "memory"))
    for folder, name in ((newer, "memory.events"), (older, "memory.oom_control")):
        found = _counts(folder / name).get("oom_kill")
        if found is not None:
            return f"{folder.stat().st_dev}:{folder.stat().st_ino}", found
    return "", -1


def _limits() -> Iterator[tuple[int, int]]:
    """Each memory limit of the own cgroup and those above it, with what is used of it, in bytes.

    Page cache that the kernel has not seen used twice does not count: it goes before anything is killed.
    """
    newer = (_chain("", "", "unified"), "memory.max", "memory.current", "inactive_file")
    older = (_chain("memory", "memory"), "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")
    for chain, limit_file, usage_file, cache in (newer, older):
        for folder in chain:
            limit = _number(_text(folder / limit_file))
            if limit is not None and 0 < limit < NO_LIMIT:
                usage = _number(_text(folder / usage_file)) or 0
                yield limit, max(0, usage - _counts(folder / "memory.stat").get(cache, 0))


def _machine() -> tuple[int, int]:
    """Bytes available and in all, as the kernel tells."""
    told = _counts(PROC / "meminfo")
    page = os.sysconf("SC_PAGE_SIZE")
    available = 1024 * told["MemAvailable"] if "MemAvailable" in told else page * os.sysconf("SC_AVPHYS_PAGES")
    total = 1024 * told.get("MemTotal", 0)
    return available, total if total > 0 else page * os.sysconf("SC_PHYS_PAGES")


def free_gpu_memory() -> list[int]:
    """Bytes free on each GPU, as NVIDIA's driver tells; none where there is no GPU or no answer."""
    program = shutil.which("nvidia-smi")
    if program is None:
        return []
    command = [program, "--query-gpu=memory.free", "--format=csv,noheader,nounits"]
    try:
        answer = subprocess.run(  # noqa: S603  the driver's own tool
            command, check=True, capture_output=True, timeout=GPU_SECONDS
        )
        return [int(line) * 2**20 for line in answer.stdout.splitlines()]
    except (OSError, subprocess.SubprocessError, ValueError):
        return []


def cpu_flags() -> set[str]:
    """What the processor can do, by the names of Linux; empty where it does not tell."""
    try:
        lines = (PROC / "cpuinfo").read_text(errors="replace").splitlines()
    except OSError:
        return set()
    # x86 says flags, Arm says Features.
    found = next((line for line in lines if line.startswith(("flags", "Features"))), "")
    return set(found.partition(":")[2].split())
