"""Hardware: cores and memory are what the container's own cgroup, and those above it, leave of the machine."""

import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from emotion import hardware
from emotion.hardware import (
    FreeMemory,
    cpu_flags,
    free_gpu_memory,
    free_memory,
    memory_limit,
    memory_pressure,
    usable_cores,
)

GB = 10**9
MACHINE = FreeMemory(6 * GB, "the machine's memory")


@pytest.fixture(autouse=True)
def cgroup(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stand in for the kernel's files, on a machine of eight cores and 8 GB, of which 6 are available."""
    monkeypatch.setattr(hardware, "CGROUP", tmp_path / "cgroup")
    monkeypatch.setattr(hardware, "PROC", tmp_path / "proc")
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)))
    write(tmp_path / "proc", {"meminfo": f"MemTotal: {8 * GB // 1024} kB\nMemAvailable: {6 * GB // 1024} kB\n"})
    return write(tmp_path / "cgroup", {})


def write(folder: Path, files: dict[str, object]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / name).write_text(str(content))
    return folder


def belongs(cgroup: Path, *lines: str) -> None:
    """Put this process into cgroups, as /proc/self/cgroup tells."""
    write(cgroup.parent / "proc" / "self", {"cgroup": "".join(f"{line}\n" for line in lines)})


def newer(folder: Path, limit: object, current: int, inactive_file: int = 0) -> None:
    stat = f"anon 1\ninactive_file {inactive_file}\nactive_file 77\n"
    write(folder, {"memory.max": f"{limit}\n", "memory.current": current, "memory.stat": stat})


def older_memory(folder: Path, limit: object, usage: int, inactive_file: int = 0) -> None:
    stat = f"inactive_file 1\ntotal_inactive_file {inactive_file}\n"
    files = {"memory.limit_in_bytes": f"{limit}\n", "memory.usage_in_bytes": usage, "memory.stat": stat}
    write(folder, files)


def older(cgroup: Path, quota: str, period: str = "100000") -> None:
    (cgroup / "cpu").mkdir()
    (cgroup / "cpu" / "cpu.cfs_quota_us").write_text(quota)
    (cgroup / "cpu" / "cpu.cfs_period_us").write_text(period)


def test_without_a_container_it_is_the_affinity(monkeypatch: pytest.MonkeyPatch) -> None:
    assert usable_cores() == 8
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {3})
    assert usable_cores() == 1


@pytest.mark.parametrize(
    ("text", "cores"),
    [
        ("max 100000\n", 8),
        ("200000 100000\n", 2),
        ("250000 100000\n", 3),
        ("20000 100000\n", 1),
        ("9900000 100000\n", 8),
        ("nonsense", 8),
        ("", 8),
    ],
)
def test_the_quota_of_version_2(cgroup: Path, text: str, cores: int) -> None:
    (cgroup / "cpu.max").write_text(text)
    assert usable_cores() == cores


@pytest.mark.parametrize(("quota", "cores"), [("-1", 8), ("300000", 3), ("50000", 1), ("150000", 2), ("x", 8)])
def test_the_quota_of_version_1(cgroup: Path, quota: str, cores: int) -> None:
    older(cgroup, quota)
    assert usable_cores() == cores


def test_a_period_of_nothing_is_no_quota(cgroup: Path) -> None:
    older(cgroup, "100000", "0")
    assert usable_cores() == 8
    (cgroup / "cpu.max").write_text("100000 0\n")
    assert usable_cores() == 8


def test_the_least_quota_above_the_own_cgroup_counts(cgroup: Path) -> None:
    belongs(cgroup, "2:cpu,cpuacct:/pod/main", "0::/slice/pod/main")
    write(cgroup / "unified" / "slice" / "pod" / "main", {"cpu.max": "600000 100000"})
    write(cgroup / "unified" / "slice" / "pod", {"cpu.max": "400000 100000"})
    write(cgroup / "unified" / "slice" / "other", {"cpu.max": "100000 100000"})
    assert usable_cores() == 4
    write(cgroup / "cpu" / "pod" / "main", {"cpu.cfs_quota_us": "-1", "cpu.cfs_period_us": "100000"})
    write(cgroup / "cpu" / "pod", {"cpu.cfs_quota_us": "300000", "cpu.cfs_period_us": "100000"})
    assert usable_cores() == 3


