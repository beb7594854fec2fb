"""Small and read-only disks, as far as a test may make them; and what a process has written but not yet named."""

import contextlib
import resource
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from emotion.files import TEMPORARY

LIMIT = 64 * 1024


def mount(folder: Path, options: str) -> bool:
    """Mount a small tmpfs, which takes root; tell whether that worked."""
    command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
    with contextlib.suppress(OSError):
        return subprocess.run(command, check=False, capture_output=True).returncode == 0
    return False


@contextlib.contextmanager
def file_limit(size: int) -> Iterator[None]:
    """Let no file of this process grow beyond `size` bytes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
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
