"""Measures `emotion classify`: memory at few and many rows, rows a second, time to the first row.

    python tests/benchmarks/classify.py --model store/runs/ann/<run> --rows 1000000

Memory is the peak resident size of the whole process, from the kernel's own account of it.
"""

import argparse
import csv
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

EMOTION = Path(sys.executable).with_name("emotion")
FEW = 10_000
STARTS = 5
LIMITS = {"extra_mebibytes": 50.0, "first_row_seconds": 1.5, "help_seconds": 0.3}
HEAVY = ("tensorflow", "keras", "transformers", "pandas", "sklearn", "onnx", "pyarrow")


def main() -> None:
    """Measure, print, and exit with 1 where a limit is passed."""
    arguments = _arguments()
    with tempfile.TemporaryDirectory() as folder:
        figures = _measure(Path(folder), arguments.model, arguments.rows, arguments.texts)
    if arguments.json:
        sys.stdout.write(json.dumps(figures, indent=2) + "\n")
    else:
        _print(figures)
    passed = figures["heavy_imports"] == [] and all(figures[name] <= limit for name, limit in LIMITS.items())
    sys.exit(0 if passed else 1)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, required=True, help="a model folder or a run's folder")
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--texts", type=Path, help="a file of `text;label` lines to draw from (default: made up)")
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


def _measure(folder: Path, model: Path, rows: int, texts: Path | None) -> dict[str, Any]:
    few, many = (write_rows(folder / f"{count}.csv", count, texts) for count in (FEW, rows))
    few_peak, _ = _run("classify", few, folder / "few.csv", "--model", model)
    many_peak, seconds = _run("classify", many, folder / "many.csv", "--model", model)
    _, help_seconds = min((_run("--help") for _ in range(STARTS)), key=lambda run: run[1])
    return {
        "rows": rows,
        "seconds": round(seconds, 2),
        "rows_per_second": round(rows / seconds),
        "peak_mebibytes_few": round(few_peak, 1),
        "peak_mebibytes": round(many_peak, 1),
        "extra_mebibytes": round(many_peak - few_peak, 1),
        "first_row_seconds": round(statistics.median(_first_row(many, model) for _ in range(STARTS)), 3),
        "help_seconds": round(help_seconds, 3),
        "heavy_imports": _heavy_imports(few, model),
        "cores": len(os.sched_getaffinity(0)),
    }


def write_rows(path: Path, count: int, texts: Path | None) -> Path:
    """Write a CSV of `count` rows; the same count gives the same file."""
    draw = random.Random(0)  # noqa: S311  no secret
    pool = list(draw_texts(draw, texts))
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "text"])
        writer.writerows([number, draw.choice(pool)] for number in range(count))
    return path


def draw_texts(draw: random.Random, texts: Path | None) -> Iterator[str]:
    """Give texts from a file, or made up: 19 words on average, as the emotion data set has."""
    if texts is not None:
        yield from (line.rpartition(";")[0] for line in texts.read_text("utf-8").splitlines() if line)
        return
    words = ["i", "feel", "so", *(f"word{number}" for number in range(8000))]
    for _ in range(16_000):
        yield " ".join(draw.choices(words, k=draw.randint(3, 35)))


def _run(*arguments: object) -> tuple[float, float]:
    """Run the command; its peak memory in MiB and its seconds, start-up and all."""
    started = time.perf_counter()
    process = subprocess.Popen([EMOTION, *map(str, arguments)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"emotion {' '.join(map(str, arguments))} ended with {process.returncode}")
    return usage.ru_maxrss / 1024, seconds


def _first_row(source: Path, model: Path) -> float:
    """Seconds from starting the process to reading its first row."""
    started = time.perf_counter()
    command = [str(EMOTION), "classify", str(source), "-", "--model", str(model)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.stdout.readline()
        seconds = time.perf_counter() - started
        process.stdout.close()
    return seconds


def _heavy_imports(source: Path, model: Path) -> list[str]:
    """Packages for training that classifying has imported."""
    code = "import sys\nfrom emotion.cli.main import main\ntry: main()\nfinally: print(*sys.modules, file=sys.stderr)"
    command = [sys.executable, "-c", code, "classify", str(source), "/dev/null", "--model", str(model)]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    return sorted(set(HEAVY) & set(done.stderr.split()))


def _print(figures: dict[str, Any]) -> None:
    table = Table(title=f"emotion classify, {figures['rows']:,} rows on {figures['cores']} cores", title_justify="left")
    for column in ("figure", "measured", "limit"):
        table.add_column(column, justify="left" if column == "figure" else "right")
    for name, value in figures.items():
        shown = ", ".join(value) or "none" if isinstance(value, list) else f"{value:,}"
        table.add_row(name.replace("_", " "), shown, str(LIMITS.get(name, "")))
    Console().print(table)


if __name__ == "__main__":
    main()
