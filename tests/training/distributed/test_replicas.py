"""Runs of several devices and workers: the result of one device, one writer, and the exits after a lost worker."""

import csv
import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import h5py
import numpy as np
import pytest
from numpy.typing import NDArray

from emotion.data.sample import generate
from emotion.errors import BadParametersError
from emotion.training.distributed.replicas import form_group
from emotion.training.distributed.topology import Topology
from tests.builders import write_dataset
from tests.events import read_scalars

EMOTION = str(Path(sys.executable).with_name("emotion"))
# 50 rows among three are no equal shares; nothing is dropped, so that parts of a batch draw nothing of their own.
PARAMETERS = ["training.batch_size=50", "model.embedding_dim=16", "model.hidden=[16]", "model.feature_dropout=0.0"]
DROPPING = {"ann": ["model.embedding_dropout=0.0"], "lstm": ["model.units_dropout=0.0", "model.units=8"]}
# The export of a large model takes longer than TensorFlow's patience with workers that have left.
LATE_EXPORT = """
import time
from emotion.cli.main import main
from emotion.runs import train_job
export = train_job._export
def export_late(*arguments):
    time.sleep(20)
    return export(*arguments)
train_job._export = export_late
main()
"""
ROWS = 630
EPOCHS = 2


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    rows = generate()
    return write_dataset(
        tmp_path_factory.mktemp("data"),
        train=rows["train"][:ROWS],
        validation=rows["validation"][:90],
        test=rows["test"][:60],
    )


def command(data: Path, store: Path, *changes: str, model: str = "ann", epochs: int = EPOCHS) -> list[str]:
    sets = [*PARAMETERS, *DROPPING[model], f"training.epochs={epochs}", *changes]
    named = ["--data", str(data), "--store", str(store), "--run", "r"]
    return [EMOTION, "train", model, *named, *(part for change in sets for part in ("--set", change))]


