"""Chooses the micro-batch: the rows that a device takes at once, from free memory and earlier attempts."""

import math
import os
from collections.abc import Callable
from pathlib import Path

from emotion.hardware import free_memory, memory_kills
from emotion.params.schema import Params
from emotion.store.lease import Lease
from emotion.store.lease_file import Holder
from emotion.training.memory import RESERVE, SHARE, Memory

UNITS = {"M": 10**6, "G": 10**9}
# With memory this full, we assume that the kernel killed a vanished attempt.
SUSPICIOUS = 0.75
# A CPU computes these activations in a few seconds. Signals wait for the end of a micro-batch, and a pod has 30 s.
SOON_BYTES = 2e9


def choose_micro_batch(
    params: Params, memory: Memory, rows: int, free_gpu: int | None, lease: Lease | None, tell: Callable[[str], None]
) -> int:
    """Choose the micro-batch for batches of `rows` rows per device; `tell` receives the estimate and the reason.

    The lease keeps the choice for later attempts. `free_gpu` is the free memory of a GPU in bytes, None for the CPU.
    """
    free, source = _free(params, memory, free_gpu)
    asked = params.resources.micro_batch
    chosen, why = (min(asked, rows), "as set in the parameters") if asked else (memory.micro_batch(rows, free), "")
    soon = max(1, round(SOON_BYTES / max(memory.row, 1)))
    if free_gpu is None and not asked and chosen > soon:
        chosen, why = math.ceil(rows / math.ceil(rows / soon)), "to react to signals within seconds"
    previous = _previous_choice(lease, rows)
    keep = params.training.deterministic and not asked
    if previous is not None and (previous < chosen or keep):
        chosen, why = previous, "as in the previous attempt"
    if lease is not None and lease.previous is not None and (reason := killed_for_memory(lease.previous)):
        chosen, why = math.ceil((previous or chosen) / 2), reason
    split = f"batches of {rows} are split into parts of {chosen}" if chosen < rows else f"batches of {rows} stay whole"
    tell(f"{memory.describe(chosen, rows)}; {source}: {split}" + (f" ({why})" if why else ""))
    over = memory.needed(chosen, split=chosen < rows) > free
    if over and not asked:
        tell("even this may need too much memory: add memory, or shorten [text] max_length")
    if lease is not None:
        lease.set_facts(micro_batch=chosen, **({"over": 1} if over else {}))
    return chosen


def note_attempt(lease: Lease) -> None:
    """Note facts in the lease: from them the next attempt learns whether this attempt was killed for memory."""
    group, kills = memory_kills()
    chosen = _previous_choice(lease, 2**31)
    lease.set_facts(cgroup=group, memory_kills=kills, **({"micro_batch": chosen} if chosen else {}))


def killed_for_memory(previous: Holder) -> str:
    """Explain why the previous attempt was probably killed for memory; empty if it was not.

    The kernel kills without an exception: a killed attempt writes no end into its lease. In the same cgroup, the
    kernel's count of kills decides.
    """
    if previous.ended is not None:
        return ""
    group, kills = memory_kills()
    noted = previous.facts.get("memory_kills", -1)
    if group and group == previous.facts.get("cgroup") and isinstance(noted, int) and noted >= 0:
        return "the previous attempt was killed for memory" if kills > noted else ""
    vanished = "the previous attempt ended unexpectedly"
    if previous.pressure >= SUSPICIOUS:
        return f"{vanished} with memory {previous.pressure:.0%} full"
    # Memory may fill up faster than the lease samples its pressure.
    return f"{vanished} with more rows at once than the estimate allowed" if previous.facts.get("over") else ""


def _previous_choice(lease: Lease | None, rows: int) -> int | None:
    """Read the micro-batch of the previous attempt, at most `rows`."""
    found = lease.previous.facts.get("micro_batch") if lease is not None and lease.previous is not None else None
    return min(found, rows) if isinstance(found, int) and found > 0 else None


def _free(params: Params, memory: Memory, free_gpu: int | None) -> tuple[float, str]:
    """Give the bytes that training may take, including the weights in memory, and the limit's source."""
    asked = params.resources.max_memory.replace(" ", "")
    limit = int(asked[:-1]) * UNITS[asked[-1]] if asked != "0" else 0
    if free_gpu is not None:
        free, source = limit or free_gpu, "the GPU's memory"
    elif limit:
        free, source = limit - _resident() - RESERVE + memory.weights, ""
    else:
        found = free_memory()
        free, source = found.bytes - RESERVE + memory.weights, found.source
    source = "max_memory" if limit else source
    usable = max(free, 0) if limit else SHARE * max(free, 0)
    return usable, f"{usable / 1e9:.2f} GB available from {source}"


def _resident() -> int:
    """Read the memory of this process in bytes."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")
