"""Trainings that are killed, stopped, doubled, damaged or out of space end like undisturbed ones, to the bit."""

import contextlib
import csv
import json
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from emotion.data.sample import generate
from emotion.evaluation.metrics_file import read_metrics
from emotion.store.layout import Run, Store
from tests.builders import write_dataset
from tests.disks import LIMIT, MEANS, remount, small
from tests.events import read_scalars
from tests.runs.jobs import wait_for

EPOCHS, STEPS_AN_EPOCH, INTERVAL = 8, 15, 7
STEPS = EPOCHS * STEPS_AN_EPOCH
SIZES = {"train": 16 * STEPS_AN_EPOCH, "validation": 60, "test": 60}
SMALL = {"ann": ["model.hidden=[8]"], "lstm": ["model.units=4", "model.hidden=[8]"]}
# The command on a machine with free memory: without, a killed run is assumed to have been killed for memory.
COMMAND = """
from pathlib import Path
from emotion import hardware
from emotion.cli.main import main

hardware.CGROUP = Path("/nowhere")
hardware._machine = lambda: (8 * 10**9, 16 * 10**9)
"""
EMOTION = [sys.executable, "-c", COMMAND + "main()"]
# The same, but progress.json is written at every step, so that a test can choose the step to kill after.
CLOSELY = [sys.executable, "-c", COMMAND + "from emotion.runs import recorder\nrecorder.PAUSE_SECONDS = 0.0\nmain()"]
HISTORY_TIMES = {"samples_per_second", "seconds", "seconds_left"}


