"""Seconds that `emotion aggregate` takes with its report, and what of them the table alone takes.

    .venv/bin/python -m tests.benchmarks.report

The runs are made from a seed, with every part that a report reads: 2,000 test rows, six labels. Each command runs in a
process of its own, by turns with the import of matplotlib alone, which is the floor of anything that draws.
"""

import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from emotion.store.layout import Store
from tests.comparison.scenes import MODELS, write_full_run

ROUNDS = 5
EMOTION = str(Path(sys.executable).with_name("emotion"))
FLOOR = [sys.executable, "-c", "import matplotlib.figure, matplotlib.backends.backend_svg"]


def fill(store: Store, runs: int) -> None:
    """Write so many runs: all models, with as many recipes of each as it takes."""
    for number in range(runs):
        write_full_run(store, list(MODELS)[number % len(MODELS)], variant=str(number // len(MODELS)))


def seconds(command: list[str]) -> float:
    """Run a command to its end."""
    started = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True)
    return time.perf_counter() - started


def main() -> None:
    """Print medians for 1, 20 and 50 runs."""
    with tempfile.TemporaryDirectory() as folder:
        for runs in (1, 20, 50):
            store = Store(Path(folder) / str(runs))
            fill(store, runs)
            command = [EMOTION, "aggregate", "--all", "--store", str(store.folder)]
            taken = [(seconds(command), seconds(FLOOR)) for _ in range(ROUNDS)]
            totals, floors = zip(*taken, strict=True)
            whole, floor = statistics.median(totals), statistics.median(floors)
            size = (store.comparison / "comparison.html").stat().st_size / 1e6
            ends = f"{min(totals):.1f} to {max(totals):.1f}"
            ratio = f"{whole / floor:.0f} times importing matplotlib"
            print(f"{runs:3} runs: {whole:5.1f} s ({ends}), {ratio}; comparison.html {size:.1f} MB", flush=True)


if __name__ == "__main__":
    main()
