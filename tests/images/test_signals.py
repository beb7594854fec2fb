"""Signals, as the engine and people send them: work is kept, and exit codes say how it ended."""

import itertools
import json
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.images.containers import TMP, Container, docker, run, tiny

Start = Callable[..., Container]
pytestmark = pytest.mark.images


def command(*changes: str) -> list[str]:
    return ["train", "ann", "--data", "/data/small", "--run", "r", *tiny(*changes)]


def test_docker_stop_in_training_keeps_a_checkpoint_and_the_same_command_goes_on(
    train_image: str, data: Path, store: Path, start: Start
) -> None:
    mounts = {"/store": store, "/data/small:ro": data}
    progress = store / "runs" / "ann" / "r" / "progress.json"
    arguments = command("training.epochs=150", "training.patience=1000")
    container = start(train_image, mounts, *arguments)
    container.until(lambda: progress.exists() and json.loads(progress.read_text())["step"] > 20)
    container.stop()
    assert container.wait() == 143
    assert not container.killed_for_memory
    assert list((progress.parent / "checkpoints").glob("*.json"))
    done = run(train_image, mounts, *arguments)
    assert done.returncode == 0, done.stderr
    assert "resuming from the checkpoint after step" in done.stderr
    assert json.loads((progress.parent / "metrics.json").read_text())["resumes"] == 1


def test_docker_stop_before_python_hears_signals(train_image: str, data: Path, store: Path, start: Start) -> None:
    mounts = {"/store": store, "/data/small:ro": data}
    container = start(train_image, mounts, *command("training.epochs=4000"), more=(*TMP, "--cpus", "0.02"))
    # The first process has begun the second, which takes seconds to hear anything.
    container.until(lambda: len(docker("top", container.name).splitlines()) > 2)
    asked = time.monotonic()
    container.stop()
    assert container.wait() == 143
    assert time.monotonic() - asked < 30
    assert not container.words()


@pytest.mark.parametrize("delay", [0.3, 1.0, 2.0, 3.0])
def test_docker_stop_while_it_starts(train_image: str, data: Path, store: Path, start: Start, delay: float) -> None:
    mounts = {"/store": store, "/data/small:ro": data}
    container = start(train_image, mounts, *command("training.epochs=4000"))
    time.sleep(delay)
    asked = time.monotonic()
    container.stop()
    assert container.wait() == 143
    assert time.monotonic() - asked < 30
    assert "Traceback" not in container.words()


def test_ctrl_c(train_image: str, data: Path, store: Path, start: Start) -> None:
    container = start(train_image, {"/store": store, "/data/small:ro": data}, *command("training.epochs=4000"))
    container.until(lambda: "epoch " in container.words())
    container.kill("INT")
    assert container.wait() == 130


def test_docker_stop_in_classifying_leaves_no_half_file(
    classify_image: str, model: Path, store: Path, start: Start
) -> None:
    words = itertools.cycle(["i feel so happy", "furious", "so scared today"])
    (store / "in.csv").write_text("text\n" + "".join(f"{next(words)}\n" for _ in range(2_000_000)))
    mounts = {"/store": store, "/model:ro": model}
    arguments = ["classify", "/store/in.csv", "/store/out.csv", "--model", "/model"]
    container = start(classify_image, mounts, *arguments)
    container.until(lambda: "rows" in container.words())
    container.stop()
    assert container.wait() == 143
    assert [path.name for path in store.iterdir() if path.name != "in.csv"] == []
