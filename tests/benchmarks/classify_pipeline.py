"""Peers of `emotion classify`: the pipelines of transformers and of optimum, CSV to CSV.

    python tests/benchmarks/classify_pipeline.py transformers|optimum FOLDER IN.csv OUT.csv

`transformers` runs a folder of weights with PyTorch, `optimum` a folder with model.onnx. Prints the seconds of reading,
classifying and writing, of wall time and of CPU, as JSON. Importing and loading is not in the seconds.
"""

import csv
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

os.environ["TRANSFORMERS_VERBOSITY"] = "error"
BATCH_ROWS = 32


def main() -> None:
    """Load, classify, and print what it took."""
    kind, folder, source, output = sys.argv[1:5]
    run = load(kind, folder)
    run(["a first text"] * BATCH_ROWS, batch_size=BATCH_ROWS)
    started, cpu = time.perf_counter(), time.process_time()
    classify(run, Path(source), Path(output))
    seconds, cpu_seconds = time.perf_counter() - started, time.process_time() - cpu
    sys.stdout.write(json.dumps({"seconds": seconds, "cpu_seconds": cpu_seconds}) + "\n")


def load(kind: str, folder: str) -> Any:
    """Load the pipeline of `kind`, on all cores that the process may use."""
    import torch
    from transformers import AutoTokenizer

    torch.set_num_threads(len(os.sched_getaffinity(0)))
    tokenizer = AutoTokenizer.from_pretrained(folder)
    if kind == "optimum":
        from optimum.onnxruntime import ORTModelForSequenceClassification, pipeline

        model = ORTModelForSequenceClassification.from_pretrained(folder, file_name="model.onnx")
        return pipeline("text-classification", model=model, tokenizer=tokenizer, accelerator="ort")
    from transformers import pipeline

    return pipeline("text-classification", model=folder, tokenizer=tokenizer)


def classify(run: Any, source: Path, output: Path) -> None:
    """Append label and score to the rows of a CSV with a column `text`."""
    with source.open(newline="", encoding="utf-8") as file:
        header, *rows = csv.reader(file)
    column = header.index("text")
    found = run([row[column] for row in rows], batch_size=BATCH_ROWS, truncation=True)
    with output.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow([*header, "label", "score"])
        writer.writerows([*row, best["label"], best["score"]] for row, best in zip(rows, found, strict=True))


if __name__ == "__main__":
    main()
