"""Measures the shards of `emotion classify`: what each reads, what each takes, and what joining costs.

    python -m tests.benchmarks.shards --model store/runs/ann/<run> [--megabytes 2048] [--shards 1 8 64]

The shards of one large CSV run one after the other, each with one thread. Then one process joins their parts.

Bytes fetched are from the disk, with what the kernel reads ahead: the input is not in memory when a shard starts. Bytes
asked for are of all read calls; what was just read comes from memory. Both are the kernel's account of the process
(`read_bytes` and `rchar` of /proc/PID/io), without what a shard of a tiny file reads (Python, the model) and without
the part, which a shard reads back once.
"""

import argparse
import csv
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

from rich import box
from rich.console import Console
from rich.table import Table

from tests.benchmarks.classify import draw_texts

ROOT = Path(__file__).resolve().parents[2]
# The process reports its own traffic: others may not read that of a process that ended.
CODE = """
import atexit, pathlib, sys
report = pathlib.Path(sys.argv.pop())
atexit.register(lambda: report.write_text(pathlib.Path("/proc/self/io").read_text()))
from emotion.cli.main import main
main()
"""
LONG_TEXTS = 2000
ROWS_AT_ONCE = 100
TINY = "id,text\n0,i feel so happy\n"


class Usage(NamedTuple):
    """Time and traffic of one process, in seconds and bytes. `fetched` are from the disk, `read` are of all calls."""

    seconds: float
    cpu_seconds: float
    fetched: int
    read: int
    written: int


class Figures(NamedTuple):
    """Shards of one file: input bytes and CPU seconds of each; the join, and a plain copy, if there are parts."""

    fetched: list[int]
    read: list[int]
    cpu_seconds: list[float]
    join: Usage | None
    copy_seconds: float
    output_bytes: int


# Runs `emotion classify` with an input, an output and further options.
Classify = Callable[..., Usage]


def main() -> None:
    """Measure and print one table per checkout."""
    options = _options()
    with tempfile.TemporaryDirectory(dir=options.folder) as name:
        folder = Path(name)
        source = folder / "in.csv"
        rows = write_large(source, options.megabytes, options.characters, commas=options.commas)
        checkouts = {"this checkout": ROOT}
        if options.against is not None:
            checkouts["older"] = options.against.resolve()
        for title, checkout in checkouts.items():
            classify = partial(classify_with, checkout, options.model.resolve())
            start = measure_start(folder, classify)
            figures = {}
            for count in options.shards:
                figures[count] = measure(folder, source, count, classify, start, waits=checkout == ROOT)
                fetched = sum(figures[count].fetched) / source.stat().st_size
                sys.stderr.write(f"{title}, {count} shards: input fetched {fetched:.2f} times\n")
            _print(f"{title}: {source.stat().st_size / 1e6:,.0f} MB, {rows:,} rows", figures, source, start)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, required=True, help="a model folder or a run's folder")
    parser.add_argument("--megabytes", type=int, default=2048, help="size of the file, in MiB")
    parser.add_argument("--shards", type=int, nargs="+", default=[1, 8, 64])
    parser.add_argument("--characters", type=int, default=4000, help="least length of a text: long texts are few rows")
    parser.add_argument("--commas", action="store_true", help="commas in the texts: all are quoted")
    parser.add_argument("--against", type=Path, help="the root of another checkout, whose last shard joins by itself")
    parser.add_argument("--folder", type=Path, help="where the files are: four times their size (default: /tmp)")
    return parser.parse_args()


def write_large(path: Path, megabytes: int, characters: int, *, commas: bool) -> int:
    """Write a CSV of so many MiB and return its rows; the same arguments give the same file."""
    draw = random.Random(0)  # noqa: S311  no secret
    short = list(draw_texts(draw, None))
    pool = []
    for _ in range(LONG_TEXTS):
        texts = [draw.choice(short)]
        while sum(map(len, texts)) < characters:
            texts.append(draw.choice(short))
        pool.append((", " if commas else " ").join(texts))
    rows = 0
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "text"])
        while file.tell() < megabytes << 20:
            writer.writerows([rows + number, draw.choice(pool)] for number in range(ROWS_AT_ONCE))
            rows += ROWS_AT_ONCE
    return rows


def measure_start(folder: Path, classify: Classify) -> Usage:
    """Measure the only shard of a tiny file."""
    tiny = folder / "tiny.csv"
    tiny.write_text(TINY)
    return classify(tiny, folder / "tiny-out.csv", "--shard", "0/1")


