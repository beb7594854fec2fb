"""The files of leases: what they say, whether their holder lives, and how they are seen, made and cleared away."""

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

LARGEST = 2**16  # bytes read of a file that may be anything
NAME = re.compile(r"lease-(\d{8,18})\.json")

Ended = Literal["complete", "stopped", "failed"]
Fact = int | str | float


class Holder(BaseModel):
    """What a lease's file says of its holder; times are for people, nothing is decided by them."""

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
        """Whether the holder's process would be seen from here: same machine, boot and process namespace."""
        return bool(self.boot) and (self.host, self.boot) == (socket.gethostname(), boot_name())

    @property
    def dead(self) -> bool:
        """Whether the holder's process is known to be gone."""
        return self.here and not _lives(self.pid, self.process_start)


def boot_name() -> str:
    """The machine's boot and the process namespace, within which a process id means something; empty if unknown."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return f"{boot}-{Path('/proc/self/ns/pid').stat().st_ino}"
    except (OSError, ValueError):
        return ""


def process_stat(pid: int | str) -> list[str]:
    """The fields of /proc/<pid>/stat from the third on: what precedes may hold spaces."""
    return Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()


def _lives(pid: int, process_start: int) -> bool:
    """Tell whether the process is there; where that cannot be told it is."""
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
    # A killed process whose parent has not asked for it stays as a zombie, once its last thread is gone.
    return int(started) == process_start and not (state in "ZX" and int(threads) <= 1)


@dataclass(frozen=True)
class Observation:
    """A lease's file at one look. Two looks are equal where nobody touched or wrote it in between."""

    generation: int
    content: bytes
    modified: int

    @property
    def record(self) -> Holder | None:
        """What it says, if that can be read."""
        try:
            record = Holder.model_validate_json(self.content)
        except ValidationError:
            return None
        return record.model_copy(update={"seconds_since_beat": max(0.0, time.time() - self.modified / 1e9)})

    @property
    def free(self) -> bool:
        """Whether it can be taken without waiting."""
        record = self.record
        return record is not None and (record.ended is not None or record.dead)


def lease_path(folder: Path, generation: int) -> Path:
    """Name the file of a generation."""
    return folder / f"lease-{generation:08d}.json"


def generations(folder: Path) -> list[int]:
    """The numbers that are taken, the highest first."""
    found = (NAME.fullmatch(name) for name in os.listdir(folder))  # noqa: PTH208  names are all that is needed
    return sorted((int(match[1]) for match in found if match), reverse=True)


def observe(folder: Path, generation: int) -> Observation:
    """Open first, then ask: opening makes NFS ask its server.

    Raises:
        FileNotFoundError: it is gone.
    """
    path = lease_path(folder, generation)
    try:
        with path.open("rb") as file:
            return Observation(generation, file.read(LARGEST), os.fstat(file.fileno()).st_mtime_ns)
    except (PermissionError, IsADirectoryError):
        return Observation(generation, b"", path.stat().st_mtime_ns)
    except OSError as error:
        if error.errno == errno.ESTALE:
            raise FileNotFoundError(path) from error
        raise


def observe_newest(folder: Path) -> Observation | None:
    """The file that counts, or None. NFS may list files that are gone, or not list new ones: see `is_still_newest`."""
    for generation in generations(folder):
        with contextlib.suppress(FileNotFoundError):
            return observe(folder, generation)
    return None


def newest(folder: Path) -> Holder | None:
    """What the lease that counts says; None where there is none that can be read."""
    try:
        seen = observe_newest(folder)
    except OSError:
        return None
    return seen.record if seen else None


def holder(folder: Path) -> Holder | None:
    """Who holds the folder, as far as can be told by one look: None if nobody does, or has ended, or is dead."""
    record = newest(folder)
    return None if record is None or record.ended is not None or record.dead else record


@contextlib.contextmanager
def write_temporary(folder: Path, record: Holder) -> Iterator[Path]:
    """Write a whole record to a temporary file."""
    draft = folder / f".{secrets.token_hex(4)}.lease.json"
    try:
        with draft.open("xb") as file:
            file.write(record.model_dump_json(indent=2).encode())
            file.flush()
            os.fsync(file.fileno())
        yield draft
    finally:
        with contextlib.suppress(OSError):
            draft.unlink()


def remove_leases(folder: Path, below: int) -> None:
    """Remove leases of generations `below`, and what writers that were killed left behind."""
    with contextlib.suppress(OSError):
        older = [lease_path(folder, generation) for generation in generations(folder) if generation < below]
        for path in (*older, *folder.glob(".????????.lease.json")):
            with contextlib.suppress(OSError):
                path.unlink()


def create(folder: Path, record: Holder) -> bool:
    """Create the record's file, whole; tell whether this process did."""
    path = lease_path(folder, record.generation)
    with write_temporary(folder, record) as draft:
        try:
            os.link(draft, path)
        except (FileExistsError, FileNotFoundError):
            # An answer that NFS lost is asked for again, and then says that the file exists: the own one.
            return is_own(folder, record)
        except OSError as error:
            if error.errno not in {errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK}:
                raise
            return _create_unlinked(path, draft.read_bytes())
    return True


def _create_unlinked(path: Path, content: bytes) -> bool:
    """Create a file where there are no links: others see it empty for a moment, as one of an unknown holder."""
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


def is_own(folder: Path, record: Holder) -> bool:
    """Tell whether the file of the record's generation is the record's."""
    try:
        found = observe(folder, record.generation).record
    except FileNotFoundError:
        return False
    return found is not None and found.token == record.token


def is_still_newest(folder: Path, record: Holder, base: Observation | None) -> bool:
    """Tell whether a lease that was just created is the highest, and what it follows is as it was."""
    others = [generation for generation in generations(folder) if generation != record.generation]
    if base is None or any(generation > record.generation for generation in others):
        return not others
    try:
        return observe(folder, base.generation) == base
    except FileNotFoundError:
        return False
