"""The PyTorch side of finetuning.py: a plain loop. Runs in an environment with torch and transformers alone.

python finetuning_torch.py WEIGHTS BATCHES.npz float32|bfloat16
"""

import json
import os
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

os.environ["TRANSFORMERS_VERBOSITY"] = "error"
STEPS, USUAL_LENGTH = 20, 128


def main() -> None:
    """Train a round at every line of standard input."""
    import torch
    from transformers import AutoModelForSequenceClassification

    folder, batches, precision = sys.argv[1:]
    torch.set_num_threads(len(os.sched_getaffinity(0)))
    model = AutoModelForSequenceClassification.from_pretrained(folder, num_labels=6)
    model.train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-4, weight_decay=0.01)
    content = np.load(batches)
    number = 0
    answer({})
    for line in sys.stdin:
        started = time.perf_counter()
        for _ in range(STEPS):
            batch = tensors(torch, content, number, USUAL_LENGTH if line.strip() == "usual" else 0)
            with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bfloat16"):
                loss = model(**batch).loss
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            optimizer.zero_grad()
            number += 1
        answer({"seconds": time.perf_counter() - started, "loss": loss.item()})


def tensors(torch: Any, content: Any, number: int, length: int) -> dict[str, Any]:
    """A batch as the model takes it, padded to `length`, or as it is with 0."""
    ids = content[f"ids{number}"].astype(np.int64)
    if length:
        ids = np.pad(ids, ((0, 0), (0, length - ids.shape[1])))
    mask = (np.arange(ids.shape[1]) < content[f"lengths{number}"][:, None]).astype(np.int64)
    labels = content[f"labels{number}"].astype(np.int64)
    return {
        "input_ids": torch.from_numpy(ids),
        "attention_mask": torch.from_numpy(mask),
        "labels": torch.from_numpy(labels),
    }


def answer(content: dict[str, Any]) -> None:
    """Tell the driver, with the peak memory so far."""
    status = Path("/proc/self/status").read_text()
    peak = next(line for line in status.splitlines() if line.startswith("VmHWM"))
    print(json.dumps({**content, "peak_bytes": int(peak.split()[1]) * 1024}), flush=True)


if __name__ == "__main__":
    main()
