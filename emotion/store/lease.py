"""A run's folder is held by one process at a time, by a lease that outlives neither it nor its machine.

A lease is a file, `lease-00000001.json`; the highest number is the authority. The next number is taken by creating it,
which only one can. The holder touches its file; who waits takes a file that has not changed for EXPIRY, by the clock of
the waiter alone, as clocks of machines differ and jump. Works on NFS, whose locks do not survive everywhere.
"""

import contextlib
import errno
import os
import secrets
import socket
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

from emotion.errors import Terminated, TryAgainError
from emotion.store.atomic import cannot_write
from emotion.hardware import memory_pressure
from emotion.store.lease_file import (
    Ended,
    Fact,
    Holder,
    Observation,
    boot_name,
    remove_leases,
    create,
    write_temporary,
    generations,
    is_own,
    lease_path,
    newest,
    process_stat,
    observe,
    observe_newest,
    is_still_newest,
)

HEARTBEAT = 15.0  # seconds between two touches of the holder
EXPIRY = 60.0  # seconds without a change after which a lease is free
LOOK = 5.0  # seconds between two looks at whether the lease is still the own one
SAMPLE = 0.5  # seconds between two samples of memory pressure
POLL = 0.5  # seconds between two looks of who waits
MISSING = 3  # times in a row that the folder is gone although it was just made
RISE = 0.05  # of memory pressure, which is then written
STOP_HINT = "stop that process first, or try again when it has ended"


def _clock() -> float:
    """Seconds that go on while the machine sleeps, and never jump."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


class Lease:
    """A folder that this process holds: see `hold`."""

    def __init__(self, folder: Path, record: Holder, previous: Holder | None, created: float) -> None:
        self.folder, self.record, self.previous = folder, record, previous
        self.path = lease_path(folder, record.generation)
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
            remove_leases(self.folder, self.record.generation)
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
            record = observe(self.folder, self.record.generation).record
            if record is None or record.token != self.record.token:
                self._lost = f"{self.path} was replaced by another process"
            elif any(generation > self.record.generation for generation in generations(self.folder)):
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
                with write_temporary(self.folder, self.record) as draft:
                    draft.replace(self.path)
                self._written = self.record


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
    deadline, told, watch, missing = _clock() + wait, False, _Watch(), 0
    while True:
        seen = None
        try:
            folder.mkdir(parents=True, exist_ok=True)
            seen = observe_newest(folder)
            if watch.free(seen):
                lease = _take(folder, seen)
                if lease is not None:
                    return lease
                seen = observe_newest(folder)
        except FileNotFoundError as error:
            # Somebody removed the folder in between, so it is made again; or, as below /proc, it cannot be made.
            missing += 1
            if missing == MISSING:
                raise cannot_write(folder, error) from error
            time.sleep(POLL)
            continue
        except OSError as error:
            raise cannot_write(folder, error) from error
        missing = 0
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
        self._seen: Observation | None = None
        self._since = self._last = _clock()

    def free(self, seen: Observation | None) -> bool:
        """Tell whether there is none, or its holder ended or is dead, or nothing changed for EXPIRY."""
        if seen is None or seen.free:
            return True
        # After a long gap this machine slept, and maybe the holder's did too: it gets the time to come back.
        now = _clock()
        if seen != self._seen or now - self._last > EXPIRY / 2:
            self._seen, self._since = seen, now
        self._last = now
        return now - self._since >= EXPIRY


def _take(folder: Path, base: Observation | None) -> Lease | None:
    """Create the generation after `base`, and keep it if nothing happened since `base` was seen."""
    # Before anything is written: a pause at any later point is then seen by the first check.
    began = _clock()
    record = Holder(
        generation=base.generation + 1 if base else 1,
        token=secrets.token_hex(16),
        host=socket.gethostname(),
        pid=os.getpid(),
        boot=boot_name(),
        process_start=int(process_stat("self")[19]),
        started_at=datetime.now(UTC).isoformat(timespec="seconds"),
        pressure=memory_pressure(),
    )
    if not create(folder, record):
        return None
    if is_still_newest(folder, record, base):
        remove_leases(folder, record.generation)
        return Lease(folder, record, base.record if base else None, began)
    with contextlib.suppress(OSError):
        if is_own(folder, record):
            lease_path(folder, record.generation).unlink()
    return None
