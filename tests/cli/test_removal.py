"""`emotion runs rm`: no run in training and nothing outside the store is removed."""

import errno
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from typer.testing import CliRunner

from emotion.cli import console, removal
from emotion.cli.app import app
from emotion.errors import CannotWriteError, InputMissingError, TryAgainError, UsageError
from emotion.store import lease
from emotion.store.layout import Run, Store
from tests.cli.conftest import invoke_runs


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


def test_rm_removes_the_named_runs_whole(store: Store) -> None:
    removed = json.loads(invoke_runs(store, "rm", "ann/done", "broken", "--yes", "--json"))

    assert removed == {"removed": ["ann/done", "lstm/broken"]}
    assert names(store) == ["ann/going", "lstm/begun"]
    assert sorted(path.name for path in (store.folder / "runs" / "ann").iterdir()) == ["going"]


def test_rm_incomplete_keeps_complete_and_damaged_runs(store: Store) -> None:
    invoke_runs(store, "rm", "--incomplete", "--yes")

    assert names(store) == ["ann/done", "lstm/broken"]


def test_rm_without_a_terminal_needs_yes(store: Store) -> None:
    with pytest.raises(UsageError) as caught:
        invoke_runs(store, "rm", "done")

    assert "--yes" in caught.value.hint
    assert "ann/done" in names(store)


@pytest.mark.parametrize(("answer", "left"), [("n\n", True), ("y\n", False)])
def test_rm_asks_on_a_terminal(store: Store, monkeypatch: pytest.MonkeyPatch, answer: str, left: bool) -> None:
    monkeypatch.setattr(console, "interactive", lambda: True)

    invoke_runs(store, "rm", "done", answer=answer)

    assert ("ann/done" in names(store)) is left


def test_rm_of_one_unknown_run_removes_none(store: Store) -> None:
    with pytest.raises(InputMissingError, match="absent"):
        invoke_runs(store, "rm", "done", "absent", "--yes")

    assert "ann/done" in names(store)


@pytest.mark.parametrize("name", ["../../outside", "ann/../../outside", "..", "ann/.."])
def test_rm_stays_inside_the_store(store: Store, tmp_path: Path, name: str) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()

    with pytest.raises(InputMissingError):
        invoke_runs(store, "rm", name, "--yes")

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
        invoke_runs(store, "rm", "linked", "--yes")

    assert kept.read_text() == "precious"


def test_rm_needs_a_name(store: Store) -> None:
    with pytest.raises(UsageError, match="no run is named"):
        invoke_runs(store, "rm", "--yes")


def test_rm_refuses_a_run_in_training(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(removal, "WAIT_SECONDS", 0.5)
    going = store.run("ann", "going")
    with training(going) as process:
        with pytest.raises(TryAgainError) as caught:
            invoke_runs(store, "rm", "going", "--yes")
        assert "ann/going" in names(store)
        assert process.poll() is None

        assert json.loads(invoke_runs(store, "rm", "going", "--force", "--yes", "--json")) == {"removed": ["ann/going"]}

    assert caught.value.exit_code == 75
    assert f"process {process.pid} on " in caught.value.message
    assert "stop" in caught.value.hint
    assert not going.folder.exists()


def test_rm_incomplete_passes_over_a_run_in_training(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(removal, "WAIT_SECONDS", 0.5)
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

    invoke_runs(store, "rm", "--incomplete", "--yes")

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

    invoke_runs(store, "rm", "going", "--yes")

    assert time.monotonic() - began < 4
    assert list((store.folder / "runs" / "ann").iterdir()) == [store.run("ann", "done").folder]


def test_rm_watches_the_lease_of_another_machine(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lease, "EXPIRY", 1.0)
    monkeypatch.setattr(removal, "WAIT_SECONDS", 2.0)
    held_elsewhere(store.run("ann", "going"))

    arguments = ["runs", "rm", "going", "--yes", "--store", str(store.folder)]
    done = CliRunner().invoke(app, arguments, catch_exceptions=False)

    assert done.exit_code == 0
    assert "on elsewhere since" in done.stderr
    assert "waiting for up to 3 s" in done.stderr
    assert "ann/going" not in names(store)


def test_rm_refuses_a_run_that_beats_on_another_machine(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lease, "EXPIRY", 1.0)
    monkeypatch.setattr(removal, "WAIT_SECONDS", 1.0)
    path = held_elsewhere(store.run("ann", "going"))
    sleep = time.sleep

    def beat(seconds: float) -> None:
        sleep(seconds)
        os.utime(path)

    monkeypatch.setattr(time, "sleep", beat)
    with pytest.raises(TryAgainError, match="elsewhere"):
        invoke_runs(store, "rm", "going", "--yes")

    assert "ann/going" in names(store)


def test_rm_of_a_complete_run_asks_for_no_lease(store: Store) -> None:
    with training(store.run("ann", "done")):
        invoke_runs(store, "rm", "done", "--yes")

    assert "ann/done" not in names(store)


def test_rm_on_a_full_disk_says_how(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(CannotWriteError) as caught:
        invoke_runs(store, "rm", "going", "--yes")
    assert "--force" in caught.value.hint

    invoke_runs(store, "rm", "going", "--yes", "--force")
    assert "ann/going" not in names(store)
