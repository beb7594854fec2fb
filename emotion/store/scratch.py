"""The temporary folder: where libraries write what goes into the store afterwards, whole."""

import contextlib
import errno
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from emotion.errors import CannotWriteError

# TensorFlow wants the folder from its import on, for some kilobytes.
LEAST_BYTES = 1 << 20


@contextlib.contextmanager
def scratch_folder(size: int = LEAST_BYTES) -> Iterator[Path]:
    """Give a folder with room for `size` bytes, which is removed at the end.

    Some writers (HDF5) end the process where the disk is full: this one looks first.

    Raises:
        CannotWriteError: there is no temporary folder, or too little room in it.
    """
    try:
        with tempfile.TemporaryDirectory() as folder:
            if shutil.disk_usage(folder).free < size:
                raise _refused(folder, size, os.strerror(errno.ENOSPC))
            yield Path(folder)
    except OSError as error:
        raise _refused(tempfile.tempdir or "", size, error.strerror or str(error)) from error


def _refused(folder: str, size: int, reason: str) -> CannotWriteError:
    return CannotWriteError(
        f"cannot write {size / 1e6:.0f} MB to {folder or 'the temporary folder'}: {reason}",
        "let TMPDIR name a folder with more room; in a container --tmpfs /tmp, without a small size=",
    )
