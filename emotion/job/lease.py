"""A run's folder is held by one process at a time, by a lease that outlives neither it nor its machine.

A lease is a file, `lease-00000001.json`; the highest number is the authority. The next number is taken by creating it,
which only one can. The holder touches its file; who waits takes a file that has not changed for EXPIRY, by the clock of
the waiter alone, as clocks of machines differ and jump. Works on NFS, whose locks do not survive everywhere.
"""

import contextlib
import errno
import os
import re
import secrets
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from emotion.errors import Terminated, TryAgainError
from emotion.files import cannot_write
from emotion.hardware import memory_pressure

HEARTBEAT = 15.0  # seconds between two touches of the holder
EXPIRY = 60.0  # seconds without a change after which a lease is free
LOOK = 5.0  # seconds between two looks at whether the lease is still the own one
SAMPLE = 0.5  # seconds between two samples of memory pressure
POLL = 0.5  # seconds between two looks of who waits
RISE = 0.05  # of memory pressure, which is then written
LARGEST = 2**16  # bytes read of a file that may be anything
NAME = re.compile(r"lease-(\d{8,18})\.json")
STOP_HINT = "stop that process first, or try again when it has ended"

Ended = Literal["complete", "stopped", "failed"]
Fact = int | str | float


class Record(BaseModel):
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
        return bool(self.boot) and (self.host, self.boot) == (socket.gethostname(), _boot())

    @property
    def dead(self) -> bool:
        """Whether the holder's process is known to be gone."""
        return self.here and not _lives(self.pid, self.process_start)


def _boot() -> str:
    """The machine's boot and the process namespace, within which a process id means something; empty if unknown."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return f"{boot}-{Path('/proc/self/ns/pid').stat().st_ino}"
    except (OSError, ValueError):
        return ""


def _stat(pid: int | str) -> list[str]:
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
        state, threads, started = (_stat(pid)[index] for index in (0, 17, 19))
    except (OSError, IndexError):
        return True
    # A killed process whose parent has not asked for it stays as a zombie, once its last thread is gone.
    return int(started) == process_start and not (state in "ZX" and int(threads) <= 1)


def _clock() -> float:
    """Seconds that go on while the machine sleeps, and never jump."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


@dataclass(frozen=True)
class _Seen:
    """A lease's file at one look. Two looks are equal where nobody touched or wrote it in between."""

    generation: int
    content: bytes
    modified: int

    @property
    def record(self) -> Record | None:
        """What it says, if that can be read."""
        try:
            record = Record.model_validate_json(self.content)
        except ValidationError:
            return None
        return record.model_copy(update={"seconds_since_beat": max(0.0, time.time() - self.modified / 1e9)})

    @property
    def free(self) -> bool:
        """Whether it can be taken without waiting."""
        record = self.record
        return record is not None and (record.ended is not None or record.dead)


def _path(folder: Path, generation: int) -> Path:
    return folder / f"lease-{generation:08d}.json"


def _generations(folder: Path) -> list[int]:
    """The numbers that are taken, the highest first."""
    found = (NAME.fullmatch(name) for name in os.listdir(folder))  # noqa: PTH208  names are all that is needed
    return sorted((int(match[1]) for match in found if match), reverse=True)


def _see(folder: Path, generation: int) -> _Seen:
    """Open first, then ask: opening makes NFS ask its server.

    Raises:
        FileNotFoundError: it is gone.
    """
    path = _path(folder, generation)
    try:
        with path.open("rb") as file:
            return _Seen(generation, file.read(LARGEST), os.fstat(file.fileno()).st_mtime_ns)
    except (PermissionError, IsADirectoryError):
        return _Seen(generation, b"", path.stat().st_mtime_ns)
    except OSError as error:
        if error.errno == errno.ESTALE:
            raise FileNotFoundError(path) from error
        raise


def _see_newest(folder: Path) -> _Seen | None:
    """The file that counts, or None. NFS may list files that are gone, or not list new ones: see `_stands`."""
    for generation in _generations(folder):
        with contextlib.suppress(FileNotFoundError):
            return _see(folder, generation)
    return None


def newest(folder: Path) -> Record | None:
    """What the lease that counts says; None where there is none that can be read."""
    try:
        seen = _see_newest(folder)
    except OSError:
        return None
    return seen.record if seen else None


def holder(folder: Path) -> Record | None:
    """Who holds the folder, as far as can be told by one look: None if nobody does, or has ended, or is dead."""
    record = newest(folder)
    return None if record is None or record.ended is not None or record.dead else record


