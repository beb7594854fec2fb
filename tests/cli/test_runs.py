"""`emotion runs list` and `show`: every run is listed whatever its state."""

import json
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

from typer.testing import CliRunner

from emotion.cli import runs
from emotion.cli.app import app
from emotion.errors import BadDataError
from emotion.store.layout import Store
from emotion.store.lease import hold
from tests.cli.conftest import invoke_runs


def test_list_tells_every_state(store: Store) -> None:
    listed: dict[str, dict[str, Any]] = {run["run"]: run for run in json.loads(invoke_runs(store, "list", "--json"))}

    assert {name: run["state"] for name, run in listed.items()} == {
        "ann/done": "complete",
        "ann/going": "incomplete",
        "lstm/begun": "incomplete",
        "lstm/broken": "unreadable",
    }
    assert listed["ann/done"]["validation_accuracy"] == 0.8765
    assert listed["ann/done"]["sample"] is True
    assert listed["ann/done"]["finished_at"] == "2026-01-01T12:00:00+00:00"
    files = (store.folder / "runs" / "ann" / "done").rglob("*")
    assert listed["ann/done"]["bytes"] == sum(file.stat().st_size for file in files)
    assert listed["ann/going"]["progress"]["epoch"] == 3
    assert "not complete JSON" in listed["lstm/broken"]["why"]


def test_the_table_says_the_same(store: Store) -> None:
    text = " ".join(invoke_runs(store, "list").split())

    assert "0.8765" in text
    assert "epoch 3" in text


def test_a_killed_training_is_not_listed_as_training(store: Store) -> None:
    run = store.run("ann", "going")

    def why() -> str:
        (row,) = [row for row in json.loads(invoke_runs(store, "list", "--json")) if row["run"] == str(run)]
        return str(row["why"])

    assert why().startswith("training, epoch 3 of ")
    with hold(run.folder, 0, print):
        assert why().endswith(f", held by {socket.gethostname()}")
    script = (
        "import os, signal, sys\nfrom pathlib import Path\nfrom emotion.store.lease import hold\n"
        "with hold(Path(sys.argv[1]), 0, print): os.kill(os.getpid(), signal.SIGKILL)"
    )
    assert subprocess.run([sys.executable, "-c", script, run.folder], check=False).returncode == -signal.SIGKILL
    assert why().startswith("ended unexpectedly, epoch 3 of ")


def test_a_store_without_runs_has_an_empty_list(tmp_path: Path) -> None:
    assert json.loads(invoke_runs(Store(tmp_path / "none"), "list", "--json")) == []


def test_show_puts_the_files_together(store: Store) -> None:
    shown = json.loads(invoke_runs(store, "show", "done", "--json"))

    assert shown["params"]["params"]["training"]["epochs"] == 10
    assert shown["metrics"]["validation"]["accuracy"] == 0.8765
    assert shown["progress"] is None
    assert set(shown["files"]) == {"metrics.json", "params.json"}
    assert "params.training.epochs" in invoke_runs(store, "show", "ann/done")


def test_show_of_a_damaged_run_prints_the_rest_and_fails(store: Store) -> None:
    done = CliRunner().invoke(app, ["runs", "show", "broken", "--json", "--store", str(store.folder)])

    assert isinstance(done.exception, BadDataError)
    assert "metrics.json" in done.exception.message
    assert json.loads(done.stdout)["files"] == {"metrics.json": 10}


def test_files_that_go_while_they_are_listed(store: Store) -> None:
    """A training replaces and removes its files all the time."""
    folder = store.run("ann", "going").folder
    (folder / "link").symlink_to(folder / "nothing")
    (folder / "here").symlink_to(folder)
    stop = threading.Event()

    def write() -> None:
        while not stop.is_set():
            for number in range(50):
                (folder / f".{number}").mkdir()
                (folder / f".{number}" / "x").write_text("x")
            for number in range(50):
                (folder / f".{number}" / "x").unlink()
                (folder / f".{number}").rmdir()

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for _ in range(200):
            assert {"progress.json", "link", "here"} <= set(runs._files(folder))
    finally:
        stop.set()
        writer.join()
