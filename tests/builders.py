"""What many tests are made from: metrics, runs in a store, files of labelled text, data sets."""

import csv
import gzip
import hashlib
import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet

from emotion.evaluation.metrics_file import Metrics
from emotion.store.atomic import write_json
from emotion.store.layout import Run, Store

Rows = Sequence[tuple[str, str]]


def digest(text: str) -> str:
    """Make a SHA-256 as 64 hex digits, different for different texts."""
    return hashlib.sha256(text.encode()).hexdigest()


def make_metrics(model: str = "ann", run: str = "s1-0a1b2c3d", **changes: Any) -> Metrics:
    """Make valid metrics. `changes` reach into them: `make_metrics("lstm", validation__accuracy=0.9)`."""
    scores = {"rows": 900, "accuracy": 0.9, "loss": 0.3, "macro_f1": 0.89}
    content: dict[str, Any] = {
        "model": model,
        "run": run,
        "seed": 1,
        "finished_at": "2026-01-01T12:00:00+00:00",
        "data": {
            "name": "emotion",
            "sample": False,
            "labels": ["anger", "joy"],
            "digests": {name: digest(name) for name in ("train", "validation", "test")},
        },
        "training_seconds": 12.0,
        "seconds": {"load": 1.0, "export": 2.0, "evaluation": 3.0},
        "epochs": 10,
        "best_epoch": 7,
        "parameters": {"total": 1_329_190, "trainable": 1_329_000},
        "train": scores | {"accuracy": 0.905},
        "validation": dict(scores),
        "test": scores
        | {
            "accuracy_ci95": [0.88, 0.92],
            "ece": 0.05,
            "per_class": {"anger": {"precision": 0.9, "recall": 0.8, "f1": 0.85, "support": 450}},
        },
        "onnx": {
            "bytes": 5_300_000,
            "max_abs_logit_diff": 1e-6,
            "label_agreement": 1.0,
            "rows_per_second": 20_000.0,
        },
        "peak_memory_bytes": 1_000_000_000,
        "samples_per_second": 5000.0,
    }
    for path, value in changes.items():
        *parents, key = path.split("__")
        inner = content
        for parent in parents:
            inner = inner[parent]
        inner[key] = value
    return Metrics.model_validate(content)


def make_teacher(run: str) -> dict[str, Any]:
    """Make what metrics.json says about a student's teacher."""
    amounts = {"weight": 0.9, "temperature": 1.0, "made_texts": 100, "unlabelled_texts": 0}
    return {"run": run, "sha256": digest(run), **amounts}


def write_run(store: Store, metrics: Metrics) -> Run:
    """Write a complete run, as far as a comparison reads it, into `store`."""
    run = store.run(metrics.model, metrics.run)
    write_json(run.metrics, metrics.model_dump(mode="json"))
    return run


def write_files(folder: Path, files: Mapping[str, bytes]) -> Path:
    """Write files by name and content; returns their folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return folder


def write_rows(path: Path, rows: Rows) -> Path:
    """Write `rows` in the format that the suffix of `path` names (`.gz` packs it)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    suffixes = path.suffixes
    if suffixes[-1] == ".parquet":
        columns = {"text": [text for text, _ in rows], "label": [label for _, label in rows]}
        pyarrow.parquet.write_table(pyarrow.table(columns), path)
        return path
    content = _encoded(suffixes[-2] if suffixes[-1] == ".gz" else suffixes[-1], rows).encode()
    path.write_bytes(gzip.compress(content) if suffixes[-1] == ".gz" else content)
    return path


def _encoded(suffix: str, rows: Rows) -> str:
    if suffix == ".txt":
        return "".join(f"{text};{label}\n" for text, label in rows)
    if suffix in {".jsonl", ".ndjson"}:
        return "".join(json.dumps({"text": text, "label": label}) + "\n" for text, label in rows)
    file = io.StringIO()
    writer = csv.writer(file, delimiter="," if suffix == ".csv" else "\t", lineterminator="\n")
    writer.writerows([("text", "label"), *rows])
    return file.getvalue()


TRAIN: Rows = [
    ("i feel wonderful today", "joy"),
    ("i am furious with you; really", "anger"),
    ("what a lovely, bright morning", "joy"),
    ('she said "never again" and left', "anger"),
]
VALIDATION: Rows = [("a wonderful morning", "joy"), ("furious again", "anger")]
TEST: Rows = [("never a lovely day", "anger"), ("i feel bright", "joy")]


def write_dataset(
    folder: Path,
    suffix: str = ".csv",
    *,
    train: Rows = TRAIN,
    validation: Rows = VALIDATION,
    test: Rows = TEST,
) -> Path:
    """Write a data set of three files and two labels; returns its folder."""
    for name, rows in (("train", train), ("validation", validation), ("test", test)):
        write_rows(folder / f"{name}{suffix}", rows)
    return folder


# How the files of `write_odd_dataset` are read.
ODD_DIALECT = ("--delimiter", "^", "--quoting", "none", "--no-header", "--text-column", "1", "--label-column", "2")


def write_odd_dataset(folder: Path, *, train: Rows, validation: Rows, test: Rows) -> Path:
    """Write a data set of three files without header or quoting, with a delimiter that no program finds by itself."""
    splits = {"train": train, "validation": validation, "test": test}
    lines = {name: "".join(f"{text}^{label}\n" for text, label in rows) for name, rows in splits.items()}
    return write_files(folder, {f"{name}.csv": content.encode() for name, content in lines.items()})