class Lease:
    """A folder that this process holds: see `hold`."""

    def __init__(self, folder: Path, record: Record, previous: Record | None, created: float) -> None:
        self.folder, self.record, self.previous = folder, record, previous
        self.path = _path(folder, record.generation)
        self._written = record
        self._lost = ""
        self._failure: OSError | None = None
        self._touched = self._looked = created
        self._lock = threading.RLock()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="lease", daemon=True)

    def check(self) -> None:
        """Make sure that the folder is still held. Cheap: a thread does the looking, every LOOK seconds.

        Raises:
            TryAgainError: another process took it over, as this one was paused for longer than EXPIRY.
            CannotWriteError: the disk takes no heartbeats, so that others will soon think this process dead.
        """
        if _clock() - self._looked > 2 * min(LOOK, HEARTBEAT):
            self._beat()
        if self._lost:
            raise TryAgainError(self._lost, "see `emotion runs list`, and try again when that one has ended")
        failure = self._failure
        late = _clock() - self._touched > EXPIRY - 2 * HEARTBEAT
        if failure is not None and (late or failure.errno == errno.EROFS):
            raise cannot_write(self.path, failure) from failure

    def set_facts(self, **facts: Fact) -> None:
        """Add to what the record says; who holds the folder next reads it in `previous`."""
        with self._lock:
            self.record = self.record.model_copy(update={"facts": {**self.record.facts, **facts}})
            self._write()

    def remove(self) -> None:
        """Remove every lease file, at the end of a run that is complete; leaving `hold` then writes none."""
        self._stop()
        if self._owns():
            _clear(self.folder, self.record.generation)
            with contextlib.suppress(OSError):
                self.path.unlink()

    def start(self) -> None:
        """Begin to touch the file."""
        self._thread.start()

    def release(self, ended: Ended) -> None:
        """End the heartbeat and write how it ended, if the lease is still the own one and the disk takes it."""
        self._stop()
        if not self._thread.is_alive():
            self.record = self.record.model_copy(update={"ended": ended})
            self._write()

    def _stop(self) -> None:
        """Stop the thread, but do not wait for ever for one that hangs on its disk."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(timeout=HEARTBEAT)

    def _run(self) -> None:
        while not self._stopping.wait(min(SAMPLE, HEARTBEAT)):
            with self._lock:
                pressure = max(self.record.pressure, memory_pressure())
                self.record = self.record.model_copy(update={"pressure": pressure})
                rose = pressure - self._written.pressure >= RISE
                if rose or self.record.facts != self._written.facts:
                    self._write()
            now = _clock()
            if now - self._looked >= LOOK or now - self._touched >= HEARTBEAT:
                self._beat()

    def _beat(self) -> None:
        """Touch, then look: who takes over creates its file, then looks whether this one was touched."""
        with self._lock:
            now = _clock()
            if now - self._touched >= HEARTBEAT:
                self._touch(now)
            self._owns()
            self._looked = now

    def _touch(self, now: float) -> None:
        try:
            os.utime(self.path)
        except OSError as error:
            self._failure = error
        else:
            self._failure, self._touched = None, now

    def _owns(self) -> bool:
        """Look whether the lease is still the own one; once lost it is lost for good."""
        try:
            record = _see(self.folder, self.record.generation).record
            if record is None or record.token != self.record.token:
                self._lost = f"{self.path} was replaced by another process"
            elif any(generation > self.record.generation for generation in _generations(self.folder)):
                self._lost = f"{self.folder} was taken over by {newest(self.folder) or 'another process'}"
        except FileNotFoundError:
            by = newest(self.folder)
            self._lost = f"{self.folder} was taken over by {by}" if by else f"{self.path} is gone"
        except OSError as error:
            self._failure = self._failure or error
        return not self._lost

    def _write(self) -> None:
        """Replace the record, if the lease is still the own one; where that fails the old one stays."""
        with self._lock, contextlib.suppress(OSError):
            if self._owns():
                with _draft(self.folder, self.record) as draft:
                    draft.replace(self.path)
                self._written = self.record


@contextlib.contextmanager
def _draft(folder: Path, record: Record) -> Iterator[Path]:
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


def _clear(folder: Path, below: int) -> None:
    """Remove leases of generations `below`, and what writers that were killed left behind."""
    with contextlib.suppress(OSError):
        older = [_path(folder, generation) for generation in _generations(folder) if generation < below]
        for path in (*older, *folder.glob(".????????.lease.json")):
            with contextlib.suppress(OSError):
                path.unlink()


@contextlib.contextmanager
def hold(folder: Path, wait: float, tell: Callable[[str], None]) -> Iterator[Lease]:
    """Hold `folder`, which is made if missing; `tell` is told once whom this waits for.

    What the lease says of its end is "complete", "stopped" by a signal, or "failed" by any other exception.

    Raises:
        TryAgainError: another process held it for `wait` seconds.
        CannotWriteError: the folder cannot be made or written.
    """
    lease = _acquire(folder, wait, tell)
    ended: Ended = "failed"
    try:
        lease.start()
        yield lease
        ended = "complete"
    except (KeyboardInterrupt, Terminated):
        ended = "stopped"
        raise
    finally:
        lease.release(ended)


def _acquire(folder: Path, wait: float, tell: Callable[[str], None]) -> Lease:
    """Take the lease as soon as it is free."""
    deadline, told, watch = _clock() + wait, False, _Watch()
    while True:
        seen = None
        try:
            folder.mkdir(parents=True, exist_ok=True)
            seen = _see_newest(folder)
            if watch.free(seen):
                lease = _take(folder, seen)
                if lease is not None:
                    return lease
                seen = _see_newest(folder)
        except FileNotFoundError:
            pass  # somebody removed the folder in between: it is made again
        except OSError as error:
            raise cannot_write(folder, error) from error
        held = f"{folder} is held by {(seen and seen.record) or 'a process that cannot be told'}"
        left = deadline - _clock()
        if left <= 0:
            raise TryAgainError(held, STOP_HINT)
        if not told:
            tell(f"{held}: waiting for up to {wait:.0f} s")
            told = True
        time.sleep(min(POLL, EXPIRY / 8, left))


class _Watch:
    """Looks at a lease again and again, and tells when it is free, by nothing but the own clock."""

    def __init__(self) -> None:
        self._seen: _Seen | None = None
        self._since = self._last = _clock()

    def free(self, seen: _Seen | None) -> bool:
        """Tell whether there is none, or its holder ended or is dead, or nothing changed for EXPIRY."""
        if seen is None or seen.free:
            return True
        # After a long gap this machine slept, and maybe the holder's did too: it gets the time to come back.
        now = _clock()
        if seen != self._seen or now - self._last > EXPIRY / 2:
            self._seen, self._since = seen, now
        self._last = now
        return now - self._since >= EXPIRY


def _take(folder: Path, base: _Seen | None) -> Lease | None:
    """Create the generation after `base`, and keep it if nothing happened since `base` was seen."""
    # Before anything is written: a pause at any later point is then seen by the first check.
    began = _clock()
    record = Record(
        generation=base.generation + 1 if base else 1,
        token=secrets.token_hex(16),
        host=socket.gethostname(),
        pid=os.getpid(),
        boot=_boot(),
        process_start=int(_stat("self")[19]),
        started_at=datetime.now(UTC).isoformat(timespec="seconds"),
        pressure=memory_pressure(),
    )
    if not _create(folder, record):
        return None
    if _stands(folder, record, base):
        _clear(folder, record.generation)
        return Lease(folder, record, base.record if base else None, began)
    with contextlib.suppress(OSError):
        if _holds(folder, record):
            _path(folder, record.generation).unlink()
    return None


def _create(folder: Path, record: Record) -> bool:
    """Create the record's file, whole; tell whether this process did."""
    path = _path(folder, record.generation)
    with _draft(folder, record) as draft:
        try:
            os.link(draft, path)
        except (FileExistsError, FileNotFoundError):
            # An answer that NFS lost is asked for again, and then says that the file exists: the own one.
            return _holds(folder, record)
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


def _holds(folder: Path, record: Record) -> bool:
    """Tell whether the file of the record's generation is the record's."""
    try:
        found = _see(folder, record.generation).record
    except FileNotFoundError:
        return False
    return found is not None and found.token == record.token


def _stands(folder: Path, record: Record, base: _Seen | None) -> bool:
    """Tell whether a lease that was just created is the highest, and what it follows is as it was."""
    others = [generation for generation in _generations(folder) if generation != record.generation]
    if base is None or any(generation > record.generation for generation in others):
        return not others
    try:
        return _see(folder, base.generation) == base
    except FileNotFoundError:
        return False