def train(arguments: list[str]) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(arguments, check=False, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return done


def ports(count: int) -> list[int]:
    """Find ports that nobody listens on."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    numbers = [server.getsockname()[1] for server in sockets]
    for server in sockets:
        server.close()
    return numbers


def start(commands: list[list[str]]) -> list[subprocess.Popen[str]]:
    """Start one worker per command."""
    workers = [f"127.0.0.1:{port}" for port in ports(len(commands))]
    environments = [
        {
            **os.environ,
            "TF_CONFIG": json.dumps({"cluster": {"worker": workers}, "task": {"type": "worker", "index": index}}),
        }
        for index in range(len(commands))
    ]
    return [
        subprocess.Popen(arguments, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        for arguments, environment in zip(commands, environments, strict=True)
    ]


def ended(workers: list[subprocess.Popen[str]]) -> list[tuple[int, str]]:
    """Wait for all; give exit codes and outputs."""
    outputs = [worker.communicate(timeout=300)[0] for worker in workers]
    return [(worker.returncode, output) for worker, output in zip(workers, outputs, strict=True)]


def history(store: Path, model: str = "ann") -> NDArray[np.float64]:
    """Read loss and accuracy, on train and validation, per epoch."""
    with (store / "runs" / model / "r" / "history.csv").open() as file:
        rows = list(csv.reader(file))[1:]
    assert [row[0] for row in rows] == [str(number + 1) for number in range(len(rows))]
    return np.asarray([[float(value) for value in row[1:5]] for row in rows])


def weights(store: Path, model: str = "ann") -> list[NDArray[np.float32]]:
    arrays: list[NDArray[np.float32]] = []
    with h5py.File(store / "runs" / model / "r" / "weights" / "model.weights.h5") as file:
        file.visititems(lambda _, item: arrays.append(item[()]) if isinstance(item, h5py.Dataset) else None)
    return arrays


def scalars(store: Path, model: str = "ann") -> dict[tuple[str, int], float]:
    """Read the scalars by tag and step; each is there once."""
    found = read_scalars(store / "runs" / model / "r" / "tensorboard")
    by_step = {(tag, step): value for tag, step, value in found}
    assert len(by_step) == len(found)
    return by_step


def assert_same(store: Path, other: Path, model: str = "ann") -> None:
    np.testing.assert_allclose(history(store, model), history(other, model), atol=2e-4)
    pairs = list(zip(weights(store, model), weights(other, model), strict=True))
    assert len(pairs) > 4
    for left, right in pairs:
        np.testing.assert_allclose(left, right, atol=2e-3)
    found, expected = scalars(store, model), scalars(other, model)
    assert found.keys() == expected.keys()
    np.testing.assert_allclose(list(found.values()), list(expected.values()), rtol=1e-2, atol=2e-3)


@pytest.fixture(scope="module")
def alone(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Train by one process on one device."""
    store = tmp_path_factory.mktemp("alone")
    train(command(data, store))
    return store


@pytest.mark.parametrize("changes", [[], ["resources.micro_batch=7"]])
def test_two_devices_give_what_one_gives(data: Path, alone: Path, tmp_path: Path, changes: list[str]) -> None:
    done = train(command(data, tmp_path, "resources.replicas=2", *changes))
    assert "training on 2 devices" in done.stderr
    assert ("split into parts of 7" in done.stderr) == bool(changes)
    assert_same(tmp_path, alone)


def test_two_devices_train_an_lstm(data: Path, tmp_path: Path) -> None:
    for name, changes in (("one", []), ("two", ["resources.replicas=2"])):
        train(command(data, tmp_path / name, "training.epochs=1", *changes, model="lstm"))
    assert_same(tmp_path / "one", tmp_path / "two", "lstm")


def test_three_workers_give_what_one_gives_and_the_chief_alone_writes(data: Path, alone: Path, tmp_path: Path) -> None:
    (chief, output), *others = ended(start([command(data, tmp_path)] * 3))
    assert chief == 0, output
    assert "training on 3 devices of 3 workers, this is number 0" in output
    for index, (code, text) in enumerate(others, start=1):
        assert code == 0, text
        assert f"worker {index} of 3 has finished its part of ann/r" in text
    assert_same(tmp_path, alone)
    again = ended(start([command(data, tmp_path)] * 2))
    assert [code for code, _ in again] == [0, 0], again
    assert all("is complete: nothing to do" in text for _, text in again)


def test_a_good_end_is_quiet_in_the_logs_of_both_workers(data: Path, tmp_path: Path) -> None:
    """TensorFlow warns from the fifth new function on, and of a worker whose heartbeats end, after ten seconds."""
    arguments = command(data, tmp_path, epochs=8)
    chief = [sys.executable, "-c", LATE_EXPORT, *arguments[1:]]
    outcomes = ended(start([chief, arguments]))
    assert [code for code, _ in outcomes] == [0, 0], outcomes
    for _, output in outcomes:
        assert "epoch 8/8" in output
        for noise in ("retracing", "crashed", "E0000", "W0000", "WARNING"):
            assert noise not in output


def step_of(store: Path) -> int:
    path = store / "runs" / "ann" / "r" / "progress.json"
    return int(json.loads(path.read_text())["step"]) if path.exists() else 0


def wait_for_step(store: Path, step: int) -> None:
    """Wait until training has done this many steps."""
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        if step_of(store) >= step:
            return
        time.sleep(0.1)
    raise AssertionError(f"not {step} steps in 120 s")


def test_a_worker_that_dies_makes_the_other_exit_75_and_both_started_again_go_on(data: Path, tmp_path: Path) -> None:
    arguments = command(data, tmp_path / "killed", "resources.checkpoint_every=10 steps", epochs=40)
    workers = start([arguments] * 2)
    wait_for_step(tmp_path / "killed", 20)
    workers[1].kill()
    lost = time.monotonic()
    code, output = ended(workers)[0]
    assert time.monotonic() - lost < 60
    assert code == 75, output
    assert "lost another worker" in output
    workers = start([arguments] * 2)
    wait_for_step(tmp_path / "killed", step_of(tmp_path / "killed") + 20)
    workers[1].send_signal(signal.SIGTERM)
    (chief, output), (stopped, _) = ended(workers)
    assert (chief, stopped) == (75, 143), output
    assert "resuming from the checkpoint after step" in output
    assert "another worker must stop" in output
    (chief, output), (other, text) = ended(start([arguments] * 2))
    assert (chief, other) == (0, 0), output + text
    assert len(history(tmp_path / "killed")) == 40
    train(command(data, tmp_path / "undisturbed", epochs=40))
    np.testing.assert_allclose(history(tmp_path / "killed"), history(tmp_path / "undisturbed"), atol=0.05)
    assert scalars(tmp_path / "killed").keys() == scalars(tmp_path / "undisturbed").keys()


def test_workers_of_different_parameters(data: Path, tmp_path: Path) -> None:
    commands = [command(data, tmp_path, f"training.seed={seed}") for seed in range(2)]
    outcomes = ended(start(commands))
    assert [code for code, _ in outcomes] == [78, 78], outcomes
    for index, (_, output) in enumerate(outcomes):
        assert f"worker {1 - index} (127.0.0.1:" in output
        assert "trains another job: its parameters or data differ" in output


def test_peers_that_never_come(data: Path, tmp_path: Path) -> None:
    config = {"cluster": {"worker": [f"127.0.0.1:{port}" for port in ports(2)]}, "task": {"type": "worker", "index": 0}}
    done = subprocess.run(
        command(data, tmp_path, "resources.wait=3"),
        env={**os.environ, "TF_CONFIG": json.dumps(config)},
        check=False,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 75
    assert "1 of 2 workers did not join within 3 s" in done.stderr


def test_a_cluster_that_cannot_be(data: Path, tmp_path: Path) -> None:
    done = subprocess.run(
        command(data, tmp_path),
        env={**os.environ, "TF_CONFIG": "{worker"},
        check=False,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 78
    assert "TF_CONFIG" in done.stderr


def test_a_port_that_may_not_be_used(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> socket.socket:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("socket.create_server", refuse)
    with pytest.raises(BadParametersError, match=r"^this process may not use port 80: Permission denied$"):
        form_group(0, 0, Topology(("127.0.0.1:80", "127.0.0.1:81"), 0))
