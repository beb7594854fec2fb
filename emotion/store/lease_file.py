"""The lease file: content, creation, observation, removal, and whether its holder lives."""

import contextlib
import errno
import os
import re
import secrets
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

MAX_BYTES = 2**16  # bytes read of a file that may hold anything
NAME = re.compile(r"lease-(\d{8,18})\.json")

Ended = Literal["complete", "stopped", "failed"]
Fact = int | str | float


class Holder(BaseModel):
    """Content of a lease file: its holder. Times are for people only; no decision depends on them."""

    # Later versions may add keys.
    model_config = ConfigDict(extra="ignore", frozen=True, ser_json_inf_nan="strings")

    generation: int
    token: str
    host: str
    pid: int = Field(gt=0, lt=2**31)
    boot: str
    process_start: int
    started_at: str
    ended: Ended | None = None
    pressure: float = 0.0
    facts: dict[str, Fact] = {}
    seconds_since_beat: float = Field(default=0.0, ge=0, exclude=True)

    def __str__(self) -> str:
        return f"process {self.pid} on {self.host} since {self.started_at}"

    @property
    def here(self) -> bool:
        """Whether this process can see the holder's process: same machine, boot and process namespace."""
        return bool(self.boot) and (self.host, self.boot) == (socket.gethostname(), boot_id())

    @property
    def dead(self) -> bool:
        """Whether this process knows that the holder's process is gone."""
        return self.here and not _lives(self.pid, self.process_start)


def boot_id() -> str:
    """Identify the machine's boot and process namespace: process ids are unique only there; empty if unknown."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return f"{boot}-{Path('/proc/self/ns/pid').stat().st_ino}"
    except (OSError, ValueError):
        return ""


def process_stat(pid: int | str) -> list[str]:
    """Read the fields of /proc/<pid>/stat from the third on: the second may contain spaces."""
    return Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()


def _lives(pid: int, process_start: int) -> bool:
    """Whether the process lives; True if unknown."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        pass
    try:
        state, threads, started = (process_stat(pid)[index] for index in (0, 17, 19))
    except (OSError, IndexError):
        return True
    # A killed process stays as a zombie, without threads, until its parent waits for it.
    return int(started) == process_start and not (state in "ZX" and int(threads) <= 1)


@dataclass(frozen=True)
class Observation:
    """A lease file at one moment. Two observations are equal if nobody changed the file in between."""

    generation: int
    content: bytes
    modified: int

    @property
    def holder(self) -> Holder | None:
        """The file's content; None if invalid."""
        try:
            holder = Holder.model_validate_json(self.content)
        except ValidationError:
            return None
        return holder.model_copy(update={"seconds_since_beat": max(0.0, time.time() - self.modified / 1e9)})

    @property
    def free(self) -> bool:
        """Whether the holder ended or is dead: nobody has to wait."""
        holder = self.holder
        return holder is not None and (holder.ended is not None or holder.dead)


def lease_path(folder: Path, generation: int) -> Path:
    """Give the path of a generation's file."""
    return folder / f"lease-{generation:08d}.json"


def generations(folder: Path) -> list[int]:
    """List existing generations, the highest first."""
    matches = (NAME.fullmatch(name) for name in os.listdir(folder))  # noqa: PTH208  names are enough
    return sorted((int(match[1]) for match in matches if match), reverse=True)


def observe(folder: Path, generation: int) -> Observation:
    """Observe a generation's file. Opening makes NFS ask its server.

    Raises:
        FileNotFoundError: the file is gone.
    """
    path = lease_path(folder, generation)
    try:
        with path.open("rb") as file:
            return Observation(generation, file.read(MAX_BYTES), os.fstat(file.fileno()).st_mtime_ns)
    except (PermissionError, IsADirectoryError):
        return Observation(generation, b"", path.stat().st_mtime_ns)
    except OSError as error:
        if error.errno == errno.ESTALE:
            raise FileNotFoundError(path) from error
        raise


def observe_newest(folder: Path) -> Observation | None:
    """Observe the newest file. NFS may list removed files and omit new files: see `is_still_newest`."""
    for generation in generations(folder):
        with contextlib.suppress(FileNotFoundError):
            return observe(folder, generation)
    return None


def newest_holder(folder: Path) -> Holder | None:
    """Read the holder from the newest file; None without a valid file."""
    try:
        observed = observe_newest(folder)
    except OSError:
        return None
    return observed.holder if observed else None


def current_holder(folder: Path) -> Holder | None:
    """Find the folder's holder by one observation; None if there is none, or it ended or is dead."""
    holder = newest_holder(folder)
    return None if holder is None or holder.ended is not None or holder.dead else holder


@contextlib.contextmanager
def write_temporary(folder: Path, holder: Holder) -> Iterator[Path]:
    """Write a holder to a temporary file, which is removed on exit."""
    temporary = folder / f".{secrets.token_hex(4)}.lease.json"
    try:
        with temporary.open("xb") as file:
            file.write(holder.model_dump_json(indent=2).encode())
            file.flush()
            os.fsync(file.fileno())
        yield temporary
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink()


def remove_leases(folder: Path, below: int) -> None:
    """Remove leases of generations lower than `below`, and temporary files of killed writers."""
    with contextlib.suppress(OSError):
        older = [lease_path(folder, generation) for generation in generations(folder) if generation < below]
        for path in (*older, *folder.glob(".????????.lease.json")):
            with contextlib.suppress(OSError):
                path.unlink()


def create_lease(folder: Path, holder: Holder) -> bool:
    """Create the complete file of the holder's generation. Return whether this process created it."""
    path = lease_path(folder, holder.generation)
    with write_temporary(folder, holder) as temporary:
        try:
            os.link(temporary, path)
        except (FileExistsError, FileNotFoundError):
            # NFS repeats a request after a lost answer. The second answer is that the file of this process exists.
            return is_own(folder, holder)
        except OSError as error:
            if error.errno not in {errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK}:
                raise
            return _create_unlinked(path, temporary.read_bytes())
    return True


def _create_unlinked(path: Path, content: bytes) -> bool:
    """Create a file on a disk without links. Others briefly see an empty file of an unknown holder."""
    try:
        file = path.open("xb")
    except FileExistsError:
        return False
    try:
        with file:
            file.write(content)
    except OSError:
        path.unlink()
        raise
    return True


def is_own(folder: Path, holder: Holder) -> bool:
    """Whether the file of the holder's generation has the holder's token."""
    try:
        observed = observe(folder, holder.generation).holder
    except FileNotFoundError:
        return False
    return observed is not None and observed.token == holder.token


def is_still_newest(folder: Path, holder: Holder, base: Observation | None) -> bool:
    """Whether a new lease has the highest generation, and its predecessor `base` has not changed."""
    others = [generation for generation in generations(folder) if generation != holder.generation]
    if base is None or any(generation > holder.generation for generation in others):
        return not others
    try:
        return observe(folder, base.generation) == base
    except FileNotFoundError:
        return False
