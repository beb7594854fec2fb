"""Small and read-only disks, and what a process has written but not yet named."""

import contextlib
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from emotion.store.atomic import TEMPORARY

LIMIT = 64 * 1024
# How a disk gets full: by a limit on the size of files, which anyone may set, or as a file system, which root mounts.
MEANS = ("limited", pytest.param("mounted", marks=pytest.mark.machine))


@contextlib.contextmanager
def mounted(folder: Path, options: str) -> Iterator[None]:
    """Mount a file system in memory on a new folder, which takes root."""
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def remount(folder: Path, options: str) -> None:
    """Change the options of a mounted file system."""
    subprocess.run(["mount", "-o", f"remount,{options}", str(folder)], check=True)


@contextlib.contextmanager
def small(folder: Path, size: int, means: str) -> Iterator[None]:
    """Make a folder for `size` bytes, by one of MEANS."""
    if means == "mounted":
        with mounted(folder, f"size={size}"):
            yield
    else:
        folder.mkdir()
        with file_limit(size):
            yield


@contextlib.contextmanager
def file_limit(size: int) -> Iterator[None]:
    """Let no file of this process, and of those that it starts, grow beyond `size` bytes.

    Python writes no compiled modules meanwhile: 3.12.1 left them cut off, and every later import of them failed.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "dont_write_bytecode", True)
        patch.setenv("PYTHONDONTWRITEBYTECODE", "1")
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def wait_for_bytes(process: int, folder: Path, count: int = 1) -> None:
    """Wait until a process has written `count` bytes to a file in or below `folder` that is not whole yet."""
    end = time.monotonic() + 60
    while _unfinished(process, folder) < count:
        assert time.monotonic() < end
        time.sleep(0.002)


def _unfinished(process: int, folder: Path) -> int:
    sizes = [0]
    for opened in Path(f"/proc/{process}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):
            path = opened.readlink()
            nameless = path.name.endswith(" (deleted)")
            if path.is_relative_to(folder) and (nameless or TEMPORARY.fullmatch(path.name)):
                sizes.append(opened.stat().st_size)
    return max(sizes)
