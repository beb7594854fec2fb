"""Hardware: the cores are those of the affinity, cut by the container's quota; what the processor can do."""

import os
from pathlib import Path

import pytest

from emotion import hardware
from emotion.hardware import cpu_flags, usable_cores


@pytest.fixture(autouse=True)
def cgroup(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stand in for the kernel's files, on a machine of eight cores."""
    monkeypatch.setattr(hardware, "CGROUP", tmp_path)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)))
    return tmp_path


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


def told(monkeypatch: pytest.MonkeyPatch, content: bytes | None) -> set[str]:
    """Read the flags where the kernel tells `content` of its processors, or nothing."""

    def read(path: Path, errors: str = "strict") -> str:
        assert path == Path("/proc/cpuinfo")
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
    assert told(monkeypatch, content) == flags


def test_this_processor_tells_something() -> None:
    assert cpu_flags()
