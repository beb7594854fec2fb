"""A temporary folder for libraries that write files directly, before the files move to the store."""

import contextlib
import errno
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from emotion.errors import CannotWriteError

# From its import on, TensorFlow needs some kilobytes in the temporary folder.
MIN_BYTES = 1 << 20


@contextlib.contextmanager
def scratch_folder(size: int = MIN_BYTES) -> Iterator[Path]:
    """Yield a folder with room for `size` bytes; it is removed on exit.

    The check comes first, because some writers (HDF5) abort the process on a full disk.

    Raises:
        CannotWriteError: there is no temporary folder, or it has too little room.
    """
    try:
        with tempfile.TemporaryDirectory() as folder:
            if shutil.disk_usage(folder).free < size:
                raise _no_room(folder, size, os.strerror(errno.ENOSPC))
            yield Path(folder)
    except OSError as error:
        raise _no_room(tempfile.tempdir or "", size, error.strerror or str(error)) from error


def _no_room(folder: str, size: int, reason: str) -> CannotWriteError:
    return CannotWriteError(
        f"cannot write {size / 1e6:.0f} MB to {folder or 'the temporary folder'}: {reason}",
        "set TMPDIR to a folder with more room; in a container use --tmpfs /tmp without a small size=",
    )
