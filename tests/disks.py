"""Small and read-only disks, as far as a test may make them."""

import contextlib
import resource
import subprocess
from collections.abc import Iterator
from pathlib import Path

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
