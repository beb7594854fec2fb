"""Measures float16 against float32 on a GPU, by turns: rows a second, the session's share of the time, equal labels.

    python -m tests.gpu_precision RUN...

RUN is the folder of a run that was trained with [export] float16 = true. Two calls at once make tokens ahead, as
`emotion classify` does. Exits 1 if less than 99.9 % of the labels are equal.
"""

import argparse
import statistics
import sys
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console

from emotion.data.sample import generate
from emotion.onnx.float16 import MIN_AGREEMENT
from emotion.onnx.graphs import Precision
from emotion.onnx.session import Classifier

PRECISIONS: tuple[Precision, ...] = ("float32", "float16")
# Of one call.
CHUNK = 1 << 14


@dataclass
class Timed:
    """A session that records when it runs, in seconds."""

    session: Any
    spans: list[tuple[float, float]] = field(default_factory=list)

    def run(self, *arguments: Any) -> Any:
        """Run the session."""
        started = time.perf_counter()
        found = self.session.run(*arguments)
        self.spans.append((started, time.perf_counter()))
        return found


@dataclass(frozen=True)
class Pass:
    """One pass over all texts."""

    labels: NDArray[np.int64]
    rows_per_second: float
    session_share: float


def main() -> None:
    """Measure every run, print, and exit with 1 if labels differ too much."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", metavar="RUN", type=Path, nargs="+")
    parser.add_argument("--rows", type=int, default=200_000)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    distinct = [text for rows in generate().values() for text, _ in rows]
    texts = [distinct[row % len(distinct)] for row in range(options.rows)]
    agreements = [measure(run, texts, options.rounds) for run in options.runs]
    sys.exit(0 if min(agreements) >= MIN_AGREEMENT else 1)


def measure(run: Path, texts: Sequence[str], rounds: int) -> float:
    """Print the figures of one run, and give its share of equal labels. The first round is not counted."""
    models = {precision: Classifier.load(run, None, precision, "gpu") for precision in PRECISIONS}
    passes: dict[Precision, list[Pass]] = {precision: [] for precision in PRECISIONS}
    for _ in range(rounds + 1):
        for precision, classifier in models.items():
            passes[precision].append(one_pass(classifier, texts))
    for precision, found in passes.items():
        rate, share = (
            statistics.median(getattr(one, name) for one in found[1:]) for name in ("rows_per_second", "session_share")
        )
        Console().print(f"{run.name}: {precision} {rate:,.0f} rows/s, {share:.0%} of the time in the session")
    ratios = [
        half.rows_per_second / exact.rows_per_second
        for exact, half in zip(passes["float32"][1:], passes["float16"][1:], strict=True)
    ]
    agreement = float((passes["float32"][0].labels == passes["float16"][0].labels).mean())
    Console().print(f"{run.name}: {statistics.median(ratios):.2f} times float32's rows/s, {agreement:.3%} labels equal")
    return agreement


def one_pass(classifier: Classifier, texts: Sequence[str]) -> Pass:
    """Classify all texts, in as many calls at once as the device takes."""
    session = Timed(classifier._session)
    timed = replace(classifier, _session=session)
    started = time.perf_counter()
    with ThreadPoolExecutor(classifier.calls) as pool:
        chunks = [texts[start : start + CHUNK] for start in range(0, len(texts), CHUNK)]
        logits = np.concatenate(list(pool.map(timed.logits, chunks)))
    seconds = time.perf_counter() - started
    return Pass(logits.argmax(axis=1), len(texts) / seconds, covered(session.spans) / seconds)


def covered(spans: Iterable[tuple[float, float]]) -> float:
    """The time in which at least one span runs."""
    total, until = 0.0, -np.inf
    for start, end in sorted(spans):
        total += max(0.0, end - max(start, until))
        until = max(until, end)
    return float(total)


if __name__ == "__main__":
    main()
