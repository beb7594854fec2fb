"""Results of trainings and comparisons without what always differs, and whether their files are whole."""

import csv
import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import onnx

from emotion.errors import EmotionError
from emotion.evaluation.metrics_file import read_metrics
from emotion.store.atomic import sha256
from emotion.store.layout import Run, read_json
from tests.events import read_scalars

TIMES = {"samples_per_second", "seconds", "seconds_left"}
# Figures of the process, not of the model. Names in an ONNX file, and so its size and its digest, vary too.
MEASURED = {"finished_at", "training_seconds", "peak_memory_bytes", "resumes"} | TIMES


def training(run: Run) -> dict[str, Any]:
    """Every file of a run's folder, without times, even a file that should not exist."""
    readers: dict[str, Callable[[Path], Any]] = {
        "history.csv": _history,
        "metrics.json": _metrics,
        "tensorboard": read_scalars,
        "progress.json": lambda path: [read_json(path).get(key) for key in ("state", "step", "steps")],
        "params.json": lambda path: [read_json(path).get(key) for key in ("digest", "params", "data")],
        "model/model.onnx": graph_digest,
        "model/SHA256SUMS": lambda path: [line.split()[1] for line in path.read_text().splitlines()],
        "model/README.md": lambda path: path.read_text().split("\n---\n")[0],  # the rest has times
    }
    # An attempt has an event file of its own: together they have the same scalars.
    paths = [path for path in run.folder.rglob("*") if path.parent != run.tensorboard]
    names = {str(path.relative_to(run.folder)): path for path in paths}
    return {name: readers.get(name, _digest)(path) for name, path in names.items()}


def _digest(path: Path) -> str:
    return sha256(path) if path.is_file() else "a folder"


def _history(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return [{key: value for key, value in row.items() if key not in TIMES} for row in csv.DictReader(file)]


def _metrics(path: Path) -> dict[str, Any]:
    content = read_json(path)
    varying = dict.fromkeys(["rows_per_second", "bytes", "digests"])
    measured = dict.fromkeys(MEASURED) | {"onnx": {**content["onnx"], **varying}}
    return {**content, **measured}


def graph_digest(path: Path) -> str:
    """Digest of what an ONNX file computes.

    The converter numbers nodes and shares equal constants by their addresses in memory, so names differ in every
    process. A value's digest therefore covers its operator and the digests of its inputs.
    """
    graph = onnx.load(path).graph
    values = {value.name: _hashed("input", value.SerializeToString()) for value in graph.input}
    for tensor in graph.initializer:
        content = onnx.numpy_helper.to_array(tensor)
        values[tensor.name] = _hashed(str(content.dtype), str(content.shape), content.tobytes())
    for node in graph.node:
        attributes = sorted(attribute.SerializeToString() for attribute in node.attribute)
        inputs = [values[name] if name else b"" for name in node.input]
        for index, name in enumerate(node.output):
            values[name] = _hashed(node.domain, node.op_type, str(index), *attributes, *inputs)
    return _hashed(*(values[value.name] + value.SerializeToString() for value in graph.output)).hex()


def _hashed(*parts: str | bytes) -> bytes:
    digests = [hashlib.sha256(part.encode() if isinstance(part, str) else part).digest() for part in parts]
    return hashlib.sha256(b"".join(digests)).digest()


def damage(run: Run) -> str:
    """Problem with the files of a killed run; empty if every file is whole or absent."""
    try:
        if run.metrics.exists():
            read_metrics(run.metrics)
        for path in (run.progress, run.params):
            if path.exists():
                read_json(path)
        epochs = [row["epoch"] for row in _history(run.history)] if run.history.exists() else []
    except EmotionError as error:
        return error.message
    expected = [str(number + 1) for number in range(len(epochs))]
    return "" if epochs == expected else f"history.csv has the epochs {', '.join(epochs)}"


def comparison(folder: Path) -> dict[str, Any]:
    """Files of a comparison; figures as digests."""
    files = [path for path in folder.iterdir() if path.is_file() and path.name != ".lock"]
    figures = {str(path.relative_to(folder)): sha256(path) for path in folder.glob("figures/*")}
    return {path.name: path.read_text() for path in files} | figures


def comparison_damage(folder: Path) -> str:
    """Problem with the files of a comparison whose writer was killed; empty if there is none."""
    found = comparison(folder) if folder.is_dir() else {}
    for name in ("comparison.json", "best.json"):
        try:
            json.loads(found.get(name, "{}"))
        except ValueError as error:
            return f"{name}: {error}"
    rows = list(csv.reader(found.get("comparison.csv", "").splitlines()))
    if any(len(row) != len(rows[0]) for row in rows):
        return "comparison.csv has rows of several lengths"
    return "".join(
        f"{name} ends within a line" for name, content in found.items() if "/" not in name and content[-1:] != "\n"
    )
