"""Rows a second of an exported transformer: ours, ours as int8, and optimum's export of the same weights.

    python tests/benchmarks/exported.py --run RUN --data DIR --optimum PYTHON [--rounds 5] [--json]

`--run` is a trained transformer's folder; `--optimum` the interpreter of an environment with optimum-onnx
(`make bench-torch` makes one), which exports the run's `weights/`. All three are run by turns in one process, the
same onnxruntime with the same settings and threads, on the test split's texts in batches of 32 sorted by length.
Ratios are medians over the rounds.
"""

import argparse
import json
import statistics
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from tokenizers import Tokenizer

from emotion.data.dataset import load_dataset
from emotion.hardware import usable_cores
from emotion.params.schema import DataTable
from emotion.text.encoded import encode

BATCH = 32
EXPORT = """
import sys
from optimum.exporters.onnx import main_export
main_export(sys.argv[1], output=sys.argv[2], task="text-classification", opset=17, do_validation=False)
"""


def batches(folder: Path, texts: list[str]) -> list[dict[str, Any]]:
    """The texts as the sessions take them, shortest first."""
    whole = encode(Tokenizer.from_file(str(folder / "tokenizer.json")), texts)
    order = np.argsort(whole.lengths, kind="stable")
    found = []
    for start in range(0, len(order), BATCH):
        some = whole.rows(order[start : start + BATCH])
        inputs = some.padded_to(int(some.lengths.max())).inputs(("input_ids", "attention_mask", "token_type_ids"))
        found.append({name: array.astype(np.int64) for name, array in inputs.items()})
    return found


def session(path: Path) -> onnxruntime.InferenceSession:
    """The file, on all cores that we may use."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = usable_cores()
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def run(model: onnxruntime.InferenceSession, feeds: list[dict[str, Any]]) -> Iterator[Any]:
    """The logits of each batch."""
    names = {model_input.name for model_input in model.get_inputs()}
    for inputs in feeds:
        yield model.run(["logits"], {name: array for name, array in inputs.items() if name in names})[0]


def measure(models: dict[str, Path], feeds: list[dict[str, Any]], rounds: int) -> dict[str, list[float]]:
    """Rows a second of each model, a figure a round; the first round is not counted."""
    sessions = {name: session(path) for name, path in models.items()}
    rows = sum(len(inputs["input_ids"]) for inputs in feeds)
    rates: dict[str, list[float]] = {name: [] for name in models}
    for _ in range(rounds + 1):
        for name, model in sessions.items():
            started = time.perf_counter()
            for _ in run(model, feeds):
                pass
            rates[name].append(rows / (time.perf_counter() - started))
    return {name: per_round[1:] for name, per_round in rates.items()}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", type=Path, required=True)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--optimum", required=True)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    feeds = batches(options.run / "model", load_dataset(options.data, DataTable()).splits["test"].texts)
    with tempfile.TemporaryDirectory() as temporary:
        command = [options.optimum, "-c", EXPORT, str(options.run / "weights"), temporary]
        subprocess.run(command, check=True, capture_output=True)
        models = {"optimum": Path(temporary) / "model.onnx", "ours": options.run / "model" / "model.onnx"}
        if (options.run / "model" / "model.int8.onnx").exists():
            models["ours int8"] = options.run / "model" / "model.int8.onnx"
        theirs, mine = (np.concatenate(list(run(session(models[name]), feeds))) for name in ("optimum", "ours"))
        rates = measure(models, feeds, options.rounds)
    ratios = {
        name: statistics.median(a / b for a, b in zip(per_round, rates["optimum"], strict=True))
        for name, per_round in rates.items()
    }
    result = {
        "rows_per_second": {name: statistics.median(per_round) for name, per_round in rates.items()},
        "ratio_to_optimum": ratios,
        "max_abs_logit_diff": float(np.abs(theirs - mine).max()),
    }
    if options.json:
        print(json.dumps(result, indent=2))
        return
    for name, rate in result["rows_per_second"].items():  # type: ignore[attr-defined]
        print(f"{name:10} {rate:6.0f} rows/s, {ratios[name]:.2f} of optimum's")
    print(f"logits of ours and optimum's differ by {result['max_abs_logit_diff']:.1e} at most")


if __name__ == "__main__":
    main()
