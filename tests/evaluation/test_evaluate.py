"""Evaluation reads the exported model: scores, predictions and report agree with each other."""

import hashlib
import itertools
import json
import time
from pathlib import Path

import numpy as np
import pytest

from emotion.data.dataset import Dataset, load_dataset
from emotion.evaluation import evaluate
from emotion.evaluation.calibration import expected_calibration_error, reliability_bins
from emotion.evaluation.evaluate import RunScores, evaluate_run, rows_per_second
from emotion.evaluation.metrics_file import SharedTexts
from emotion.evaluation.predictions import read_predictions
from emotion.onnx.session import Classifier, probabilities
from emotion.onnx.temperature import fit_temperature
from emotion.params.schema import DataTable
from emotion.store.layout import Run, Store
from tests.builders import write_dataset

GOOD = [("i feel happy", "joy"), ("so furious", "anger"), ("very scared", "fear")]
VALIDATION = [*GOOD, ("happy today", "anger")]
TEST = [*GOOD, ("i feel scared", "joy"), ("furious", "joy")]


@pytest.fixture
def data(tmp_path: Path) -> Dataset:
    return load_dataset(write_dataset(tmp_path / "d", train=GOOD, validation=VALIDATION, test=TEST), DataTable())


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return Store(tmp_path / "store").run("ann", "s1")


@pytest.fixture
def scores(run: Run, data: Dataset, toy: Classifier) -> RunScores:
    return evaluate_run(run, data, toy)


def test_each_split_has_its_own_scores(scores: RunScores) -> None:
    assert (scores.train.rows, scores.validation.rows, scores.test.rows) == (3, 4, 5)
    assert (scores.train.accuracy, scores.validation.accuracy, scores.test.accuracy) == (1.0, 0.75, 0.6)
    assert {name: label.support for name, label in scores.test.per_class.items()} == {"anger": 1, "fear": 1, "joy": 3}
    assert scores.rows_per_second > 0


def test_scores_say_how_many_texts_were_trained_on(scores: RunScores) -> None:
    assert scores.train.in_train is None
    assert scores.validation.in_train == SharedTexts(texts=3, share=0.75, other_label=0)
    assert scores.test.in_train == SharedTexts(texts=3, share=0.6, other_label=0)


def test_macro_f1_says_over_which_labels_it_is_taken(tmp_path: Path, run: Run, toy: Classifier) -> None:
    folder = write_dataset(tmp_path / "few", train=GOOD, validation=GOOD, test=[("happy", "joy"), ("scared", "joy")])
    scores = evaluate_run(run, load_dataset(folder, DataTable()), toy)
    assert scores.validation.macro_f1_labels == ["anger", "fear", "joy"]
    assert scores.test.macro_f1_labels == ["joy"]
    assert scores.test.macro_f1 == pytest.approx(2 / 3)
    assert "leaves out labels without rows: anger, fear" in run.report.read_text()


@pytest.mark.usefixtures("scores")
@pytest.mark.parametrize(("name", "rows"), [("validation", VALIDATION), ("test", TEST)])
def test_predictions_hold_every_row_without_objects(
    run: Run, toy: Classifier, name: str, rows: list[tuple[str, str]]
) -> None:
    with np.load(run.predictions / f"{name}.npz", allow_pickle=False) as file:
        found = dict(file)
    assert set(found) == {"row", "label", "logits"}
    digests = [hashlib.sha256(text.encode()).hexdigest()[:16].encode() for text, _ in rows]
    assert found["row"].tolist() == digests
    assert [toy.labels[index] for index in found["label"]] == [label for _, label in rows]
    np.testing.assert_allclose(found["logits"], toy.logits([text for text, _ in rows]), rtol=1e-5)


def test_predictions_reproduce_the_scores(run: Run, scores: RunScores) -> None:
    with np.load(run.predictions / "test.npz", allow_pickle=False) as file:
        right = file["logits"].argmax(axis=1) == file["label"]
    assert right.mean() == scores.test.accuracy


@pytest.mark.usefixtures("scores")
def test_the_report_names_both_splits_and_every_label(run: Run) -> None:
    validation, _, test = run.report.read_text().partition("\ntest\n")
    assert validation.startswith("validation\n")
    for part in (validation, test):
        assert all(f" {label} " in part for label in ("anger", "fear", "joy"))
    assert "0.7500" in validation
    assert "0.6000" in test