def test_without_a_limit_memory_is_the_machine_s(cgroup: Path) -> None:
    belongs(cgroup, "4:memory:/pod", "0::/pod")
    newer(cgroup / "pod", "max", GB)
    older_memory(cgroup / "memory" / "pod", 9223372036854771712, GB)

    assert memory_limit() is None
    assert free_memory().source == MACHINE.source
    assert free_memory().bytes == pytest.approx(MACHINE.bytes, abs=1024)
    assert memory_pressure() == pytest.approx(0.25)


@pytest.mark.parametrize("mount", ["", "unified"])
def test_the_limits_of_version_2_nest(cgroup: Path, mount: str) -> None:
    belongs(cgroup, "1:name=systemd:/elsewhere", "0::/slice/pod/main")
    newer(cgroup / mount / "slice" / "pod" / "main", 6 * GB, 2 * GB, inactive_file=GB)
    newer(cgroup / mount / "slice" / "pod", 4 * GB, 3 * GB, inactive_file=GB)
    newer(cgroup / mount / "slice", "max", 7 * GB)
    newer(cgroup / mount / "slice" / "pod" / "other", GB, GB)

    assert memory_limit() == 4 * GB
    assert free_memory() == FreeMemory(2 * GB, "the container's limit of 4.0 GB")
    assert memory_pressure() == pytest.approx(0.5)


