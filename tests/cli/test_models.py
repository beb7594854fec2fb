"""`emotion models`: the list for people and for programs."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from emotion.cli.main import app
from emotion.models import registry


def invoke(*args: str) -> str:
    done = CliRunner().invoke(app, ["models", *args], catch_exceptions=False)
    assert done.exit_code == 0
    return done.stdout


def test_json_has_exactly_the_promised_keys() -> None:
    records = json.loads(invoke("--json"))

    assert [record["name"] for record in records] == list(registry.MODELS)
    keys = ["name", "description", "parameters", "checkpoint", "present"]
    assert all(list(record) == keys for record in records)
    ann = next(record for record in records if record["name"] == "ann")
    assert ann["parameters"] == {"total": 1_329_190, "trainable": 1_329_190}
    assert (ann["checkpoint"], ann["present"]) == (None, True)


def test_a_checkpoint_is_present_once_the_store_has_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    info = registry.ModelInfo("tiny", "Reads checkpoints", 10, "tiny-uncased")
    monkeypatch.setitem(registry.MODELS, "tiny", info)

    before = json.loads(invoke("--json", "--store", str(tmp_path)))[-1]
    (tmp_path / "weights" / "tiny-uncased").mkdir(parents=True)
    after = json.loads(invoke("--json", "--store", str(tmp_path)))[-1]

    assert (before["checkpoint"], before["present"]) == ("tiny-uncased", False)
    assert after["present"] is True


def test_the_table_names_every_model() -> None:
    text = invoke()

    assert all(name in text for name in registry.MODELS)
    assert "1,329,190" in text
