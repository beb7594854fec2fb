"""Leases let one process at a time hold a run's folder. A process that waits too long exits with code 75.

A lease is a file such as `lease-00000001.json`. The number is its generation, and the highest generation counts. A
process takes a folder by creating the file of the next generation, which only one process can do. The holder touches
its file every HEARTBEAT seconds. A waiting process takes over when the file has not changed for EXPIRY seconds. It uses
its own clock, because clocks of other machines differ and jump. A lease ends when its holder or the holder's machine
dies. Leases work on NFS, where file locks may fail.
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
from emotion.hardware import memory_pressure
from emotion.store.atomic import cannot_write
from emotion.store.lease_file import (
    Ended,
    Fact,
    Holder,
    Observation,
    boot_id,
    create_lease,
    generations,
    is_own,
    is_still_newest,
    lease_path,
    newest_holder,
    observe,
    observe_newest,
    process_stat,
    remove_leases,
    write_temporary,
)

HEARTBEAT = 15.0  # seconds between touches by the holder
EXPIRY = 60.0  # seconds without a change after which a lease is free
OWNERSHIP_CHECK = 5.0  # seconds between two checks that this process still owns the lease
SAMPLE = 0.5  # seconds between two samples of memory pressure
POLL = 0.5  # seconds between two observations by a waiting process
MAX_MISSING = 3  # times in a row that the folder vanishes after this process made it
PRESSURE_STEP = 0.05  # smallest rise of memory pressure to write to the file
STOP_HINT = "stop that process, or try again after it has ended"


def _clock() -> float:
    """Read a clock, in seconds, that runs while the machine sleeps and never jumps."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


