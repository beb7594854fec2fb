"""Measures `emotion classify` by turns with scikit-learn and, if wished, with an older checkout, from CSV to CSV.

    python -m tests.benchmarks.classify_peers --model store/runs/ann/<run> --data data/emotion [--against CHECKOUT]

Every figure is of a process of its own. The time of `emotion` includes its start; scikit-learn's excludes its start and
fitting. So the table has `emotion` less a run over ten rows, too.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from rich.console import Console
from rich.table import Table

from tests.benchmarks.classify import EMOTION, write_rows

FEW_ROWS = 10
START = "emotion, ten rows"
PEER = Path(__file__).with_name("classify_sklearn.py")


class Turn(NamedTuple):
    """Wall time and CPU time of one run over all rows, in seconds."""

    seconds: float
    cpu_seconds: float


def main() -> None:
    """Measure by turns, and print medians and ratios."""
    options = _options()
    with tempfile.TemporaryDirectory() as folder:
        source, output = Path(folder) / "in.csv", Path(folder) / "out.csv"
        write_rows(source, options.rows, options.data / "train.txt")
        runs: dict[str, Callable[[], Turn]] = {
            "emotion": lambda: run_emotion(source, output, options.model),
            "pandas, TF-IDF, LinearSVC": lambda: run_peer(sys.executable, PEER, options.data, source, output),
        }
        if options.against is not None:
            runs["emotion, older"] = lambda: run_emotion(source, output, options.model, checkout=options.against)
        few = Path(folder) / "few.csv"
        few.write_text("".join(source.read_text().splitlines(keepends=True)[: FEW_ROWS + 1]))
        runs[START] = lambda: run_emotion(few, output, options.model)
        turns = by_turns(runs, options.rounds)
    starts = turns.pop(START)
    turns["emotion, without its start"] = [
        Turn(whole.seconds - start.seconds, whole.cpu_seconds - start.cpu_seconds)
        for whole, start in zip(turns["emotion"], starts, strict=True)
    ]
    print_turns(turns, options.rows)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, required=True, help="a model folder or a run's folder")
    parser.add_argument("--data", type=Path, required=True, help="the emotion data set, as .txt")
    parser.add_argument("--against", type=Path, help="the root of another checkout")
    parser.add_argument("--rows", type=int, default=200_000)
    parser.add_argument("--rounds", type=int, default=5)
    return parser.parse_args()


def by_turns(runs: dict[str, Callable[[], Turn]], rounds: int) -> dict[str, list[Turn]]:
    """Run all, `rounds` times, and tell on stderr how far they are."""
    turns: dict[str, list[Turn]] = {name: [] for name in runs}
    for number in range(rounds):
        for name, run in runs.items():
            turns[name].append(run())
            sys.stderr.write(f"round {number + 1}: {name} {turns[name][-1].seconds:.1f} s\n")
    return turns


def run_emotion(source: Path, output: Path, model: Path, *options: str, checkout: Path | None = None) -> Turn:
    """Classify with this checkout, or with the code of another one."""
    environment = {**os.environ, "PYTHONPATH": str(checkout)} if checkout is not None else None
    command = [str(EMOTION), "classify", str(source), str(output), "--model", str(model), *options]
    started = time.perf_counter()
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{' '.join(command)} ended with {process.returncode}")
    return Turn(seconds, usage.ru_utime + usage.ru_stime)


def run_peer(*command: object) -> Turn:
    """Run a program that prints its own seconds."""
    done = subprocess.run([*map(str, command)], check=True, capture_output=True, text=True)
    figures = json.loads(done.stdout)
    return Turn(figures["seconds"], figures["cpu_seconds"])


def print_turns(turns: dict[str, list[Turn]], rows: int) -> None:
    """Print the medians of all, and how `emotion` compares with them."""
    title = f"{rows:,} rows, {len(os.sched_getaffinity(0))} cores, medians of {len(turns['emotion'])} rounds"
    table = Table(title=title, title_justify="left")
    for column in ("", "rows/s", "CPU µs a row", "our rows/s", "our CPU"):
        table.add_column(column, justify="right" if column else "left")
    seconds = {name: statistics.median(turn.seconds for turn in found) for name, found in turns.items()}
    cpu = {name: statistics.median(turn.cpu_seconds for turn in found) for name, found in turns.items()}
    for name in turns:
        ratios = [f"{seconds[name] / seconds['emotion']:.2f}", f"{cpu['emotion'] / cpu[name]:.2f}"]
        table.add_row(name, f"{rows / seconds[name]:,.0f}", f"{cpu[name] / rows * 1e6:.1f}", *ratios)
    Console().print(table)


if __name__ == "__main__":
    main()
