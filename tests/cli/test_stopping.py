"""A training that a signal stops: what the command says, what progress.json and `runs list` say, and how it resumes."""

import json
import os
import pty
import re
import shlex
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.builders import write_dataset

EMOTION = str(Path(sys.executable).with_name("emotion"))
STOPS = [(signal.SIGTERM, "SIGTERM", 143), (signal.SIGINT, "Ctrl-C", 130)]
ENDLESS = ("--set", "training.epochs=9999", "--set", "model.embedding_dim=4", "--set", "model.hidden=[4]")
ROWS = [(f"i feel {word} today", label) for word, label in (("happy", "joy"), ("mad", "anger")) for _ in range(40)]


class Training:
    """A training without end in a folder, in a process of its own."""

    def __init__(self, folder: Path, *options: str, model: str = "ann", **variables: str) -> None:
        self.store = folder / "my store"
        self.data = write_dataset(folder / "data", train=ROWS, validation=ROWS[::4], test=ROWS[::4])
        self.arguments = ["train", model, "--data", str(self.data), "--store", str(self.store), "--run", "r", *options]
        self.process = self.start([EMOTION, *self.arguments], variables)
        self.printed: list[str] = []

    @staticmethod
    def start(command: list[str], variables: dict[str, str]) -> "subprocess.Popen[str]":
        return subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env={**os.environ, **variables})

    def wait_for(self, word: str) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.printed.append(line)
            if word in line:
                return
        pytest.fail("".join(self.printed))

    def stop(self, number: int) -> tuple[int, list[str]]:
        """Send a signal; give the exit code, and the lines that were printed from then on."""
        self.process.send_signal(number)
        errors = self.process.communicate(timeout=100)[1]
        assert "Traceback" not in errors
        return self.process.returncode, errors.splitlines()

    @property
    def progress(self) -> dict[str, Any]:
        content: dict[str, Any] = json.loads((self.store / "runs" / "ann" / "r" / "progress.json").read_text())
        return content

    def listed(self) -> str:
        command = [EMOTION, "runs", "list", "--store", str(self.store)]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout


@pytest.mark.parametrize(("number", "name", "code"), STOPS)
def test_the_command_names_the_step_of_its_checkpoint_and_the_command_that_resumes(
    tmp_path: Path, number: int, name: str, code: int
) -> None:
    training = Training(tmp_path, *ENDLESS)
    training.wait_for("epoch    2/")
    found, printed = training.stop(number)
    assert found == code
    *_, said, hint = printed
    stop = re.fullmatch(rf"stopped by {name} at step ([\d,]+) of ([\d,]+); the checkpoint has all \1 steps", said)
    assert stop is not None, said
    step = int(stop[1].replace(",", ""))
    progress = training.progress
    assert (progress["state"], progress["step"], progress["checkpoint_step"]) == ("stopped", step, step)
    assert f"incomplete: stopped, epoch {progress['epoch']} of 9999, step {step} of" in training.listed()
    assert hint == f"  resume: {shlex.join(['emotion', *training.arguments])}"
    training.process = training.start(
        [EMOTION, *shlex.split(hint.removeprefix("  resume: emotion"))], {"EMOTION_LOG_FORMAT": "json"}
    )
    training.wait_for(f"resuming from the checkpoint after step {stop[1]} of")
    training.wait_for('"event": "epoch"')
    assert training.progress["state"] == "training"
    assert "incomplete: training, epoch" in training.listed()
    found, printed = training.stop(number)
    assert found == code
    event = json.loads(printed[-1])
    assert event["event"] == "stopped"
    assert event["message"].endswith(f" steps; resume: {shlex.join(['emotion', *training.arguments])}")


def test_a_stop_before_training_resumes_keeps_the_earlier_checkpoint(tmp_path: Path) -> None:
    training = Training(tmp_path, *ENDLESS)
    training.wait_for("epoch    1/")
    training.stop(signal.SIGTERM)
    step = training.progress["step"]
    training.process = training.start([EMOTION, *training.arguments], {})
    training.wait_for("training ann/r")
    _, printed = training.stop(signal.SIGTERM)
    assert printed[-2] == "stopped by SIGTERM before training resumed; the earlier checkpoint is kept"
    assert printed[-1].startswith("  resume: emotion train ann ")
    assert (training.progress["state"], training.progress["checkpoint_step"]) == ("stopped", step)


def test_a_pod_says_what_its_job_does_next_and_names_no_command_of_its_own(tmp_path: Path) -> None:
    training = Training(tmp_path, *ENDLESS, EMOTION_JOB_NAMESPACE="ours", EMOTION_LOG_FORMAT="json")
    training.wait_for('"event": "epoch"')
    code, printed = training.stop(signal.SIGTERM)
    message = json.loads(printed[-1])["message"]
    assert code == 143
    assert message.endswith(
        "; the Job's next pod takes over; if the Job was deleted, submit it again with the same options"
    )
    assert "emotion train" not in message


@pytest.mark.parametrize(("number", "name", "code"), STOPS)
def test_a_model_without_checkpoints_starts_again(tmp_path: Path, number: int, name: str, code: int) -> None:
    many = ", ".join(f"{1 + number / 10_000}" for number in range(5000))
    training = Training(tmp_path, "--set", f"training.svm_c=[{many}]", model="linear")
    training.wait_for("on validation")
    found, printed = training.stop(number)
    assert found == code
    assert printed[-2] == f"stopped by {name} before the first step; there is no checkpoint, so training starts again"
    assert printed[-1] == f"  start again: {shlex.join(['emotion', *training.arguments])}"


def test_a_bar_on_a_terminal_is_gone_before_the_message(tmp_path: Path) -> None:
    """Otherwise the terminal keeps a bar without meaning, and a hidden cursor."""
    data = write_dataset(tmp_path / "data", train=ROWS, validation=ROWS[::4], test=ROWS[::4])
    command = [EMOTION, "train", "ann", "--data", str(data), "--store", str(tmp_path / "store"), *ENDLESS]
    here, there = pty.openpty()
    process = subprocess.Popen(command, stderr=there, env={**os.environ, "TERM": "xterm"})
    os.close(there)
    shown = b""
    while b"epoch    2/" not in shown:
        shown += os.read(here, 10_000)
    process.send_signal(signal.SIGINT)
    while True:
        try:
            shown += os.read(here, 10_000)
        except OSError:  # the other end is closed
            break
    os.close(here)
    assert process.wait(60) == 130
    assert shown.rindex(b"\x1b[?25h") > shown.rindex(b"\x1b[?25l")
    assert shown.rindex(b"stopped by Ctrl-C at step") > shown.rindex(b"\x1b[?25h")