class Lease:
    """A folder that this process holds: see `hold`. `previous` is the previous holder, from its lease."""

    def __init__(self, folder: Path, holder: Holder, previous: Holder | None, created: float) -> None:
        self.folder, self.holder, self.previous = folder, holder, previous
        self.path = lease_path(folder, holder.generation)
        self._written = holder
        self._lost = ""
        self._failure: OSError | None = None
        self._touched = self._checked = created
        self._lock = threading.RLock()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="lease", daemon=True)

    def check(self) -> None:
        """Check that this process still holds the folder. This is cheap: a thread checks every OWNERSHIP_CHECK seconds.

        Raises:
            TryAgainError: another process took over, because this process was paused for longer than EXPIRY.
            CannotWriteError: heartbeats cannot be written, so other processes will soon consider this process dead.
        """
        if _clock() - self._checked > 2 * min(OWNERSHIP_CHECK, HEARTBEAT):
            self._heartbeat()
        if self._lost:
            raise TryAgainError(self._lost, STOP_HINT)
        failure = self._failure
        late = _clock() - self._touched > EXPIRY - 2 * HEARTBEAT
        if failure is not None and (late or failure.errno == errno.EROFS):
            raise cannot_write(self.path, failure) from failure

    def set_facts(self, **facts: Fact) -> None:
        """Add facts to the file; the next holder reads them in `previous`."""
        with self._lock:
            self.holder = self.holder.model_copy(update={"facts": {**self.holder.facts, **facts}})
            self._write()

    def remove(self) -> None:
        """Remove every lease file at the end of a complete run. The end of `hold` then writes no file."""
        self._stop()
        if self._check_ownership():
            remove_leases(self.folder, self.holder.generation)
            with contextlib.suppress(OSError):
                self.path.unlink()

    def start(self) -> None:
        """Start the heartbeat."""
        self._thread.start()

    def release(self, ended: Ended) -> None:
        """Stop the heartbeat; if this process owns the lease, try to write how it ended."""
        self._stop()
        if not self._thread.is_alive():
            self.holder = self.holder.model_copy(update={"ended": ended})
            self._write()

    def _stop(self) -> None:
        """Stop the thread. Wait at most HEARTBEAT seconds, because the disk may hang."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(timeout=HEARTBEAT)

    def _run(self) -> None:
        while not self._stopping.wait(min(SAMPLE, HEARTBEAT)):
            with self._lock:
                pressure = max(self.holder.pressure, memory_pressure())
                self.holder = self.holder.model_copy(update={"pressure": pressure})
                rose = pressure - self._written.pressure >= PRESSURE_STEP
                if rose or self.holder.facts != self._written.facts:
                    self._write()
            now = _clock()
            if now - self._checked >= OWNERSHIP_CHECK or now - self._touched >= HEARTBEAT:
                self._heartbeat()

    def _heartbeat(self) -> None:
        """Touch the file, then check ownership. A process that takes over creates its file, then looks for a touch."""
        with self._lock:
            now = _clock()
            if now - self._touched >= HEARTBEAT:
                self._touch(now)
            self._check_ownership()
            self._checked = now

    def _touch(self, now: float) -> None:
        try:
            os.utime(self.path)
        except OSError as error:
            self._failure = error
        else:
            self._failure, self._touched = None, now

    def _check_ownership(self) -> bool:
        """Whether this process owns the lease. A lost lease stays lost."""
        try:
            holder = observe(self.folder, self.holder.generation).holder
            if holder is None or holder.token != self.holder.token:
                self._lost = f"{self.path} was replaced by another process"
            elif any(generation > self.holder.generation for generation in generations(self.folder)):
                self._lost = f"{self.folder} was taken over by {newest_holder(self.folder) or 'another process'}"
        except FileNotFoundError:
            by = newest_holder(self.folder)
            self._lost = f"{self.folder} was taken over by {by}" if by else f"{self.path} is gone"
        except OSError as error:
            self._failure = self._failure or error
        return not self._lost

    def _write(self) -> None:
        """Replace the file if this process owns the lease. After a failed write the old file stays."""
        with self._lock, contextlib.suppress(OSError):
            if self._check_ownership():
                with write_temporary(self.folder, self.holder) as temporary:
                    temporary.replace(self.path)
                self._written = self.holder


@contextlib.contextmanager
def hold(folder: Path, wait: float, on_wait: Callable[[str], None]) -> Iterator[Lease]:
    """Hold `folder`, and create it if necessary. `on_wait` gets one line about the holder if this process waits.

    The end in the lease is "complete", "stopped" after a signal, or "failed" after any other exception.

    Raises:
        TryAgainError: another process still holds the folder after `wait` seconds (exit code 75).
        CannotWriteError: the folder cannot be made or written.
    """
    lease = _acquire(folder, wait, on_wait)
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


def _acquire(folder: Path, wait: float, on_wait: Callable[[str], None]) -> Lease:
    """Take the lease as soon as it is free."""
    deadline, notified, expiry, missing = _clock() + wait, False, _Expiry(), 0
    while True:
        observed = None
        try:
            folder.mkdir(parents=True, exist_ok=True)
            observed = observe_newest(folder)
            if expiry.is_free(observed):
                lease = _take(folder, observed)
                if lease is not None:
                    return lease
                observed = observe_newest(folder)
        except FileNotFoundError as error:
            # If another process removed the folder, the loop makes it again. Some folders, as below /proc, cannot be
            # made.
            missing += 1
            if missing == MAX_MISSING:
                raise cannot_write(folder, error) from error
            time.sleep(POLL)
            continue
        except OSError as error:
            raise cannot_write(folder, error) from error
        missing = 0
        held = f"{folder} is held by {(observed and observed.holder) or 'an unknown process'}"
        left = deadline - _clock()
        if left <= 0:
            raise TryAgainError(held, STOP_HINT)
        if not notified:
            on_wait(f"{held}: waiting for up to {wait:.0f} s")
            notified = True
        time.sleep(min(POLL, EXPIRY / 8, left))


class _Expiry:
    """Decides from repeated observations, by this machine's clock only, whether a lease is free."""

    def __init__(self) -> None:
        self._observed: Observation | None = None
        self._since = self._last = _clock()

    def is_free(self, observed: Observation | None) -> bool:
        """Whether no lease exists, its holder ended or is dead, or nothing changed for EXPIRY seconds."""
        if observed is None or observed.free:
            return True
        # A long gap means that this machine slept. The holder's machine may have slept too: its holder gets EXPIRY
        # again.
        now = _clock()
        if observed != self._observed or now - self._last > EXPIRY / 2:
            self._observed, self._since = observed, now
        self._last = now
        return now - self._since >= EXPIRY


def _take(folder: Path, base: Observation | None) -> Lease | None:
    """Create the generation after `base`. Keep it only if `base` has not changed since the observation."""
    # Taken before the first write: the first check then notices any later pause.
    began = _clock()
    holder = Holder(
        generation=base.generation + 1 if base else 1,
        token=secrets.token_hex(16),
        host=socket.gethostname(),
        pid=os.getpid(),
        boot=boot_id(),
        process_start=int(process_stat("self")[19]),
        started_at=datetime.now(UTC).isoformat(timespec="seconds"),
        pressure=memory_pressure(),
    )
    if not create_lease(folder, holder):
        return None
    if is_still_newest(folder, holder, base):
        remove_leases(folder, holder.generation)
        return Lease(folder, holder, base.holder if base else None, began)
    with contextlib.suppress(OSError):
        if is_own(folder, holder):
            lease_path(folder, holder.generation).unlink()
    return None
