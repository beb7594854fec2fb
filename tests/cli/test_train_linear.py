"""`emotion train linear`: the files of a run like any other, from candidates that validation chooses from."""

import csv
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from emotion.onnx.session import Classifier
from tests.builders import write_dataset, write_rows

EMOTION = str(Path(sys.executable).with_name("emotion"))
TWO_WORKERS = json.dumps({"cluster": {"worker": ["a:1", "b:1"]}, "task": {"type": "worker", "index": 0}})
WORDS = {"Freude": "happy glad sunny", "größte Wut": "furious mad raging", "страх": "scared afraid panicked"}


def rows(count: int, offset: int = 0) -> list[tuple[str, str]]:
    words = [(word, label) for label, known in WORDS.items() for word in known.split()]
    chosen = [words[index % 9] for index in range(offset, offset + count)]
    return [(f"i feel {word} today, number {index}", label) for index, (word, label) in enumerate(chosen)]


def run(*arguments: object, **variables: str) -> subprocess.CompletedProcess[str]:
    command = [EMOTION, *map(str, arguments)]
    environment = {**os.environ, **variables}
    return subprocess.run(command, check=False, capture_output=True, text=True, timeout=300, env=environment)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    return write_dataset(folder, train=rows(90), validation=rows(18, 3), test=rows(27, 5))


@pytest.fixture(scope="module")
def store(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    store = tmp_path_factory.mktemp("store")
    done = run("train", "linear", "--data", data, "--store", store, "--log-format", "json", "--deterministic")
    assert done.returncode == 0, done.stderr
    events = [json.loads(line) for line in done.stderr.splitlines()]
    assert sum(event["event"] == "candidate" for event in events) == 14
    assert "best of 14: linear SVM, C = 0.1, words" in done.stdout
    return store


def folder(store: Path) -> Path:
    (found,) = (store / "runs" / "linear").iterdir()
    return found


def read(store: Path, name: str) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((folder(store) / name).read_text())
    return content


def test_a_run_has_the_files_of_any_other(store: Path) -> None:
    files = {str(path.relative_to(folder(store))) for path in folder(store).rglob("*") if path.is_file()}
    figures = ("architecture", "calibration", "confusion", "precision_recall", "training")
    assert files == {
        *("architecture.json", "history.csv", "metrics.json", "params.json", "progress.json", "report.txt"),
        *(f"model/{name}" for name in ("README.md", "SHA256SUMS", "config.json", "model.onnx", "tokenizer.json")),
        *(f"predictions/{name}" for name in ("mistakes.json", "test.npz", "validation.npz")),
        *(f"figures/{name}.{kind}" for name in figures for kind in ("png", "svg")),
        "weights/model.safetensors",
    }


def test_metrics_have_the_candidates_and_the_scores_of_the_chosen_one(store: Path) -> None:
    metrics = read(store, "metrics.json")
    assert len(metrics["candidates"]) == 14
    assert metrics["validation"]["accuracy"] == max(c["validation_accuracy"] for c in metrics["candidates"])
    assert metrics["onnx"]["max_abs_logit_diff"] < 1e-4
    assert metrics["onnx"]["label_agreement"] == 1
    assert metrics["parameters"] == read(store, "architecture.json")["parameters"]
    assert metrics["temperature"] == pytest.approx(1, abs=0.05)
    with (folder(store) / "history.csv").open() as file:
        (epoch,) = csv.DictReader(file)
    assert float(epoch["validation_accuracy"]) == metrics["validation"]["accuracy"]
    progress = read(store, "progress.json")
    assert progress["state"] == "complete"
    assert progress["seconds"] == metrics["training_seconds"] > 0


def test_the_weights_are_those_of_the_exported_model(store: Path) -> None:
    """One known word: the logits are its coefficients and the bias."""
    from safetensors.numpy import load_file

    classifier = Classifier.load(folder(store))
    weights = load_file(folder(store) / "weights" / "model.safetensors")
    tokenizer = json.loads((folder(store) / "model" / "tokenizer.json").read_text())
    happy = tokenizer["model"]["vocab"]["happy"]
    expected = weights["coefficients"][happy] + weights["bias"]
    assert classifier.logits(["happy", "happy zzz"]) == pytest.approx(np.stack([expected, expected]), abs=1e-4)


def test_the_card_says_what_validation_chose(store: Path) -> None:
    card = (folder(store) / "model" / "README.md").read_text()
    assert "14 candidates in" in card
    assert "of which validation chose a linear SVM (C = 0.1) on words. Seed 1" in card
    assert "The candidate and the temperature were chosen on validation" in card
    assert "epoch" not in card


def test_it_classifies_and_is_compared(store: Path, tmp_path: Path) -> None:
    assert run("aggregate", "--store", store).returncode == 0
    source = write_rows(tmp_path / "in.csv", rows(9))
    done = run("classify", source, tmp_path / "out.csv", "--store", store)
    assert done.returncode == 0, done.stderr
    with (tmp_path / "out.csv").open() as file:
        found = list(csv.reader(file))[1:]
    assert [row[2] for row in found] == [label for _, label in rows(9)]


def test_the_same_command_again_does_nothing(store: Path, data: Path) -> None:
    again = run("train", "linear", "--data", data, "--store", store, "--deterministic")
    assert again.returncode == 0
    assert "is complete: nothing to do" in again.stderr


def test_an_interrupted_training_starts_again(data: Path, tmp_path: Path) -> None:
    """More candidates than a second is enough for; SIGTERM comes among them."""
    many = [f"{1 + number / 10_000}" for number in range(5000)]
    arguments = ["train", "linear", "--data", str(data), "--store", str(tmp_path), "--run", "cut"]
    command = [EMOTION, *arguments, "--set", f"training.svm_c=[{', '.join(many)}]"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    while "on validation" not in process.stderr.readline():
        pass
    time.sleep(0.2)
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=60)
    assert process.returncode == 143
    assert not (tmp_path / "runs" / "linear" / "cut" / "metrics.json").exists()
    assert run("runs", "rm", "linear/cut", "--store", tmp_path, "--yes").returncode == 0
    assert run(*arguments).returncode == 0


@pytest.mark.parametrize(
    ("arguments", "variables", "code", "words"),
    [
        (["--device", "gpu"], {}, 78, "linear trains on the CPU only"),
        (["--set", "training.svm_c=[]", "--set", "training.logistic_c=[]"], {}, 78, "set at least one candidate"),
        (["--set", "training.svm_c=[0]"], {}, 78, "greater than 0"),
        (["--set", "training.epochs=3"], {}, 78, "unknown key"),
        ([], {"TF_CONFIG": TWO_WORKERS}, 2, "in one process"),
    ],
)
def test_what_it_cannot_do_is_refused(
    data: Path, tmp_path: Path, arguments: list[str], variables: dict[str, str], code: int, words: str
) -> None:
    done = run("train", "linear", "--data", data, "--store", tmp_path, *arguments, **variables)
    assert done.returncode == code, done.stderr
    assert words in done.stderr


@pytest.mark.parametrize("option", [["--gpus", "1"], ["--workers", "2"]])
def test_a_job_has_no_gpu_and_no_workers(option: list[str]) -> None:
    done = run("submit", "linear", "--dry-run", *option)
    assert done.returncode == 2
    assert "linear trains on the CPU of one pod" in done.stderr
