"""`emotion runs`: every run is listed whatever its state, and nothing outside the store is removed."""

import errno
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from emotion.cli import console, removal, runs
from emotion.cli.app import app
from emotion.errors import BadDataError, CannotWriteError, InputMissingError, TryAgainError, UsageError
from emotion.store import lease
from emotion.store.atomic import write_json
from emotion.store.layout import Run, Store
from tests.builders import make_metrics, write_run


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """A complete run, one in its third epoch, one that has just begun, and a damaged one."""
    store = Store(tmp_path / "store")
    run = write_run(store, make_metrics("ann", "done", data__sample=True, validation__accuracy=0.8765))
    write_json(run.params, {"seed": 1, "params": {"training": {"epochs": 10}}})
    write_json(store.run("ann", "going").progress, {"state": "training", "epochs": 10, "epoch": 3})
    write_json(store.run("lstm", "begun").params, {"seed": 2})
    broken = store.run("lstm", "broken")
    broken.folder.mkdir(parents=True)
    broken.metrics.write_text('{"model": ')
    return store


def invoke(store: Store, *args: str, answer: str | None = None) -> str:
    arguments = ["runs", *args, "--store", str(store.folder)]
    done = CliRunner().invoke(app, arguments, input=answer, catch_exceptions=False)
    assert done.exit_code == 0, done.stderr
    return done.stdout


def names(store: Store) -> list[str]:
    return [str(run) for run in store.runs()]


def nobody(line: str) -> None:
    pytest.fail(f"nobody is to be waited for: {line}")


