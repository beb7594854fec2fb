"""config.json: labels in the order of the logits, and the temperature that scores are divided by."""

import json
import math
from pathlib import Path

import numpy as np
import pytest

from emotion.errors import BadDataError, InputMissingError
from emotion.onnx.config import TEMPERATURE, read_labels, read_temperature, write_temperature
from emotion.onnx.session import Classifier
from emotion.store.layout import read_json
from tests.toy import write_model


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "config.json"


def put(path: Path, **content: object) -> Path:
    path.write_text(json.dumps(content))
    return path


def labels(path: Path) -> list[str]:
    return read_labels(read_json(path), path)


def temperature(path: Path) -> float:
    return read_temperature(read_json(path), path)


def test_labels_are_in_the_order_of_their_numbers(path: Path) -> None:
    names = {str(number): f"label {number}" for number in reversed(range(12))}
    assert labels(put(path, id2label=names)) == [f"label {number}" for number in range(12)]


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (None, "no id2label"),
        ({}, "no id2label"),
        (["joy"], "no id2label"),
        ({"1": "joy"}, "not 0 to 0"),
        ({"0": "joy", "2": "anger"}, "not 0 to 1"),
        ({"00": "joy"}, "not 0 to 0"),
        ({"0": "joy", "1": "joy"}, "different names"),
        ({"0": "joy", "1": ""}, "different names"),
        ({"0": "joy", "1": None}, "different names"),
        ({"0": "joy", "1": ["anger"]}, "different names"),
    ],
)
def test_labels_that_are_none(path: Path, names: object, message: str) -> None:
    with pytest.raises(BadDataError, match=message) as caught:
        labels(put(path, id2label=names))
    assert caught.value.exit_code == 65


@pytest.mark.parametrize("value", [0.2, 1, 2.5, 5.0, 1e-3])
def test_a_temperature_is_a_positive_number(path: Path, value: float) -> None:
    assert temperature(put(path, **{TEMPERATURE: value})) == value


def test_where_nothing_is_said_logits_stay_as_they_are(path: Path) -> None:
    assert temperature(put(path, id2label={"0": "joy"}, temperature=3)) == 1


@pytest.mark.parametrize(
    "value", [0, -1, -0.5, math.nan, math.inf, -math.inf, 10**400, True, False, None, "2", [2], {}]
)
def test_anything_else_is_none(path: Path, value: object) -> None:
    with pytest.raises(BadDataError, match=f"{TEMPERATURE} is .*, not a positive number") as caught:
        temperature(put(path, **{TEMPERATURE: value}))
    assert caught.value.exit_code == 65
    assert str(path) in caught.value.message
    assert "export the model again" in caught.value.hint


def test_a_long_value_is_not_told_in_full(path: Path) -> None:
    with pytest.raises(BadDataError) as caught:
        temperature(put(path, **{TEMPERATURE: "x" * 100_000}))
    assert len(caught.value.message) < len(str(path)) + 200


def test_adding_a_temperature_keeps_everything_else(path: Path) -> None:
    names = {"0": "Zürich", "1": "\u6f22"}
    write_temperature(put(path, id2label=names, max_length=35, nested={"a": [1, None]}), 1.25)
    assert json.loads(path.read_text()) == {
        "id2label": names,
        "max_length": 35,
        "nested": {"a": [1, None]},
        TEMPERATURE: 1.25,
    }
    assert temperature(path) == 1.25
    write_temperature(path, 0.75)
    assert temperature(path) == 0.75


def test_a_config_that_is_not_there(path: Path) -> None:
    with pytest.raises(InputMissingError, match=r"config\.json"):
        write_temperature(path, 2.0)
    assert not path.exists()


def test_a_model_has_the_temperature_of_its_config_and_the_same_logits(tmp_path: Path, toy: Classifier) -> None:
    folder = write_model(tmp_path)
    write_temperature(folder / "config.json", 2.5)
    found = Classifier.load(folder, 1)
    assert found.temperature == 2.5
    assert toy.temperature == 1
    np.testing.assert_array_equal(found.logits(["happy"]), toy.logits(["happy"]))


def test_a_model_whose_temperature_is_damaged_is_not_opened(tmp_path: Path) -> None:
    folder = write_model(tmp_path)
    put(folder / "config.json", **json.loads((folder / "config.json").read_text()), **{TEMPERATURE: 0})
    with pytest.raises(BadDataError, match=TEMPERATURE):
        Classifier.load(folder, 1)