def test_the_report_lists_each_splits_mistakes_after_its_scores(run: Run, scores: RunScores, toy: Classifier) -> None:
    validation, _, test = run.report.read_text().partition("\ntest\n")
    found = {}
    for name, part in (("validation", validation), ("test", test)):
        table, _, mistakes = part.partition("confident mistakes")
        assert "weighted avg" in table
        found[name] = [line.split(maxsplit=1) for line in mistakes.splitlines()[1:] if line]
    mistakes_of = {name: [text for _, text in lines] for name, lines in found.items()}
    assert mistakes_of["validation"] == ["anger -> joy  row 4: happy today"]
    assert sorted(mistakes_of["test"]) == ["joy -> anger  row 5: furious", "joy -> fear   row 4: i feel scared"]
    shares = probabilities(toy.logits(["i feel scared", "furious"]), scores.temperature).max(axis=1)
    assert [float(share) for share, _ in found["test"]] == pytest.approx(sorted(shares, reverse=True), abs=1e-4)


@pytest.mark.usefixtures("scores")
def test_programs_find_the_same_mistakes(run: Run) -> None:
    found = json.loads(run.mistakes.read_text())
    assert set(found) == {"validation", "test"}
    report = run.report.read_text()
    for mistake in (*found["validation"], *found["test"]):
        assert set(mistake) == {"row", "text", "label", "predicted", "confidence"}
        assert f"row {mistake['row']}: {mistake['text']}\n" in report
        assert f"{mistake['confidence']:.4f}  {mistake['label']} -> {mistake['predicted']}" in report
    assert [mistake["row"] for mistake in found["validation"]] == [4]
    assert sorted(mistake["row"] for mistake in found["test"]) == [4, 5]


def test_a_model_without_mistakes_has_none_to_list(tmp_path: Path, run: Run, toy: Classifier) -> None:
    folder = write_dataset(
        tmp_path / "easy", train=GOOD, validation=[("happy now", "joy")], test=[("furious", "anger")]
    )
    evaluate_run(run, load_dataset(folder, DataTable()), toy)
    assert run.report.read_text().count("\nNo mistakes.\n") == 2
    assert json.loads(run.mistakes.read_text()) == {"validation": [], "test": []}


def test_scores_are_calibrated_on_validation_and_judged_on_test(run: Run, scores: RunScores) -> None:
    validation, test = (read_predictions(run.predictions / f"{name}.npz", 3) for name in ("validation", "test"))
    assert scores.temperature == fit_temperature(validation.logits, validation.label) != 1
    assert scores.test.ece == expected_calibration_error(reliability_bins(test.logits, test.label))
    scaled = reliability_bins(test.logits, test.label, scores.temperature)
    assert scores.test.ece_scaled == expected_calibration_error(scaled)


@pytest.mark.usefixtures("scores")
def test_nothing_else_and_no_metrics_are_written(run: Run) -> None:
    files = {str(path.relative_to(run.folder)) for path in run.folder.rglob("*") if path.is_file()}
    assert files == {f"predictions/{name}" for name in ("validation.npz", "test.npz", "mistakes.json")} | {"report.txt"}


def test_speed_is_measured_on_as_many_rows_whatever_there_are(toy: Classifier) -> None:
    assert rows_per_second(toy, ["happy"]) > 0
    assert rows_per_second(toy, []) > 0


@pytest.mark.parametrize(("seconds", "passes"), [(1.0, 5), (3.0, 4), (30.0, 1)])
def test_a_slow_model_is_measured_in_fewer_passes(
    toy: Classifier, monkeypatch: pytest.MonkeyPatch, seconds: float, passes: int
) -> None:
    rows: list[int] = []
    clock = itertools.count(0.0, seconds)
    monkeypatch.setattr(time, "perf_counter", lambda: next(clock))
    monkeypatch.setattr(Classifier, "logits", lambda _, texts: rows.append(len(texts)))
    monkeypatch.setattr(evaluate, "SPEED_PASSES", 5)
    assert rows_per_second(toy, ["happy"]) == 2048 / seconds
    assert rows == [2048] * passes
