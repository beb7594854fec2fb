"""`emotion models`: the list for people and for programs."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from emotion.cli.app import app
from emotion.models import registry
from tests.builders import write_files
from tests.hub import TOY_FILES


def invoke(*args: str) -> str:
    done = CliRunner().invoke(app, ["models", *args], catch_exceptions=False)
    assert done.exit_code == 0
    return done.stdout


def records(*args: str) -> dict[str, dict[str, Any]]:
    return {record["name"]: record for record in json.loads(invoke("--json", *args))}


def test_json_has_exactly_the_promised_keys() -> None:
    found = json.loads(invoke("--json"))

    assert [record["name"] for record in found] == list(registry.MODELS)
    keys = ["name", "description", "parameters", "checkpoint", "present", "source"]
    assert all(list(record) == keys for record in found)
    ann = next(record for record in found if record["name"] == "ann")
    assert ann["parameters"] == {"total": 1_329_190, "trainable": 1_329_190}
    assert (ann["checkpoint"], ann["present"], ann["source"]) == (None, True, None)


@pytest.mark.usefixtures("no_weights")
def test_weights_are_present_once_the_store_has_them(tmp_path: Path) -> None:
    repository = "google/mobilebert-uncased"

    before = records("--store", str(tmp_path))["mobilebert"]
    write_files(tmp_path / "weights" / repository, TOY_FILES)
    after = records("--store", str(tmp_path))["mobilebert"]

    assert (before["checkpoint"], before["present"], before["source"]) == (repository, False, None)
    assert (after["present"], after["source"]) == (True, "store")
    assert f"{repository} (store)" in invoke("--store", str(tmp_path))
    assert "albert/albert-base-v2 (absent)" in invoke("--store", str(tmp_path))


def test_the_table_names_every_model() -> None:
    text = invoke()

    assert all(name in text for name in registry.MODELS)
    assert "1,329,190" in text
