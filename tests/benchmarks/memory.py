"""What a training step takes in memory, held against the estimate: a process a case, its peak above what it had.

Prints for each model, precision and length the megabytes a row, measured as the slope between two sizes of batch, and
estimated.
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np

ROWS = (12, 24)
CASES = [
    ("bert", "float32", 128),
    ("bert", "bfloat16", 256),
    ("distilbert", "float32", 128),
    ("albert", "bfloat16", 128),
    ("mobilebert", "float32", 128),
    ("mobilebert", "bfloat16", 128),
    ("minilm", "float32", 64),
    ("minilm", "bfloat16", 256),
    ("ann", "float32", 35),
    ("lstm", "float32", 35),
]


def peak() -> int:
    """Largest resident bytes since the last reset."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmHWM")).split()[1]) * 1024


def step_once(model: str, precision: Any, length: int, rows: int) -> dict[str, int]:
    """Train a step with random weights; give its peak above what was there before, and the estimate of a row."""
    from emotion.models.activations import transformer_row, word_row
    from emotion.models.backend import prepare
    from emotion.models.build import build_model
    from emotion.models.compute import Compute
    from emotion.models.config_json import encoder_config
    from emotion.models.registry import MODELS, params_file
    from emotion.models.transformer import build_transformer
    from emotion.params.schema import TransformerParams, WordParams
    from emotion.params.toml import load_params
    from emotion.text.encoded import Encoded
    from emotion.training.batches import Examples
    from emotion.training.distributed.replicas import single_replica
    from emotion.training.step import Step

    prepare(1, 0)
    params = load_params(model, params_file(model), [])
    if isinstance(params, WordParams):
        built, row = build_model(params, 8126, 6), word_row(params.model, length)
    else:
        assert isinstance(params, TransformerParams)
        pretrained = MODELS[model].pretrained
        assert pretrained is not None
        config = encoder_config(pretrained.config)
        built, row = build_transformer(config, 6, model, precision), transformer_row(config, length, precision)
    step = Step(built, params.training, 100, np.ones(6, np.float32), Compute(precision), single_replica(), rows)
    ids = np.random.default_rng(1).integers(1, 1000, (rows, length)).astype(np.int32)
    texts = Encoded(ids, np.full(rows, length, np.int32), 0)
    batch = Examples(texts, np.arange(rows, dtype=np.int32) % 6)
    before = resident()
    # The first step makes the graph, which is not the batch's to pay for.
    small = Examples(texts.rows(np.arange(1)).padded_to(4 if model not in {"ann"} else length), batch.labels[:1])
    step(small, 0)
    Path("/proc/self/clear_refs").write_text("5")
    step(batch, 1)
    return {"peak": peak() - before, "row": row}


def resident() -> int:
    """Bytes that this process takes now."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


def measure(case: tuple[str, str, int], rows: int) -> dict[str, int]:
    """Measure in a process of its own."""
    command = [sys.executable, __file__, "--one", json.dumps([*case, rows])]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    found: dict[str, int] = json.loads(done.stdout.splitlines()[-1])
    return found


def main() -> None:
    """Measure all cases, or one."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--one", help=argparse.SUPPRESS)
    parser.add_argument("--models", default=",".join(dict.fromkeys(case[0] for case in CASES)))
    arguments = parser.parse_args()
    if arguments.one:
        print(json.dumps(step_once(*json.loads(arguments.one))))
        return
    print(f"{'model':<12}{'precision':<10}{'length':>6}{'row, MB':>9}{'estimate':>9}{'ratio':>7}")
    for case in CASES:
        if case[0] not in arguments.models.split(","):
            continue
        scale = 50 if case[0] in {"ann", "lstm"} else 1
        few, many = (measure(case, rows * scale) for rows in ROWS)
        row = (many["peak"] - few["peak"]) / (ROWS[1] - ROWS[0]) / scale
        shown = f"{row / 1e6:>9.2f}{few['row'] / 1e6:>9.2f}{few['row'] / row:>7.2f}"
        print(f"{case[0]:<12}{case[1]:<10}{case[2]:>6}{shown}", flush=True)


if __name__ == "__main__":
    main()
