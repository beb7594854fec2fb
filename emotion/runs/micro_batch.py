"""How many rows a device takes at once: what fits, what an earlier attempt took, and less where that was too much."""

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
# An attempt that vanished with its memory as full as that is taken to have been killed for it.
SUSPICIOUS = 0.75
# Activations that a CPU computes in some seconds: a signal is heard between two parts of a batch, and a pod has 30 s.
SOON_BYTES = 2e9


def choose_micro_batch(
    params: Params, memory: Memory, rows: int, free_gpu: int | None, lease: Lease | None, tell: Callable[[str], None]
) -> int:
    """Choose for batches of `rows` rows a device; `tell` hears the estimate, and why.

    The lease keeps the choice for the attempts to come. `free_gpu` are bytes free on each GPU, None for the CPU.
    """
    free, source = _free(params, memory, free_gpu)
    asked = params.resources.micro_batch
    chosen, why = (min(asked, rows), "as the parameters say") if asked else (memory.micro_batch(rows, free), "")
    soon = max(1, round(SOON_BYTES / max(memory.row, 1)))
    if free_gpu is None and not asked and chosen > soon:
        chosen, why = math.ceil(rows / math.ceil(rows / soon)), "so that a signal is heard within seconds"
    before = _before(lease, rows)
    if (before is not None and before < chosen) or (before is not None and params.training.deterministic and not asked):
        chosen, why = before, "as in the attempt before"
    if lease is not None and lease.previous is not None and (reason := killed_for_memory(lease.previous)):
        chosen, why = math.ceil((before or chosen) / 2), reason
    split = f"batches of {rows} are split into parts of {chosen}" if chosen < rows else f"batches of {rows} go whole"
    tell(f"{memory.describe(chosen, rows)}; {source}: {split}" + (f" ({why})" if why else ""))
    over = memory.needed(chosen, split=chosen < rows) > free
    if over and not asked:
        tell("even so little may be too much: give it more memory, or shorten [text] max_length")
    if lease is not None:
        lease.set_facts(micro_batch=chosen, **({"over": 1} if over else {}))
    return chosen


def note_attempt(lease: Lease) -> None:
    """Note in the lease what the next attempt needs to see whether this one was killed for memory."""
    group, kills = memory_kills()
    before = _before(lease, 2**31)
    lease.set_facts(cgroup=group, memory_kills=kills, **({"micro_batch": before} if before else {}))


def killed_for_memory(previous: Holder) -> str:
    """Why the attempt before is taken to have been killed for memory; empty if it was not.

    The kernel's killer raises no exception: such an attempt ended without a word. Where the cgroup is still the
    same, its count of kills decides.
    """
    if previous.ended is not None:
        return ""
    group, kills = memory_kills()
    noted = previous.facts.get("memory_kills", -1)
    if group and group == previous.facts.get("cgroup") and isinstance(noted, int) and noted >= 0:
        return "the attempt before was killed for memory" if kills > noted else ""
    vanished = "the attempt before ended without a word"
    if previous.pressure >= SUSPICIOUS:
        return f"{vanished}, with its memory {previous.pressure:.0%} full"
    # Memory may fill up faster than its pressure is sampled.
    return f"{vanished}, with more rows at once than were estimated to fit" if previous.facts.get("over") else ""


def _before(lease: Lease | None, rows: int) -> int | None:
    """What the attempt before took at once."""
    found = lease.previous.facts.get("micro_batch") if lease is not None and lease.previous is not None else None
    return min(found, rows) if isinstance(found, int) and found > 0 else None


def _free(params: Params, memory: Memory, free_gpu: int | None) -> tuple[float, str]:
    """Bytes that training may take, the weights that are there already counted in, and what sets them."""
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
    return usable, f"{usable / 1e9:.2f} GB may be taken of {source}"


def _resident() -> int:
    """Bytes that this process takes."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")
