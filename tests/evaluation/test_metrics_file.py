"""metrics.json: what is written is read back, and what is wrong in it is told."""

import json
import math
from pathlib import Path
from typing import Any

import pytest

from emotion.errors import BadDataError, InputMissingError
from emotion.evaluation.metrics_file import read_metrics
from tests.builders import digest, make_metrics, make_teacher

GOOD: dict[str, Any] = make_metrics().model_dump(mode="json")


def put(path: Path, content: object) -> Path:
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def changed(path: str, value: object) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(json.dumps(GOOD))
    *parents, key = path.split(".")
    inner = content
    for parent in parents:
        inner = inner[parent]
    inner[key] = value
    return content


def refused(path: Path) -> str:
    with pytest.raises(BadDataError) as caught:
        read_metrics(path)
    assert caught.value.exit_code == 65
    assert str(path) in caught.value.message
    return caught.value.message


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "metrics.json"


def test_what_was_written_is_read_back(path: Path) -> None:
    assert read_metrics(put(path, GOOD)) == make_metrics()


def test_the_contracts_keys_are_there() -> None:
    assert {
        "model",
        "run",
        "training_seconds",
        "epochs",
        "parameters",
        "train",
        "validation",
        "test",
        "onnx",
        "peak_memory_bytes",
        "samples_per_second",
    } <= GOOD.keys()
    assert {"total", "trainable"} <= GOOD["parameters"].keys()
    assert {"accuracy", "loss"} <= GOOD["train"].keys()
    assert {"accuracy", "loss", "macro_f1"} <= GOOD["validation"].keys()
    assert {"accuracy", "loss", "macro_f1", "accuracy_ci95", "ece", "per_class"} <= GOOD["test"].keys()
    assert {"bytes", "max_abs_logit_diff", "label_agreement"} <= GOOD["onnx"].keys()


def test_keys_of_a_later_version_are_passed_over(path: Path) -> None:
    assert read_metrics(put(path, changed("test.brier", 0.1) | {"carbon": 3})) == make_metrics()


def test_a_run_of_an_earlier_version_is_read(path: Path) -> None:
    content = json.loads(json.dumps(GOOD))
    for split in ("train", "validation", "test"):
        del content[split]["in_train"], content[split]["macro_f1_labels"]
    del content["onnx"]["digests"]
    metrics = read_metrics(put(path, content))
    assert metrics == make_metrics()
    assert metrics.absent_labels(metrics.test) == []


def test_the_labels_that_a_split_lacks() -> None:
    metrics = make_metrics(data__labels=["fear", "anger", "joy"], test__macro_f1_labels=["joy"])
    assert metrics.absent_labels(metrics.test) == ["anger", "fear"]


@pytest.mark.parametrize(
    ("place", "value"),
    [
        ("test.in_train", {"texts": 1}),
        ("test.in_train", {"texts": 1, "share": 2, "other_label": 0}),
        ("test.macro_f1_labels", "joy"),
        ("validation.accuracy", 1.2),
        ("validation.accuracy", -0.1),
        ("validation.accuracy", "high"),
        ("validation.accuracy", None),
        ("train.loss", math.nan),
        ("train.loss", math.inf),
        ("train.loss", -1.0),
        ("test.accuracy_ci95", [0.1]),
        ("test.per_class", []),
        ("data.labels", "joy"),
        ("data.digests", None),
        ("onnx.digests", {"model.onnx": "abc"}),
        ("onnx.digests", ["model.onnx"]),
        ("epochs", 1.5),
        ("epochs", -1),
        ("parameters", {}),
        ("training_seconds", -1),
    ],
)
def test_a_wrong_value_is_told_with_its_place(path: Path, place: str, value: object) -> None:
    assert f" {place}" in refused(put(path, changed(place, value)))


@pytest.mark.parametrize(
    "digests",
    [
        {},
        {"train": digest("a"), "validation": digest("b")},
        {"train": digest("a"), "validation": digest("b"), "test": ""},
        {"train": digest("a"), "validation": "/../evil", "test": "../../.."},
    ],
)
def test_runs_are_compared_by_digests_so_these_must_be_digests(path: Path, digests: dict[str, str]) -> None:
    """A folder of the comparison is named by them, too."""
    assert " data.digests" in refused(put(path, changed("data.digests", digests)))


@pytest.mark.parametrize("content", ["", json.dumps(GOOD)[:-20], "not JSON"])
def test_a_truncated_file(path: Path, content: str) -> None:
    assert "not complete JSON" in refused(put(path, content))


@pytest.mark.parametrize("content", ["[]", "{}", '{"accuracy": 0.9}'])
def test_a_foreign_file(path: Path, content: str) -> None:
    refused(put(path, content))


def test_a_file_that_is_not_there(path: Path) -> None:
    with pytest.raises(InputMissingError) as caught:
        read_metrics(path)
    assert caught.value.exit_code == 66


def test_runs_are_judged_on_validation_and_test_but_not_on_train() -> None:
    plain = make_metrics().data.judged_on
    assert make_metrics(data__digests__train=digest("more")).data.judged_on == plain
    assert make_metrics(data__digests__test=digest("more")).data.judged_on != plain
    assert make_metrics(data__digests__validation=digest("more")).data.judged_on != plain


@pytest.mark.parametrize(
    "run", ["$\\frac{/s1", "a/b\x1b[31m", "<b>/s1", "ann\nlstm/s1", "[red]x/s1", "ensemble:ann/s1", ""]
)
def test_the_name_of_a_teacher_that_no_run_has(tmp_path: Path, run: str) -> None:
    """Tables, charts and pages show it."""
    assert "teacher.run: value error, name a run as" in refused(
        put(tmp_path / "metrics.json", changed("teacher", make_teacher(run)))
    )