@contextmanager
def training(run: Run) -> Iterator[subprocess.Popen[str]]:
    """Hold a run in another process."""
    script = (
        "import sys, time, pathlib\n"
        "from emotion.store.lease import hold\n"
        "with hold(pathlib.Path(sys.argv[1]), 0, print):\n"
        "    print('held', flush=True)\n"
        "    time.sleep(60)\n"
    )
    command = [sys.executable, "-c", script, str(run.folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        try:
            yield process
        finally:
            process.kill()


def held_elsewhere(run: Run) -> Path:
    """Leave the lease of another machine's process, by which nobody can tell whether it lives."""
    with lease.hold(run.folder, 0, nobody) as held:
        record = held.holder.model_dump(mode="json")
        held.remove()
    held.path.write_text(json.dumps({**record, "host": "elsewhere"}))
    return held.path


def test_list_tells_every_state(store: Store) -> None:
    listed: dict[str, dict[str, Any]] = {one["run"]: one for one in json.loads(invoke(store, "list", "--json"))}

    assert {name: one["state"] for name, one in listed.items()} == {
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
    assert "not whole JSON" in listed["lstm/broken"]["why"]


def test_the_table_says_the_same(store: Store) -> None:
    text = " ".join(invoke(store, "list").split())

    assert "0.8765" in text
    assert "epoch 3" in text


def test_a_store_without_runs_has_an_empty_list(tmp_path: Path) -> None:
    assert json.loads(invoke(Store(tmp_path / "none"), "list", "--json")) == []


def test_show_puts_the_files_together(store: Store) -> None:
    shown = json.loads(invoke(store, "show", "done", "--json"))

    assert shown["params"]["params"]["training"]["epochs"] == 10
    assert shown["metrics"]["validation"]["accuracy"] == 0.8765
    assert shown["progress"] is None
    assert set(shown["files"]) == {"metrics.json", "params.json"}
    assert "params.training.epochs" in invoke(store, "show", "ann/done")


def test_show_of_a_damaged_run_prints_the_rest_and_fails(store: Store) -> None:
    done = CliRunner().invoke(app, ["runs", "show", "broken", "--json", "--store", str(store.folder)])

    assert isinstance(done.exception, BadDataError)
    assert "metrics.json" in done.exception.message
    assert json.loads(done.stdout)["files"] == {"metrics.json": 10}


def test_rm_removes_the_named_runs_whole(store: Store) -> None:
    removed = json.loads(invoke(store, "rm", "ann/done", "broken", "--yes", "--json"))

    assert removed == {"removed": ["ann/done", "lstm/broken"]}
    assert names(store) == ["ann/going", "lstm/begun"]
    assert sorted(path.name for path in (store.folder / "runs" / "ann").iterdir()) == ["going"]


def test_rm_incomplete_keeps_complete_and_damaged_runs(store: Store) -> None:
    invoke(store, "rm", "--incomplete", "--yes")

    assert names(store) == ["ann/done", "lstm/broken"]


def test_rm_without_a_terminal_needs_yes(store: Store) -> None:
    with pytest.raises(UsageError) as caught:
        invoke(store, "rm", "done")

    assert "--yes" in caught.value.hint
    assert "ann/done" in names(store)


@pytest.mark.parametrize(("answer", "left"), [("n\n", True), ("y\n", False)])
def test_rm_asks_on_a_terminal(store: Store, monkeypatch: pytest.MonkeyPatch, answer: str, left: bool) -> None:
    monkeypatch.setattr(console, "interactive", lambda: True)

    invoke(store, "rm", "done", answer=answer)

    assert ("ann/done" in names(store)) is left


def test_rm_of_one_unknown_run_removes_none(store: Store) -> None:
    with pytest.raises(InputMissingError, match="absent"):
        invoke(store, "rm", "done", "absent", "--yes")

    assert "ann/done" in names(store)


@pytest.mark.parametrize("name", ["../../outside", "ann/../../outside", "..", "ann/.."])
def test_rm_stays_inside_the_store(store: Store, tmp_path: Path, name: str) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()

    with pytest.raises(InputMissingError):
        invoke(store, "rm", name, "--yes")

    assert outside.is_dir()
    assert len(names(store)) == 4


@pytest.mark.parametrize("link", ["runs/ann/linked", "runs/linked"])
def test_rm_follows_no_link_out_of_the_store(store: Store, tmp_path: Path, link: str) -> None:
    kept = tmp_path / "elsewhere" / "linked" / "precious.txt"
    kept.parent.mkdir(parents=True)
    kept.write_text("precious")
    target = kept.parent if link.count("/") > 1 else kept.parent.parent
    (store.folder / link).symlink_to(target)

    with pytest.raises(UsageError, match="symbolic link"):
        invoke(store, "rm", "linked", "--yes")

    assert kept.read_text() == "precious"


def test_rm_needs_a_name(store: Store) -> None:
    with pytest.raises(UsageError, match="no run is named"):
        invoke(store, "rm", "--yes")


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


def test_rm_refuses_a_run_in_training(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(removal, "SECONDS", 0.5)
    going = store.run("ann", "going")
    with training(going) as process:
        with pytest.raises(TryAgainError) as caught:
            invoke(store, "rm", "going", "--yes")
        assert "ann/going" in names(store)
        assert process.poll() is None

        assert json.loads(invoke(store, "rm", "going", "--force", "--yes", "--json")) == {"removed": ["ann/going"]}

    assert caught.value.exit_code == 75
    assert f"process {process.pid} on " in caught.value.message
    assert "stop" in caught.value.hint
    assert not going.folder.exists()


def test_rm_incomplete_passes_over_a_run_in_training(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(removal, "SECONDS", 0.5)
    with training(store.run("ann", "going")) as process:
        arguments = ["runs", "rm", "--incomplete", "--yes", "--json", "--store", str(store.folder)]
        done = CliRunner().invoke(app, arguments, catch_exceptions=False)

    assert done.exit_code == 0
    assert json.loads(done.stdout) == {"removed": ["lstm/begun"]}
    assert "warning:" in done.stderr
    assert f"process {process.pid} on " in done.stderr
    assert names(store) == ["ann/done", "ann/going", "lstm/broken"]


def test_rm_incomplete_keeps_what_was_completed_while_it_waited(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lease, "EXPIRY", 0.5)
    going = store.run("ann", "going")
    held_elsewhere(going)
    monkeypatch.setattr(console, "say", lambda _: going.metrics.write_text("{}"))

    invoke(store, "rm", "--incomplete", "--yes")

    assert names(store) == ["ann/done", "ann/going", "lstm/broken"]


@pytest.mark.parametrize("how", ["killed", "ended"])
def test_rm_of_a_run_that_was_left_takes_no_time(store: Store, how: str) -> None:
    going = store.run("ann", "going")
    if how == "killed":
        with training(going):
            pass
    else:
        with lease.hold(going.folder, 0, nobody):
            pass
    began = time.monotonic()

    invoke(store, "rm", "going", "--yes")

    assert time.monotonic() - began < 4
    assert list((store.folder / "runs" / "ann").iterdir()) == [store.run("ann", "done").folder]


def test_rm_watches_the_lease_of_another_machine(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lease, "EXPIRY", 1.0)
    monkeypatch.setattr(removal, "SECONDS", 2.0)
    held_elsewhere(store.run("ann", "going"))

    arguments = ["runs", "rm", "going", "--yes", "--store", str(store.folder)]
    done = CliRunner().invoke(app, arguments, catch_exceptions=False)

    assert done.exit_code == 0
    assert "on elsewhere since" in done.stderr
    assert "waiting for up to 3 s" in done.stderr
    assert "ann/going" not in names(store)


def test_rm_refuses_a_run_that_beats_on_another_machine(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lease, "EXPIRY", 1.0)
    monkeypatch.setattr(removal, "SECONDS", 1.0)
    path = held_elsewhere(store.run("ann", "going"))
    sleep = time.sleep

    def beat(seconds: float) -> None:
        sleep(seconds)
        os.utime(path)

    monkeypatch.setattr(time, "sleep", beat)
    with pytest.raises(TryAgainError, match="elsewhere"):
        invoke(store, "rm", "going", "--yes")

    assert "ann/going" in names(store)


def test_rm_of_a_complete_run_asks_for_no_lease(store: Store) -> None:
    with training(store.run("ann", "done")):
        invoke(store, "rm", "done", "--yes")

    assert "ann/done" not in names(store)


def test_rm_on_a_full_disk_says_how(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(CannotWriteError) as caught:
        invoke(store, "rm", "going", "--yes")
    assert "--force" in caught.value.hint

    invoke(store, "rm", "going", "--yes", "--force")
    assert "ann/going" not in names(store)
