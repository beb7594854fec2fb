"""`emotion doctor`: what it says of the machine, the store and the data, and the exit code that follows."""

import json
import os
from pathlib import Path

import onnxruntime
import pytest
from typer.testing import CliRunner

from emotion import hardware
from emotion.cli.app import app
from emotion.doctor import checks as doctor
from emotion.doctor.checks import Check
from emotion.onnx.devices import CPU, CUDA
from emotion.store.atomic import write_json
from emotion.store.layout import Store
from emotion.weights.catalog import PRETRAINED
from tests.builders import make_metrics, write_dataset, write_files, write_run
from tests.hub import TOY_FILES


@pytest.fixture(autouse=True)
def no_tensorflow(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Leave out the one check that takes seconds, with a test of its own, on a machine of 32 GiB without limits."""
    monkeypatch.setattr(doctor, "tensorflow_gpus", lambda: Check("GPU for training", "not looked for"))
    monkeypatch.setattr(hardware, "CGROUP", tmp_path_factory.mktemp("cgroup"))
    monkeypatch.setattr(os, "sysconf", {"SC_PHYS_PAGES": 2**23, "SC_PAGE_SIZE": 2**12}.__getitem__)


def look(*args: object, code: int = 0) -> dict[str, dict[str, str]]:
    done = CliRunner().invoke(app, ["doctor", *map(str, args), "--json"], catch_exceptions=False)
    assert done.exit_code == code, done.stderr
    return {check["name"]: check for check in json.loads(done.stdout)}


def test_a_healthy_machine(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    write_run(store, make_metrics())
    write_json(store.best, {"run": "ann/s1-0a1b2c3d"})
    for repository in PRETRAINED:
        write_files(store.pretrained(repository), TOY_FILES)
    before = sorted(tmp_path.rglob("*"))

    found = look("--store", store.folder, "--data", write_dataset(tmp_path / "data"))

    assert {check["state"] for check in found.values()} == {"ok"}
    assert found["data"]["found"].endswith("train 4, validation 2, test 2")
    assert found["runs"]["found"].startswith("1 complete")
    assert found["best model"]["found"] == "ann/s1-0a1b2c3d"
    assert "minilm (store)" in found["weights"]["found"]
    assert found["onnxruntime"]["found"] == "CPUExecutionProvider"
    left = [path for path in sorted(tmp_path.rglob("*")) if "data" not in path.parts]
    assert left == before


@pytest.mark.usefixtures("no_weights")
def test_absent_weights_are_a_warning_with_the_command_that_brings_them(tmp_path: Path) -> None:
    write_files(tmp_path / "weights" / "google-bert" / "bert-base-uncased", TOY_FILES)

    weights = look("--store", tmp_path)["weights"]

    assert weights["state"] == "warning"
    assert weights["found"] == "bert (store); absent: distilbert, albert, mobilebert, minilm"
    assert weights["todo"] == f"emotion weights fetch --store {tmp_path}"


def test_looking_does_not_make_a_store(tmp_path: Path) -> None:
    found = look("--store", tmp_path / "new" / "store")

    assert "can be created" in found["store"]["found"]
    assert list(tmp_path.iterdir()) == []


def test_a_store_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    found = look("--store", tmp_path / "file" / "store", "--data", tmp_path / "absent", code=73)

    assert found["store"]["state"] == "failure"
    assert found["store"]["todo"]


def test_missing_and_bad_data(tmp_path: Path) -> None:
    bad = write_dataset(tmp_path / "bad", test=[("boo", "fear")])

    assert look("--store", tmp_path, "--data", tmp_path / "absent", code=66)["data"]["state"] == "failure"
    assert "fear" in look("--store", tmp_path, "--data", bad, code=65)["data"]["found"]


def test_damaged_runs_and_an_absent_winner_are_warnings(tmp_path: Path) -> None:
    store = Store(tmp_path)
    write_run(store, make_metrics())
    broken = store.run("lstm", "broken")
    broken.folder.mkdir(parents=True)
    broken.metrics.write_text("{")

    found = look("--store", store.folder)

    assert found["runs"]["state"] == "warning"
    assert "lstm/broken" in found["runs"]["found"]
    todo = f"emotion aggregate --store {store.folder}"
    assert (found["best model"]["state"], found["best model"]["todo"]) == ("warning", todo)


@pytest.mark.parametrize(
    ("file", "limit", "state"),
    [
        ("memory.max", "1000000000", "warning"),
        ("memory/memory.limit_in_bytes", "1000000000", "warning"),
        ("memory.max", "max", "ok"),
    ],
)
def test_the_container_s_memory_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, file: str, limit: str, state: str
) -> None:
    (tmp_path / "cgroup" / file).parent.mkdir(parents=True)
    (tmp_path / "cgroup" / file).write_text(f"{limit}\n")
    monkeypatch.setattr(hardware, "CGROUP", tmp_path / "cgroup")

    memory = look("--store", tmp_path)["memory"]

    assert memory["state"] == state
    assert memory["found"].startswith("1.0 GB (the container's limit") is (state == "warning")


@pytest.mark.filterwarnings("ignore:Specified provider")
def test_a_provider_that_does_not_work_is_a_warning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As onnxruntime-gpu without a GPU: it promises CUDA, and its sessions have none."""
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: [CUDA, CPU])

    found = look("--store", tmp_path)["onnxruntime"]

    assert (found["state"], found["found"].partition(";")[0]) == ("warning", CPU)
    assert "cannot use the GPU" in found["found"]
    assert "--gpus all" in found["todo"]


def test_the_table_and_the_waiting_are_apart(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["doctor", "--store", str(tmp_path)])

    assert "onnxruntime" in done.stdout
    assert "TensorFlow takes some seconds" in done.stderr
