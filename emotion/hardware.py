"""Measures what this process may use: cores, memory, CPU instructions, GPU memory."""

import math
import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

CGROUP = Path("/sys/fs/cgroup")
PROC = Path("/proc")
# For no limit, cgroup v1 shows 2**63 minus a page.
NO_LIMIT = 2**60
GPU_SECONDS = 10


def usable_cores() -> int:
    """Count the cores that this process may use, by its affinity and the container's CPU quota (cgroup v2 or v1)."""
    allowed = len(os.sched_getaffinity(0))
    quota = min(_quotas(), default=0.0)
    return max(1, min(allowed, math.ceil(quota))) if quota else allowed


def _quotas() -> Iterator[float]:
    """Read the CPU quotas of our cgroup and its parents, in cores."""
    quotas = [_text(folder / "cpu.max").split() for folder in _chain("", "", "unified")]
    names = ("cpu.cfs_quota_us", "cpu.cfs_period_us")
    quotas += [[_text(folder / name) for name in names] for folder in _chain("cpu", "cpu")]
    for quota in quotas:
        match [_number(word) for word in quota]:
            case [int(limit), int(period)] if limit and period:
                yield limit / period


def _chain(controller: str, *mounts: str) -> Iterator[Path]:
    """Give the folder of our cgroup below all `mounts`, and its parents; no controller means version 2.

    In a container without a cgroup namespace, the path is the host's and does not exist. Then the mount's root counts.
    """
    path = _own_cgroup(controller)
    for name in mounts:
        mount = CGROUP / name
        folder = mount / path
        if ".." in folder.parts or not _is_folder(folder):
            folder = mount
        yield from (parent for parent in (folder, *folder.parents) if parent.is_relative_to(mount))


def _own_cgroup(controller: str) -> str:
    """Read the path of our cgroup below the mount, from a line `4:memory:/path`, or `0::/path` for version 2."""
    for line in _text(PROC / "self" / "cgroup").splitlines():
        _, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
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
    """Parse a count from the kernel; -1, `max` and anything else give None."""
    try:
        number = int(text)
    except ValueError:
        return None
    return number if 0 <= number < 2**63 else None


def _counts(path: Path) -> dict[str, int]:
    """Parse lines like `inactive_file 4096` and `MemTotal: 4096 kB`: numbers by name."""
    rows = (line.split() for line in _text(path).splitlines())
    found = {row[0].rstrip(":"): _number(row[1]) for row in rows if len(row) > 1}
    return {name: number for name, number in found.items() if number is not None}


@dataclass(frozen=True)
class FreeMemory:
    """Bytes that this process can still take, and their source, such as "the container's limit of 6.0 GB"."""

    bytes: int
    source: str


def memory_limit() -> int | None:
    """Read the container's memory limit in bytes, the lowest of our cgroup and its parents; None without a limit."""
    return min((limit for limit, _ in _limits()), default=None)


def free_memory() -> FreeMemory:
    """Measure the memory that this process can still take, from the container's limit and the machine's memory."""
    frees = [
        FreeMemory(max(0, limit - used), f"the container's limit of {limit / 1e9:.1f} GB") for limit, used in _limits()
    ]
    available, _ = _machine()
    return min([FreeMemory(available, "the machine's memory"), *frees], key=lambda free: free.bytes)


def memory_pressure() -> float:
    """Measure how full memory is, from 0 to 1: the fullest of the container's limits and the machine."""
    available, total = _machine()
    parts = [1 - available / total, *(used / limit for limit, used in _limits())]
    return min(1.0, max(0.0, *parts))


def memory_kills() -> tuple[str, int]:
    """Give our cgroup's id, unique on this machine, and the number of its processes that the kernel killed for memory.

    A count of -1 means unknown.
    """
    newer, older = next(_chain("", "", "unified")), next(_chain("memory", "memory"))
    for folder, name in ((newer, "memory.events"), (older, "memory.oom_control")):
        found = _counts(folder / name).get("oom_kill")
        if found is not None:
            return f"{folder.stat().st_dev}:{folder.stat().st_ino}", found
    return "", -1


def _limits() -> Iterator[tuple[int, int]]:
    """Read the memory limits of our cgroup and its parents, with the used memory, in bytes.

    Inactive page cache does not count as used: the kernel drops it before it kills a process.
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
    """Read the machine's available and total memory from the kernel, in bytes."""
    kilobytes = _counts(PROC / "meminfo")
    page = os.sysconf("SC_PAGE_SIZE")
    available = (
        1024 * kilobytes["MemAvailable"] if "MemAvailable" in kilobytes else page * os.sysconf("SC_AVPHYS_PAGES")
    )
    total = 1024 * kilobytes.get("MemTotal", 0)
    return available, total if total > 0 else page * os.sysconf("SC_PHYS_PAGES")


def free_gpu_memory() -> list[int]:
    """Ask NVIDIA's driver for the free bytes of all GPUs; an empty list without a GPU or an answer."""
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
    """Read the CPU's features by Linux's names; empty if /proc/cpuinfo is missing."""
    try:
        lines = (PROC / "cpuinfo").read_text(errors="replace").splitlines()
    except OSError:
        return set()
    # The line is called flags on x86 and Features on Arm.
    found = next((line for line in lines if line.startswith(("flags", "Features"))), "")
    return set(found.partition(":")[2].split())