def measure(folder: Path, source: Path, count: int, classify: Classify, start: Usage, *, waits: bool) -> Figures:
    """Measure all shards of a file, then the join.

    With `waits`, shards get `--no-join`. Otherwise the last shard joins too, and its CPU seconds are those of both.
    """
    output = folder / f"out-{count}.csv"
    parts = output.with_name(output.name + ".parts")
    fetched, read, cpu_seconds = [], [], []
    for index in range(count):
        _forget(source)
        usage = classify(source, output, "--shard", f"{index}/{count}", *(["--no-join"] if waits else []))
        written = [parts / f"part-{number:05d}-of-{count:05d}.csv" for number in range(index + 1)]
        reread = (written if written[index].exists() else [output])[-1:]
        if output.exists() and written[index].exists():
            reread += written
        fetched.append(usage.fetched)
        read.append(usage.read - start.read - sum(path.stat().st_size for path in reread))
        cpu_seconds.append(usage.cpu_seconds)
    join, copy_seconds = None, 0.0
    if count > 1:
        join = classify(source, output, "--shard", f"0/{count}")
        copy_seconds = _copy(output, folder / "copy.csv")
    figures = Figures(fetched, read, cpu_seconds, join, copy_seconds, output.stat().st_size)
    output.unlink()
    shutil.rmtree(parts)
    return figures


def classify_with(checkout: Path, model: Path, source: Path, output: Path, *options: str) -> Usage:
    """Classify with the code of a checkout."""
    arguments = ["classify", str(source), str(output), "--model", str(model), "--threads", "1", *options]
    started = time.perf_counter()
    with tempfile.TemporaryFile("w+") as log, tempfile.NamedTemporaryFile("r") as report:
        # `-c` imports from the current folder first.
        command = [sys.executable, "-c", CODE, *arguments, report.name]
        process = subprocess.Popen(command, cwd=checkout, stdout=log, stderr=log)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            log.seek(0)
            raise SystemExit(f"emotion {' '.join(arguments)} ended with {process.returncode}:\n{log.read()}")
        traffic = dict(line.split(": ") for line in report.read().splitlines())
    bytes_of = (int(traffic[name]) for name in ("read_bytes", "rchar", "wchar"))
    return Usage(seconds, usage.ru_utime + usage.ru_stime, *bytes_of)


def _forget(path: Path) -> None:
    """Make the kernel drop a file from memory."""
    with path.open("rb") as file:
        os.fsync(file.fileno())
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def _copy(source: Path, target: Path) -> float:
    """Seconds that `cp` takes, with the copy safe on the disk, as the joined output is."""
    started = time.perf_counter()
    subprocess.run(["cp", source, target], check=True)
    subprocess.run(["sync", target], check=True)
    seconds = time.perf_counter() - started
    target.unlink()
    return seconds


def _print(title: str, figures: dict[int, Figures], source: Path, start: Usage) -> None:
    size = source.stat().st_size
    title = f"{title}; a start takes {start.cpu_seconds:.2f} CPU s"
    table = Table(title=title, title_justify="left", box=box.MARKDOWN)
    columns = ("shards", "fetched / file", "most / share", "asked for / file", "most / share")
    for column in (*columns, "CPU s a shard", "CPU s in all", "join s (cp)", "join bytes / cp"):
        table.add_column(column, justify="right")
    first = sum(next(iter(figures.values())).cpu_seconds)
    for count, found in figures.items():
        cpu = found.cpu_seconds
        table.add_row(
            str(count),
            *(f"{bytes_ / size:.2f}" for bytes_ in (sum(found.fetched), max(found.fetched) * count)),
            *(f"{bytes_ / size:.2f}" for bytes_ in (sum(found.read), max(found.read) * count)),
            f"{statistics.median(cpu):.2f} ({min(cpu):.2f} to {max(cpu):.2f})",
            f"{sum(cpu):.1f} ({sum(cpu) / first:.2f})",
            *_join_cells(found, start),
        )
    Console(width=160).print(table)


def _join_cells(found: Figures, start: Usage) -> Sequence[str]:
    if found.join is None:
        return ("", "")
    traffic = found.join.read + found.join.written - start.read - start.written
    seconds = f"{found.join.seconds:.2f} ({found.copy_seconds:.2f})"
    return (seconds, f"{traffic / (2 * found.output_bytes):.2f}")


if __name__ == "__main__":
    main()
