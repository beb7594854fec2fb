"""What the process may use of the machine it runs on."""

import math
import os
from pathlib import Path

CGROUP = Path("/sys/fs/cgroup")


def usable_cores() -> int:
    """Cores that this process may run on: its affinity, cut by the container's CPU quota (cgroup v2 or v1)."""
    allowed = len(os.sched_getaffinity(0))
    quota = _quota()
    return max(1, min(allowed, math.ceil(quota))) if quota else allowed


def _quota() -> float:
    """The quota in cores, or 0 where there is none."""
    try:
        limit, period = (CGROUP / "cpu.max").read_text().split()
        return 0.0 if limit == "max" else int(limit) / int(period)
    except (OSError, ValueError, ZeroDivisionError):
        pass
    try:
        limit, period = ((CGROUP / "cpu" / f"cpu.cfs_{name}_us").read_text() for name in ("quota", "period"))
        return max(0.0, int(limit) / int(period))
    except (OSError, ValueError, ZeroDivisionError):
        return 0.0


def cpu_flags() -> set[str]:
    """What the processor can do, by the names of Linux; empty where it does not tell."""
    try:
        lines = Path("/proc/cpuinfo").read_text(errors="replace").splitlines()
    except OSError:
        return set()
    # x86 says flags, Arm says Features.
    found = next((line for line in lines if line.startswith(("flags", "Features"))), "")
    return set(found.partition(":")[2].split())
