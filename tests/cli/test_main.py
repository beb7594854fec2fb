"""The process: how mistakes and signals become exit codes."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from emotion.signals import NAMES
from tests.builders import write_dataset

EMOTION = str(Path(sys.executable).with_name("emotion"))
STOPS = [(signal.SIGINT, 130), (signal.SIGTERM, 143)]


def test_an_unknown_command() -> None:
    done = subprocess.run([EMOTION, "nonsense"], check=False, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (2, "")
    assert "nonsense" in done.stderr


def test_a_package_that_is_not_installed_is_named() -> None:
    code = (
        "import sys\nsys.modules['pandas'] = None\n"
        "from emotion.cli.main import main\nsys.argv = ['emotion', 'data', 'check', 'x']\nmain()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 69
    assert "pandas" in done.stderr
    assert "emotion[train]" in done.stderr
    assert "Traceback" not in done.stderr


class Training:
    """A training in the background, whose words can be waited for."""

    def __init__(self, folder: Path, data: Path) -> None:
        self.store = folder / "store"
        changes = ("model.embedding_dim=4", "model.hidden=[4]", "training.epochs=60")
        sets = [part for change in changes for part in ("--set", change)]
        self.command = [EMOTION, "train", "ann", "--data", str(data), "--store", str(self.store)]
        self.command += [*sets, "--run", "mine", "--log-format", "json"]
        self.process = subprocess.Popen(
            self.command,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def wait_for(self, word: str) -> None:
        assert self.process.stderr is not None
        assert any(word in line for line in self.process.stderr)

    def stop(self, number: int) -> tuple[int, str]:
        self.process.send_signal(number)
        output, errors = self.process.communicate(timeout=60)
        return self.process.returncode, output + errors

    def check_nothing_half_done(self) -> None:
        files = [path for path in self.store.rglob("*") if path.is_file()]
        assert not [path for path in files if path.name == "metrics.json" or path.name.startswith(".")]


@contextlib.contextmanager
def training(folder: Path, data: Path) -> Iterator[Training]:
    found = Training(folder, data)
    try:
        yield found
    finally:
        found.process.kill()
        found.process.communicate()


@pytest.mark.parametrize(("number", "code"), STOPS)
def test_stopped_while_the_data_are_read(tmp_path: Path, number: int, code: int) -> None:
    pipe = tmp_path / "slow.csv"
    os.mkfifo(pipe)
    with training(tmp_path, pipe) as job:
        writer = os.open(pipe, os.O_WRONLY)
        time.sleep(0.2)
        found, words = job.stop(number)
        os.close(writer)
    assert found == code
    assert "Traceback" not in words
    assert not job.store.exists()


@pytest.mark.parametrize("delay", [0.1, 1.0, 2.0])
@pytest.mark.parametrize(("number", "code"), STOPS)
def test_stopped_while_tensorflow_is_imported(tmp_path: Path, number: int, code: int, delay: float) -> None:
    with training(tmp_path, write_dataset(tmp_path / "data")) as job:
        job.wait_for("ann/mine")
        time.sleep(delay)
        found, words = job.stop(number)
    assert found == code
    assert "Traceback" not in words
    assert "before the first step; there is no checkpoint, so training starts again; start again: emotion" in words
    job.check_nothing_half_done()


@pytest.mark.parametrize("error", ["ImportError", "OSError"])
@pytest.mark.parametrize(("number", "code"), STOPS)
def test_a_library_that_makes_another_error_of_the_signal(tmp_path: Path, number: int, code: int, error: str) -> None:
    """As C extensions do whose import a signal interrupts."""
    (tmp_path / "keras.py").write_text(
        f"import os\ntry:\n    os.kill(os.getpid(), {number:d})\nexcept BaseException:\n    raise {error}('broken')\n"
    )
    command = [EMOTION, "train", "ann", "--data", str(write_dataset(tmp_path / "data")), "--store", str(tmp_path / "s")]
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    done = subprocess.run(command, check=False, capture_output=True, text=True, env=environment, timeout=60)
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    assert f"stopped by {NAMES[signal.Signals(number)]} before the first step" in done.stderr


@pytest.mark.parametrize(("number", "code"), STOPS)
def test_a_finalizer_that_swallows_the_signal(tmp_path: Path, number: int, code: int) -> None:
    """As Python does with any exception in `__del__`, of which TensorFlow's objects have many."""
    (tmp_path / "keras.py").write_text(
        "import os, time\n"
        "class Finalized:\n"
        "    def __del__(self):\n"
        f"        os.kill(os.getpid(), {number:d})\n"
        "        time.sleep(0.1)\n"
        "Finalized()\n"
        "time.sleep(300)\n"
    )
    command = [EMOTION, "train", "ann", "--data", str(write_dataset(tmp_path / "data")), "--store", str(tmp_path / "s")]
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    done = subprocess.run(command, check=False, capture_output=True, text=True, env=environment, timeout=60)
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(("number", "code"), STOPS)
def test_a_signal_in_the_last_moment(number: int, code: int) -> None:
    script = f"""
import os, signal, sys
set_handler = signal.signal
def set_late(number, handler):
    if handler is signal.SIG_IGN:
        signal.signal = set_handler
        os.kill(os.getpid(), {number})
    return set_handler(number, handler)
signal.signal = set_late
from emotion.cli.main import main
sys.argv = ["emotion", "--help"]
main()
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == code
    assert "Traceback" not in done.stderr
