r"""Measures `emotion classify` by turns with the pipelines of transformers and of optimum: same weights, CSV to CSV.

    python -m tests.benchmarks.classify_transformers --run store/runs/minilm/<run> --data data/emotion \
        --torch build/torch/bin/python --optimum build/optimum/bin/python

Every figure is of a process of its own. The time of `emotion` includes its start; the time of the pipelines excludes
importing and loading. The stages of `emotion` are CPU time, one after the other in one process.
"""

import argparse
import csv
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from emotion.classify.blocks import _new_columns, max_chunk_rows
from emotion.classify.reader import TEXT, ChunkReader, find_texts
from emotion.classify.tasks import Settings
from emotion.classify.writer import Writer
from emotion.composites.predictor import Member, Predictor, Scores
from emotion.onnx.graphs import INT8, Precision
from emotion.onnx.session import Classifier, probabilities
from emotion.records.files import open_records
from tests.benchmarks.classify import write_rows
from tests.benchmarks.classify_peers import Turn, by_turns, print_turns, run_emotion, run_peer

PEER = Path(__file__).with_name("classify_pipeline.py")


def main() -> None:
    """Measure by turns; print medians, ratios, stages, and how many labels are the pipeline's."""
    options = _options()
    model = options.run / "model"
    with tempfile.TemporaryDirectory() as folder:
        source, output = Path(folder) / "in.csv", {name: Path(folder) / f"{name}.csv" for name in ("float32", "int8")}
        theirs = {name: Path(folder) / f"{name}.csv" for name in ("transformers", "optimum")}
        write_rows(source, options.rows, options.data / "train.txt")
        runs: dict[str, Callable[[], Turn]] = {
            "emotion": lambda: run_emotion(source, output["float32"], model),
            "transformers.pipeline": lambda: run_peer(
                options.torch, PEER, "transformers", options.run / "weights", source, theirs["transformers"]
            ),
            "optimum's pipeline": lambda: run_peer(options.optimum, PEER, "optimum", model, source, theirs["optimum"]),
        }
        precisions: list[Precision] = ["float32"]
        if (model / INT8).is_file():
            precisions.append("int8")
            runs["emotion, int8"] = lambda: run_emotion(source, output["int8"], model, "--precision", "int8")
        print_turns(by_turns(runs, options.rounds), options.rows)
        expected = _labels(theirs["transformers"])
        for precision in precisions:
            equal = np.mean(_labels(output[precision]) == expected)
            Console().print(f"{precision}: {equal:.2%} of the labels of transformers.pipeline")
            _print_stages(precision, stages(model, source, precision), options.rows)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", type=Path, required=True, help="the folder of a trained transformer")
    parser.add_argument("--data", type=Path, required=True, help="the emotion data set, as .txt")
    parser.add_argument("--torch", required=True, help="a Python with torch and transformers")
    parser.add_argument("--optimum", required=True, help="a Python with torch and optimum-onnx")
    parser.add_argument("--rows", type=int, default=5_000)
    parser.add_argument("--rounds", type=int, default=5)
    return parser.parse_args()


def _labels(path: Path) -> np.ndarray[tuple[int], np.dtype[np.str_]]:
    with path.open(newline="", encoding="utf-8") as file:
        return np.array([row["label"] for row in csv.DictReader(file)])


def stages(model: Path, source: Path, precision: Precision) -> dict[str, float]:
    """CPU seconds of the stages of a classification, in chunks as `emotion classify` makes them."""
    classifier = Classifier.load(model, precision=precision)
    predictor = Predictor(str(model), (Member(str(model), classifier),))
    seconds: dict[str, float] = {}

    @contextmanager
    def timed(stage: str) -> Iterator[None]:
        started = time.process_time()
        yield
        seconds[stage] = seconds.get(stage, 0.0) + time.process_time() - started

    with open_records(source, "csv", columns=(TEXT,)) as records, Path(os.devnull).open("wb") as output:
        writer = Writer(records, classifier.labels, all_scores=False)
        reader = ChunkReader(records.batches, find_texts(source, records, None, writer.names))
        while True:
            with timed("reading"):
                chunk = reader.take(max_chunk_rows(classifier.graph.stat().st_size))
            if not chunk.batches:
                return seconds
            logits = np.empty((len(chunk.texts), len(classifier.labels)), np.float32)
            with timed("tokens"):
                batches = list(classifier._batcher.batches(chunk.texts))
            with timed("session"):
                for batch in batches:
                    logits[batch.rows] = classifier._run(batch)
            with timed("writing"):
                rows = len(logits)
                scores = Scores(probabilities(logits), np.zeros(rows, np.bool_), np.zeros(rows, np.intp), (rows,))
                cells = _new_columns(chunk, scores, predictor, Settings())
                output.write(writer.rows(chunk.batches, cells))


def _print_stages(precision: Precision, seconds: dict[str, float], rows: int) -> None:
    table = Table(title=f"stages of {precision}", title_justify="left")
    for column in ("", "CPU µs a row", "share"):
        table.add_column(column, justify="right" if column else "left")
    for stage, taken in seconds.items():
        table.add_row(stage, f"{taken / rows * 1e6:,.1f}", f"{taken / sum(seconds.values()):.1%}")
    Console().print(table)


if __name__ == "__main__":
    main()
