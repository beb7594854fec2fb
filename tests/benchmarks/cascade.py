"""Classifies one CSV from file to file with a cascade and with its dear model alone, by turns.

    python -m tests.benchmarks.cascade --store store --cheap lstm/RUN --dear minilm/RUN --data data/emotion

Measures rows/s, their ratio, and the share of rows that the dear model sees. Then classifies the file in three shards
and compares the bytes. Times include the start of the process. Texts are from test: the models are surer of train's.
"""

import argparse
import csv
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from emotion.hardware import usable_cores
from tests.benchmarks.classify import EMOTION, write_rows

SHARDS = 3


def main() -> None:
    """Measure by turns, compare the bytes of shards, print; exit 1 if bytes differ."""
    arguments = _arguments()
    at = "" if arguments.threshold is None else f"@{arguments.threshold}"
    models = {"cascade": f"cascade:{arguments.cheap},{arguments.dear}{at}", "dear model": arguments.dear}
    options = ("--store", arguments.store, "--precision", arguments.precision)
    seconds: dict[str, list[float]] = {name: [] for name in models}
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        source = write_rows(folder / "in.csv", arguments.rows, arguments.data / "test.txt")
        for _ in range(arguments.rounds):
            for name, model in models.items():
                started = time.perf_counter()
                summary = _classify(source, folder / f"{name}.csv", "--model", model, *options)
                seconds[name].append(time.perf_counter() - started)
                if name == "cascade":
                    about = summary["model"]
        for index in range(SHARDS):
            shard = ("--shard", f"{index}/{SHARDS}")
            _classify(source, folder / "shards.csv", "--model", models["cascade"], *options, *shard)
        equal = (folder / "shards.csv").read_bytes() == (folder / "cascade.csv").read_bytes()
        agreement = _agreement(folder / "cascade.csv", folder / "dear model.csv")
    _print(seconds, arguments.rows, about, agreement, equal=equal)
    sys.exit(0 if equal else 1)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--store", type=Path, required=True)
    parser.add_argument("--cheap", required=True, help="a run, as MODEL/RUN")
    parser.add_argument("--dear", required=True, help="a run, as MODEL/RUN")
    parser.add_argument("--data", type=Path, required=True, help="a folder with test.txt, `text;label` lines")
    parser.add_argument("--threshold", help="default: from validation")
    parser.add_argument("--precision", default="float32", help="of both models; auto takes what each has")
    parser.add_argument("--rows", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=3)
    return parser.parse_args()


def _classify(*arguments: object) -> dict[str, Any]:
    """Run the command; its summary."""
    command = [str(word) for word in (EMOTION, "classify", *arguments, "--json")]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    summary: dict[str, Any] = json.loads(done.stdout)
    return summary


def _agreement(one: Path, other: Path) -> float:
    """Share of rows with the same label."""
    labels = [[row["label"] for row in csv.DictReader(path.open(encoding="utf-8"))] for path in (one, other)]
    same = [first == second for first, second in zip(*labels, strict=True)]
    return same.count(True) / len(same)


def _print(seconds: dict[str, list[float]], rows: int, about: dict[str, Any], agreement: float, *, equal: bool) -> None:
    medians = {name: statistics.median(found) for name, found in seconds.items()}
    table = Table(title=f"{about['name']}, {rows:,} rows on {usable_cores()} cores", title_justify="left")
    for column in ("", "rows/s", "least", "most", "times the dear model"):
        table.add_column(column, justify="right" if column else "left")
    for name, found in seconds.items():
        speeds = (rows / medians[name], rows / max(found), rows / min(found))
        table.add_row(name, *(f"{speed:,.0f}" for speed in speeds), f"{medians['dear model'] / medians[name]:.2f}")
    console = Console()
    console.print(table)
    for member in about["members"]:
        console.print(
            f"{member['name']} ({member['precision']}) saw {member['share']:.1%} of the rows", highlight=False
        )
    console.print(f"the dear model's label: {agreement:.2%} of the rows", highlight=False)
    console.print(f"{SHARDS} shards have {'equal' if equal else 'OTHER'} bytes", highlight=False)


if __name__ == "__main__":
    main()
