"""A peer of `emotion classify`: TF-IDF and a linear SVM of scikit-learn, CSV to CSV with pandas.

    python tests/benchmarks/classify_sklearn.py DATA IN.csv OUT.csv

Fits on train of DATA, then reads, classifies and writes the CSV. Prints the seconds of these three, of wall time and
of CPU, and the accuracy on test as JSON. Fitting is not in the seconds.
"""

import json
import sys
import time
from pathlib import Path

import pandas as pd
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.svm import LinearSVC

# Rows of one call: pandas and SciPy hold some hundred bytes of each word.
CHUNK_ROWS = 50_000


def main() -> None:
    """Fit, classify, and print what it took."""
    data, source, output = map(Path, sys.argv[1:4])
    model = fit(*read_split(data / "train.txt"))
    started, cpu = time.perf_counter(), time.process_time()
    rows = classify(model, source, output)
    seconds, cpu_seconds = time.perf_counter() - started, time.process_time() - cpu
    texts, labels = read_split(data / "test.txt")
    accuracy = float(model.score(texts, labels))
    figures = {"rows": rows, "seconds": seconds, "cpu_seconds": cpu_seconds, "test_accuracy": accuracy}
    sys.stdout.write(json.dumps(figures) + "\n")


def read_split(path: Path) -> tuple[list[str], list[str]]:
    """Texts and labels of a split of `text;label` lines."""
    pairs = [line.rpartition(";") for line in path.read_text("utf-8").splitlines() if line]
    return [text for text, _, _ in pairs], [label for _, _, label in pairs]


def fit(texts: list[str], labels: list[str]) -> Pipeline:
    """Fit the model with scikit-learn's own defaults."""
    return make_pipeline(TfidfVectorizer(), LinearSVC()).fit(texts, labels)


def classify(model: Pipeline, source: Path, output: Path) -> int:
    """Append a label to the rows of a CSV with a column `text`, and return their number."""
    rows = 0
    for number, frame in enumerate(pd.read_csv(source, chunksize=CHUNK_ROWS)):
        frame["label"] = model.predict(frame["text"])
        frame.to_csv(output, index=False, header=number == 0, mode="a" if number else "w")
        rows += len(frame)
    return rows


if __name__ == "__main__":
    main()