def test_the_limits_of_version_1_nest(cgroup: Path) -> None:
    belongs(cgroup, "9:cpu,memory:/slice/pod", "0::/")
    older_memory(cgroup / "memory" / "slice" / "pod", 9223372036854771712, 2 * GB)
    older_memory(cgroup / "memory" / "slice", 3 * GB, 3 * GB, inactive_file=GB // 2)
    older_memory(cgroup / "memory", 9223372036854771712, 5 * GB)

    assert memory_limit() == 3 * GB
    assert free_memory() == FreeMemory(GB // 2, "the container's limit of 3.0 GB")
    assert memory_pressure() == pytest.approx(2.5 / 3)


@pytest.mark.parametrize("path", ["/kubepods/pod1/0123", "/../../pod", "/" + "a" * 5000, "/pod (deleted)", "/\0"])
def test_a_path_that_the_container_does_not_have_is_the_mount_s_root(cgroup: Path, path: str) -> None:
    belongs(cgroup, f"4:memory:{path}", f"0::{path}")
    older_memory(cgroup / "memory", 2 * GB, GB)
    newer(cgroup, 3 * GB, GB)

    assert memory_limit() == 2 * GB
    assert free_memory().bytes == GB


def test_usage_beyond_the_limit_leaves_nothing(cgroup: Path) -> None:
    newer(cgroup, GB, 2 * GB)

    assert free_memory() == FreeMemory(0, "the container's limit of 1.0 GB")
    assert memory_pressure() == 1


GARBAGE = [b"", b"\xff\xfe", b"\0", b"-5\n", b"nan", b"1e9", b"9" * 5000, b"inactive_file\n: :\nMemTotal: 0 kB\n"]


@pytest.mark.parametrize("garbage", GARBAGE)
def test_garbage_is_no_limit(cgroup: Path, garbage: bytes) -> None:
    names = ("memory.max", "memory.current", "memory.stat", "cpu.max", "memory.limit_in_bytes", "cpu.cfs_quota_us")
    for folder in (cgroup, cgroup / "memory", cgroup / "cpu", cgroup.parent / "proc", cgroup.parent / "proc" / "self"):
        folder.mkdir(exist_ok=True)
        for name in (*names, "cgroup", "meminfo"):
            (folder / name).write_bytes(garbage)

    assert usable_cores() == 8
    assert memory_limit() is None
    assert free_memory().bytes > 0
    assert 0 <= memory_pressure() <= 1


def test_garbage_beside_a_limit_leaves_the_limit(cgroup: Path) -> None:
    write(cgroup, {"memory.max": GB, "memory.current": "x", "memory.stat": "inactive_file x\n"})

    assert free_memory() == FreeMemory(GB, "the container's limit of 1.0 GB")


def test_a_machine_that_tells_nothing(cgroup: Path) -> None:
    (cgroup.parent / "proc" / "meminfo").unlink()

    assert memory_limit() is None
    assert free_memory().bytes > 0
    assert 0 < memory_pressure() < 1


@pytest.fixture
def own_cgroup() -> Iterator[tuple[Path, str]]:
    """Make a cgroup with control of memory, which takes root; give it with the name of its limit's file."""
    lines = [line.split(":", 2) for line in Path("/proc/self/cgroup").read_text().splitlines()]
    older = [path for _, controllers, path in lines if controllers == "memory"]
    root = Path("/sys/fs/cgroup")
    if older:
        folder, limit = root / "memory" / older[0].strip("/"), "memory.limit_in_bytes"
    else:
        # Of version 2 only the root may hold both processes and cgroups with controllers.
        folder, limit = root, "memory.max"
        (root / "cgroup.subtree_control").write_text("+memory")
    folder = folder / f"test-{os.getpid()}"
    folder.mkdir()
    try:
        yield folder, limit
    finally:
        for _ in range(50):
            with contextlib.suppress(OSError):
                folder.rmdir()
                break
            time.sleep(0.1)


LOOK_FROM_INSIDE = """
import json, os, pathlib, sys
pathlib.Path(sys.argv[1], "cgroup.procs").write_text(str(os.getpid()))
from emotion.hardware import free_memory, memory_limit, memory_pressure
held = bytearray(os.urandom(1)) * 100_000_000
print(json.dumps([memory_limit(), free_memory().bytes, free_memory().source, memory_pressure()]))
"""


@pytest.mark.machine
@pytest.mark.parametrize("nested", [False, True])
def test_a_real_limit_is_seen_from_inside(own_cgroup: tuple[Path, str], nested: bool) -> None:
    folder, limit_file = own_cgroup
    (folder / limit_file).write_text("200M")
    inner = folder / "inner"
    if nested:
        inner.mkdir()
    try:
        command = [sys.executable, "-c", LOOK_FROM_INSIDE, str(inner if nested else folder)]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
    finally:
        if nested:
            inner.rmdir()
    limit, free, source, pressure = json.loads(done.stdout)

    assert limit == 200 * 2**20
    assert 0 < free < limit - 100_000_000
    assert source == "the container's limit of 0.2 GB"
    assert 100_000_000 / limit < pressure < 1


@pytest.mark.parametrize(
    ("script", "free"),
    [
        ("echo 40000; echo '  512'", [40000 * 2**20, 512 * 2**20]),
        ("echo '[N/A]'", []),
        ("echo 'No devices were found'; exit 6", []),
        ("echo 40000; exit 9", []),
        ("true", []),
        ("exec sleep 60", []),
    ],
)
def test_what_the_driver_tells_of_gpus(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str, free: list[int]
) -> None:
    asked = tmp_path / "asked"
    write(tmp_path, {"nvidia-smi": f'#!/bin/sh\necho "$*" > {asked}\n{script}\n'})
    (tmp_path / "nvidia-smi").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    monkeypatch.setattr(hardware, "GPU_SECONDS", 0.5)

    assert free_gpu_memory() == free
    assert asked.read_text() == "--query-gpu=memory.free --format=csv,noheader,nounits\n"


def test_without_a_driver_there_is_no_gpu(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    assert free_gpu_memory() == []


def read_flags(monkeypatch: pytest.MonkeyPatch, content: bytes | None) -> set[str]:
    """Read the flags where the kernel tells `content` of its processors, or nothing."""

    def read(path: Path, errors: str = "strict") -> str:
        assert path == hardware.PROC / "cpuinfo"
        if content is None:
            raise FileNotFoundError(path)
        return content.decode(errors=errors)

    monkeypatch.setattr(Path, "read_text", read)
    return cpu_flags()


@pytest.mark.parametrize(
    ("content", "flags"),
    [
        (
            b"processor\t: 0\nflags\t\t: fpu avx2 avx512_bf16\nbugs\t: spectre\nflags\t: other\n",
            {"fpu", "avx2", "avx512_bf16"},
        ),
        (b"processor : 0\nFeatures\t: fp asimd bf16 asimddp\n", {"fp", "asimd", "bf16", "asimddp"}),
        (b"model name\t: flags of \xff\nflags\t:\n", set()),
        (b"", set()),
        (None, set()),
    ],
)
def test_what_the_processor_can_do(monkeypatch: pytest.MonkeyPatch, content: bytes | None, flags: set[str]) -> None:
    assert read_flags(monkeypatch, content) == flags
