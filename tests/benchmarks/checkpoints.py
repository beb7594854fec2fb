"""What checkpoints cost at the default interval: their seconds as a share of the fitting's, in whole trainings.

Checkpoints are written between two steps, so that the seconds they take are all that they cost.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

EMOTION = str(Path(sys.executable).with_name("emotion"))


def train(model: str, data: Path, changes: list[str]) -> tuple[list[float], float]:
    """Train once; give the seconds of each checkpoint, and those of fitting."""
    with tempfile.TemporaryDirectory() as store:
        command = [EMOTION, "train", model, "--data", str(data), "--store", store, "--json", "--log-format", "json"]
        done = subprocess.run(
            [*command, *(part for change in changes for part in ("--set", change))],
            check=True,
            capture_output=True,
            text=True,
        )
    events = [json.loads(line) for line in done.stderr.splitlines() if line.startswith("{")]
    return [event["seconds"] for event in events if event["event"] == "checkpoint"], json.loads(done.stdout)[
        "training_seconds"
    ]


def main() -> None:
    """Train each model several times and print the shares."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--models", default="ann,lstm,minilm")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--set", dest="changes", action="append", default=[], help="as of emotion train")
    arguments = parser.parse_args()
    for model in arguments.models.split(","):
        shares = []
        for seed in range(1, arguments.runs + 1):
            taken, seconds = train(model, arguments.data, [*arguments.changes, f"training.seed={seed}"])
            shares.append(sum(taken) / seconds)
            times = ", ".join(f"{duration:.2f}" for duration in taken)
            print(
                f"{model} seed {seed}: {len(taken)} checkpoints of {times} s in {seconds:.0f} s: {shares[-1]:.2%}",
                flush=True,
            )
        print(f"{model}: median {statistics.median(shares):.2%}", flush=True)


if __name__ == "__main__":
    main()
