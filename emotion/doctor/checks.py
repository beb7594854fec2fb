"""Checks a machine: hardware, packages, the store, data and weights."""

import importlib.util
import json
import os
import secrets
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from emotion.comparison.compare import collect
from emotion.data.dataset import load_dataset
from emotion.errors import BadDataError, CannotWriteError, EmotionError, ExitCode, InputMissingError, UnavailableError
from emotion.hardware import memory_limit, usable_cores
from emotion.models.registry import MODELS
from emotion.params.schema import DataTable
from emotion.provenance import provenance
from emotion.store.atomic import write_text
from emotion.store.layout import Store, read_json
from emotion.weights.locate import locate_weights

# Importing TensorFlow takes most of a gigabyte.
MIN_MEMORY_BYTES = 2e9
IMPORT_SECONDS = 120
DRIVER = Path("/proc/driver/nvidia")
LIST_GPUS = """
import json, tensorflow
print(json.dumps([gpu.name for gpu in tensorflow.config.list_physical_devices("GPU")]))
"""
# The smallest ONNX model: y = Identity(x), both float32.
IDENTITY = (
    b'\x08\x08:+\n\x10\n\x01x\x12\x01y"\x08Identity\x12\x01g'
    b"Z\t\n\x01x\x12\x04\n\x02\x08\x01b\t\n\x01y\x12\x04\n\x02\x08\x01B\x02\x10\r"
)


class State(StrEnum):
    """Result of a check. A warning may be harmless; a failure blocks work."""

    OK = "ok"
    WARNING = "warning"
    FAILURE = "failure"


@dataclass(frozen=True)
class Check:
    """One check: what was found, and what to do. `exit_code` applies to a failure."""

    name: str
    found: str
    state: State = State.OK
    todo: str = ""
    exit_code: ExitCode = ExitCode.UNAVAILABLE


def run_checks(store: Store, data: Path | None) -> Iterator[Check]:
    """Run all checks in turn. The check of TensorFlow's GPUs takes seconds."""
    versions = dict(provenance()["versions"])
    yield Check("Python", versions.pop("python"))
    yield Check("packages", ", ".join(f"{name} {version}" for name, version in versions.items()))
    yield Check("cores", f"{usable_cores()} usable of {os.cpu_count()}")
    yield _memory()
    yield tensorflow_gpus()
    yield _providers()
    yield _writable(store)
    if data is not None:
        yield _data(data)
    yield from _runs(store)
    yield _weights(store)


def _memory() -> Check:
    host = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    limit = memory_limit()
    usable = min(host, limit or host)
    found = f"{usable / 1e9:.1f} GB" + (
        f" (the container's limit; the host has {host / 1e9:.1f} GB)" if usable < host else ""
    )
    if usable < MIN_MEMORY_BYTES:
        return Check("memory", found, State.WARNING, "give the container or machine 2 GB or more to train")
    return Check("memory", found)


def tensorflow_gpus() -> Check:
    """Ask TensorFlow for its GPUs in another process: its import is noisy and cannot be undone."""
    name = "GPU for training"
    if importlib.util.find_spec("tensorflow") is None:
        return Check(name, "TensorFlow is not installed", State.WARNING, "to train: pip install 'emotion[train]'")
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
    command = [sys.executable, "-c", LIST_GPUS]
    try:
        result = subprocess.run(  # noqa: S603  our own interpreter
            command, env=environment, check=True, capture_output=True, text=True, timeout=IMPORT_SECONDS
        )
        gpus = json.loads(result.stdout.strip().splitlines()[-1])
    except (OSError, subprocess.SubprocessError, ValueError, IndexError) as error:
        return Check(name, f"TensorFlow does not start: {_last_line(error)}", State.FAILURE, "install it again")
    if not gpus and DRIVER.exists():
        return Check(name, "TensorFlow does not see the GPU", State.WARNING, "pip install 'emotion[gpu]'")
    return Check(name, ", ".join(gpus) or "none: TensorFlow trains on the CPU")


def _last_line(error: Exception) -> str:
    lines = str(getattr(error, "stderr", "") or "").strip().splitlines()
    return lines[-1] if lines else str(error)


def _providers() -> Check:
    try:
        import onnxruntime
    except ImportError as error:
        return Check("onnxruntime", f"does not start: {error}", State.FAILURE, "pip install emotion")
    from emotion.onnx.devices import CPU, CUDA, open_on_gpu

    if CUDA not in onnxruntime.get_available_providers():
        return Check("onnxruntime", CPU)
    try:
        open_on_gpu(IDENTITY, 1)
    except UnavailableError as error:
        return Check("onnxruntime", f"{CPU}; {error.message}", State.WARNING, error.hint)
    return Check("onnxruntime", f"{CUDA}, {CPU}")


def _writable(store: Store) -> Check:
    """Write and remove a file in the nearest existing folder: the check must not create a store."""
    folder = store.folder.resolve()
    existing = next(path for path in (folder, *folder.parents) if path.exists())
    probe = existing / f".doctor-{secrets.token_hex(4)}"
    try:
        write_text(probe, "")
        probe.unlink()
    except CannotWriteError as error:
        return Check("store", error.message, State.FAILURE, error.hint, error.exit_code)
    found = "is writable" if existing == folder else "does not exist yet and can be created"
    return Check("store", f"{store.folder} {found}")


def _data(path: Path) -> Check:
    try:
        splits = load_dataset(path, DataTable()).splits
    except (InputMissingError, BadDataError) as error:
        return Check(
            "data",
            error.message,
            State.FAILURE,
            error.hint or f"run `emotion data check {path}`",
            error.exit_code,
        )
    except ImportError as error:
        return Check("data", f"cannot be read: {error}", State.FAILURE, "pip install 'emotion[train]'")
    return Check("data", f"{path}: " + ", ".join(f"{name} {len(split):,}" for name, split in splits.items()))


def _runs(store: Store) -> Iterator[Check]:
    found = collect(store)
    counts = f"{len(found.complete)} complete, {len(found.incomplete)} incomplete"
    if found.unreadable:
        names = ", ".join(found.unreadable)
        yield Check(
            "runs", f"{counts}, unreadable: {names}", State.WARNING, f"run `emotion runs list --store {store.folder}`"
        )
    else:
        yield Check("runs", counts)
    yield _best(store, trained=bool(found.complete))


def _best(store: Store, *, trained: bool) -> Check:
    """Find the best run, which `emotion classify` uses by default."""
    try:
        return Check("best model", str(read_json(store.best).get("run")))
    except EmotionError as error:
        if isinstance(error, InputMissingError) and not trained:
            return Check("best model", "none yet")
        return Check("best model", error.message, State.WARNING, f"emotion aggregate --store {store.folder}")


def _weights(store: Store) -> Check:
    found = {info.name: locate_weights(info.pretrained.reference, store) for info in MODELS.values() if info.pretrained}
    present = ", ".join(f"{name} ({location.source})" for name, location in found.items() if location)
    absent = ", ".join(name for name, location in found.items() if location is None)
    if absent:
        message = f"{present}; absent: {absent}" if present else f"absent: {absent}"
        return Check("weights", message, State.WARNING, f"emotion weights fetch --store {store.folder}")
    return Check("weights", present)