@dataclass(frozen=True)
class Training:
    """A training of a model in a folder."""

    model: str
    data: Path
    folder: Path

    @property
    def run(self) -> Run:
        return Store(self.folder / "store").run(self.model, "r")

    @property
    def progress(self) -> dict[str, Any]:
        """The content of progress.json; empty if the file does not exist yet."""
        with contextlib.suppress(FileNotFoundError):
            return dict(json.loads(self.run.progress.read_text()))
        return {}

    @property
    def kept(self) -> list[int]:
        """The steps of all checkpoints, the newest last."""
        states = [json.loads(path.read_text())["position"] for path in sorted(self.run.checkpoints.glob("*.json"))]
        return [(state["epoch"] - 1) * STEPS_AN_EPOCH + state["batches"] for state in states]

    @property
    def results(self) -> dict[str, bytes]:
        """The files without times, by name."""
        paths = [*self.run.weights.iterdir(), *self.run.predictions.iterdir(), self.run.report]
        return {path.name: path.read_bytes() for path in paths}

    @property
    def history(self) -> list[dict[str, str]]:
        with self.run.history.open(newline="") as file:
            rows = csv.DictReader(file)
            return [{key: value for key, value in row.items() if key not in HISTORY_TIMES} for row in rows]

    def start(self, *changes: str, closely: bool = False) -> "subprocess.Popen[str]":
        small = [f"training.epochs={EPOCHS}", "training.batch_size=16", "model.embedding_dim=8", *SMALL[self.model]]
        command = CLOSELY if closely else EMOTION
        command = [*command, "train", self.model, "--data", str(self.data), "--run", "r"]
        command += ["--store", str(self.folder / "store"), "--deterministic", "--checkpoint-every", f"{INTERVAL} steps"]
        command += [part for change in (*small, *changes) for part in ("--set", change)]
        return subprocess.Popen(
            [*command, "--log-format", "json"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    def train(self, *changes: str) -> "Ended":
        return ended(self.start(*changes))

    def copy(self, folder: Path) -> "Training":
        """Copy all files."""
        shutil.copytree(self.folder, folder)
        return replace(self, folder=folder)


@dataclass(frozen=True)
class Ended:
    """A process's exit code and its stderr."""

    code: int
    stderr: str

    def messages(self, event: str) -> list[str]:
        lines = [json.loads(line) for line in self.stderr.splitlines() if line.startswith("{")]
        return [line["message"] for line in lines if line["event"] == event]


def ended(process: "subprocess.Popen[str]") -> Ended:
    _, stderr = process.communicate(timeout=200)
    assert "Traceback" not in stderr
    return Ended(process.returncode, stderr)


def stopped(training: Training, number: signal.Signals, step: int) -> Ended:
    """Train until `step` and a little more, then send a signal."""
    process = training.start(closely=True)
    wait_for(lambda: training.progress.get("step", 0) >= step, process)
    process.send_signal(number)
    return ended(process)


def damage(path: Path) -> None:
    """Flip one bit in the middle of a file."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    train, validation, test = (rows[: SIZES[name]] for name, rows in generate().items())
    return write_dataset(tmp_path_factory.mktemp("data") / "data", train=train, validation=validation, test=test)


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory, data: Path) -> Iterator[Future[dict[str, Training]]]:
    """Start undisturbed trainings of all models, while other fixtures work."""
    trainings = {model: Training(model, data, tmp_path_factory.mktemp(model)) for model in SMALL}

    def train() -> dict[str, Training]:
        assert [training.train().code for training in trainings.values()] == [0, 0]
        return trainings

    with ThreadPoolExecutor(1) as pool:
        yield pool.submit(train)


@pytest.fixture(scope="module")
def undisturbed(started: Future[dict[str, Training]]) -> dict[str, Training]:
    return started.result()


@dataclass(frozen=True)
class Disturbed:
    """A training that was stopped twice and killed: the ends of its processes, and the steps that were kept."""

    training: Training
    ends: list[Ended]
    kept: list[int]
    reached: list[int]
    states: list[str]


@pytest.fixture(scope="module")
def disturbed(
    tmp_path_factory: pytest.TempPathFactory,
    started: Future[dict[str, Training]],  # noqa: ARG001  goes on meanwhile
    data: Path,
) -> Disturbed:
    """Train an ANN, and stop it by SIGTERM, then by Ctrl-C, then by kill -9."""
    training = Training("ann", data, tmp_path_factory.mktemp("disturbed"))
    ends, kept, reached, states = [], [], [], []
    for number, step in ((signal.SIGTERM, 17), (signal.SIGINT, 33), (signal.SIGKILL, 59)):
        ends.append(stopped(training, number, step))
        kept.append(training.kept[-1])
        reached.append(training.progress["step"])
        states.append(training.progress["state"])
    return Disturbed(training, ends, kept, reached, states)


@pytest.fixture(scope="module")
def continued(tmp_path_factory: pytest.TempPathFactory, disturbed: Disturbed) -> dict[str, tuple[Training, Ended]]:
    """Resume after kill -9 with intact checkpoints, with the newest damaged and with all damaged; two at once."""
    folder = tmp_path_factory.mktemp("continued")
    copies = {name: disturbed.training.copy(folder / name) for name in ("good", "newest", "all")}
    *_, newest = sorted(copies["newest"].run.checkpoints.glob("*.npz"))
    damage(newest)
    for path in copies["all"].run.checkpoints.glob("*.npz"):
        damage(path)
    with ThreadPoolExecutor(2) as pool:
        ends = list(pool.map(Training.train, copies.values()))
    return {name: (copies[name], end) for name, end in zip(copies, ends, strict=True)}


def assert_as_undisturbed(training: Training, undisturbed: Training) -> None:
    """Check for the same bits, every epoch and every scalar once, and no file left over."""
    assert training.results == undisturbed.results
    assert training.history == undisturbed.history
    assert read_scalars(training.run.tensorboard) == read_scalars(undisturbed.run.tensorboard)
    assert [row["epoch"] for row in training.history] == [str(number + 1) for number in range(EPOCHS)]
    assert sorted(path.name for path in training.run.folder.iterdir()) == sorted(
        path.name for path in undisturbed.run.folder.iterdir()
    )


def test_a_signal_is_obeyed_with_a_checkpoint_of_the_last_step(disturbed: Disturbed) -> None:
    terminated, interrupted, killed = disturbed.ends
    assert (terminated.code, interrupted.code, killed.code) == (143, 130, -signal.SIGKILL)
    assert disturbed.kept[:2] == disturbed.reached[:2]
    assert disturbed.states == ["stopped", "stopped", "training"]
    assert not disturbed.training.run.complete
    assert not [path for path in disturbed.training.folder.rglob(".*") if path.is_file()]


def test_what_was_stopped_goes_on_where_it_was_and_loses_nothing(disturbed: Disturbed) -> None:
    lines = [end.messages("resume") for end in disturbed.ends]
    first, second = disturbed.kept[:2]
    assert lines[0] == []
    for line, step in zip((lines[1][0], lines[2][0]), (first, second), strict=True):
        assert f"resuming from the checkpoint after step {step} of {STEPS}" in line
        assert "no steps were lost" in line


def test_what_was_killed_loses_the_steps_since_its_last_checkpoint(
    disturbed: Disturbed, continued: dict[str, tuple[Training, Ended]], undisturbed: dict[str, Training]
) -> None:
    kept, reached = disturbed.kept[-1], disturbed.reached[-1]
    training, end = continued["good"]
    assert reached - kept < INTERVAL
    lost = f"{reached - kept} later steps were lost" if reached > kept else "no steps were lost"
    assert end.code == 0
    assert end.messages("resume") == [
        f"resuming from the checkpoint after step {kept} of {STEPS}"
        f" (epoch {kept // STEPS_AN_EPOCH + 1} of {EPOCHS}); {lost}"
    ]
    assert training.progress["lost_steps"] == reached - kept
    assert_as_undisturbed(training, undisturbed["ann"])
    metrics = read_metrics(training.run.metrics)
    assert (metrics.resumes, metrics.epochs) == (3, EPOCHS)


def test_progress_json_tells_how_far_training_has_come(disturbed: Disturbed) -> None:
    progress = disturbed.training.progress
    assert (progress["state"], progress["steps"], progress["epochs"]) == ("training", STEPS, EPOCHS)
    assert progress["step"] == disturbed.reached[-1]
    assert progress["epoch"] == progress["step"] // STEPS_AN_EPOCH + 1
    assert progress["checkpoint_step"] == disturbed.kept[-1]
    # Beside the checkpoints that were due, the first two processes wrote one at their end.
    assert progress["checkpoints"] >= disturbed.kept[-1] // INTERVAL
    assert (progress["resumes"], progress["lost_steps"]) == (2, 0)
    assert 0 < progress["loss"] < 3
    assert progress["samples_per_second"] > 0
    assert progress["seconds_left"] > 0


def test_a_damaged_checkpoint_is_passed_over_for_the_one_before(
    disturbed: Disturbed, continued: dict[str, tuple[Training, Ended]], undisturbed: dict[str, Training]
) -> None:
    training, end = continued["newest"]
    (warning,) = [line for line in end.messages("warning") if "checkpoint" in line]
    assert "is damaged and is skipped" in warning
    (resumed,) = end.messages("resume")
    assert f"after step {disturbed.training.kept[-2]} of" in resumed
    assert_as_undisturbed(training, undisturbed["ann"])


def test_without_a_good_checkpoint_training_starts_again(
    continued: dict[str, tuple[Training, Ended]], undisturbed: dict[str, Training]
) -> None:
    training, end = continued["all"]
    assert len([line for line in end.messages("warning") if "is damaged and is skipped" in line]) == 2
    assert end.messages("resume") == []
    assert_as_undisturbed(training, undisturbed["ann"])


def test_a_run_of_other_parameters_or_data_is_refused(disturbed: Disturbed, tmp_path: Path) -> None:
    training = disturbed.training.copy(tmp_path / "copy")
    end = training.train("training.learning_rate=0.5")
    assert end.code == 78
    assert "params.training.learning_rate: 0.008 there, 0.5 here" in end.stderr
    rows = {name: rows[: SIZES[name] - 1] for name, rows in generate().items()}
    other = write_dataset(tmp_path / "other", train=rows["train"], validation=rows["validation"], test=rows["test"])
    end = replace(training, data=other).train()
    assert end.code == 78
    assert all(f"data.digests.{name}: " in end.stderr for name in SIZES)
    # Checkpoints have their own copy of the parameters.
    training.run.params.unlink()
    end = training.train("training.learning_rate=0.5")
    assert end.code == 78
    assert "belongs to another training" in end.stderr
    assert "params.training.learning_rate: 0.008 there, 0.5 here" in end.stderr
    assert training.kept == disturbed.training.kept


def test_the_second_process_on_a_run_waits_and_takes_over_from_a_killed_one(
    tmp_path: Path, data: Path, undisturbed: dict[str, Training]
) -> None:
    training = Training("lstm", data, tmp_path)
    first = training.start(closely=True)
    wait_for(lambda: any(training.run.folder.glob("lease-*.json")), first)
    first.send_signal(signal.SIGSTOP)
    impatient = training.train("resources.wait=3")
    assert impatient.code == 75
    assert f"is held by process {first.pid} on " in impatient.stderr
    first.send_signal(signal.SIGCONT)
    second = training.start()
    assert second.stderr is not None
    lines = []
    while f"process {first.pid}" not in (line := second.stderr.readline()):
        lines.append(line)
        assert line
    assert json.loads(line)["event"] == "wait"
    wait_for(lambda: training.progress.get("step", 0) >= 40, first)
    assert second.poll() is None
    first.kill()
    assert ended(first).code == -signal.SIGKILL
    began = time.monotonic()
    wait_for(lambda: not (training.run.folder / "lease-00000001.json").exists(), second)
    assert time.monotonic() - began < 10
    end = ended(second)
    assert end.code == 0
    assert re.search(r"resuming from the checkpoint after step (3[5-9]|[4-9]\d|1\d\d) of", end.stderr)
    assert_as_undisturbed(training, undisturbed["lstm"])
    before = training.run.metrics.stat().st_mtime_ns
    third = training.train()
    assert (third.code, training.run.metrics.stat().st_mtime_ns) == (0, before)
    assert "is complete: nothing to do" in third.messages("complete")[0]


def test_what_a_process_left_that_was_killed_as_it_ended_is_removed_by_the_next(
    disturbed: Disturbed, undisturbed: dict[str, Training], tmp_path: Path
) -> None:
    training = undisturbed["ann"].copy(tmp_path / "copy")
    shutil.copytree(disturbed.training.run.checkpoints, training.run.checkpoints)
    for lease in disturbed.training.run.folder.glob("lease-*.json"):
        shutil.copy2(lease, training.run.folder)
    before = training.run.metrics.read_bytes()
    end = training.train()
    assert (end.code, training.run.metrics.read_bytes()) == (0, before)
    assert "is complete" in end.messages("complete")[0]
    assert_as_undisturbed(training, undisturbed["ann"])


@pytest.fixture(params=MEANS)
def disk(
    tmp_path: Path, disturbed: Disturbed, request: pytest.FixtureRequest
) -> Iterator[tuple[Path, Callable[[], None]]]:
    """Give a folder with space for 2.5 checkpoints, or for files of 64 KiB, and a function that adds space."""
    folder = tmp_path / "disk"
    two = sum(path.stat().st_size for path in disturbed.training.run.checkpoints.iterdir())
    with contextlib.ExitStack() as stack:
        mounts = request.param == "mounted"
        stack.enter_context(small(folder, two * 5 // 4 if mounts else LIMIT, request.param))
        yield folder, (lambda: remount(folder, "size=64m")) if mounts else stack.close


def test_a_full_store_ends_a_run_that_goes_on_once_there_is_room(
    disk: tuple[Path, Callable[[], None]], data: Path, undisturbed: dict[str, Training]
) -> None:
    folder, make_room = disk
    training = Training("ann", data, folder)
    full = training.train()
    assert full.code == 73
    assert f"cannot write {training.run.checkpoints}" in full.stderr.replace("\n", " ")
    assert [path for path in training.run.folder.rglob(".*") if path.is_file()] == []
    kept, mounted = training.kept, folder.is_mount()
    make_room()
    end = training.train()
    assert end.code == 0
    assert bool(end.messages("resume")) == bool(kept)
    # Without a disk of its own, the limit on files is smaller than any checkpoint: nothing is kept.
    assert bool(kept) == mounted
    assert_as_undisturbed(training, undisturbed["ann"])
