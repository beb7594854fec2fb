"""Fixtures that tests of several packages share."""

import locale
import os
import re
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import onnxruntime
import pytest
from hypothesis import settings

from emotion.hardware import free_memory, usable_cores
from emotion.onnx.devices import CPU, CUDA
from emotion.onnx.session import Classifier
from tests.disks import LIMIT, MEANS, mounted, remount, small
from tests.gpu import OnGpu
from tests.toy import write_model

# What the tests take from the shell that starts them: where programs are, and what the tests of images, browser and
# real data are told. Neither the settings of a person nor the files in a home get into a test.
SHELL = r"PATH|TMPDIR|PIP_(CERT|INDEX_URL)|(DOCKER|LD_|OPENBLAS|PYTEST)\w*"
OPTIONS = r"CI|REAL_DATA|EMOTION_BROWSER|(TRAIN|CLASSIFY)_IMAGE"
HOME = tempfile.TemporaryDirectory(prefix="emotion-home-")
os.environ.setdefault("DOCKER_CONFIG", f"{os.environ.get('HOME', '')}/.docker")
for name in [name for name in os.environ if not re.fullmatch(f"{SHELL}|{OPTIONS}", name)]:
    del os.environ[name]
# The programs of this environment go before those of the machine. No time zone is UTC, and every encoding UTF-8.
os.environ |= {"HOME": HOME.name, "LC_ALL": "C.UTF-8", "PYTHONUTF8": "1", "TZ": "Asia/Kathmandu"}
os.environ["PATH"] = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
locale.setlocale(locale.LC_ALL, "C.UTF-8")
time.tzset()
# Examples are the same in every run, and none is remembered from the one before.
settings.register_profile("tests", derandomize=True, database=None, deadline=None)
settings.load_profile("tests")

# Of a worker with TensorFlow, and the training that it starts.
WORKER_BYTES = 2 * 10**9

# A shell that starts the tests with & lets them, and so what they start, ignore Ctrl-C.
signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_xdist_auto_num_workers() -> int:
    """Let two tests run at once even on one core, since most wait for a process of their own; more if memory allows."""
    return max(2, min(usable_cores(), free_memory().bytes // WORKER_BYTES))


@pytest.fixture(autouse=True, scope="session")
def _measured_once() -> Iterator[None]:
    """Let trainings in this process measure the speed of what they exported in one pass: no test compares it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("emotion.evaluation.evaluate.SPEED_PASSES", 1)
        patch.setattr("emotion.onnx.quantize.SPEED_PASSES", 1)
        yield


@pytest.fixture(scope="session")
def toy_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the folder of a model that knows furious, scared and happy."""
    return write_model(tmp_path_factory.mktemp("toy"))


@pytest.fixture(scope="session")
def toy(toy_model: Path) -> Classifier:
    """Give that model, loaded."""
    return Classifier.load(toy_model, 1)


@pytest.fixture
def cuda(monkeypatch: pytest.MonkeyPatch) -> type[OnGpu]:
    """Let onnxruntime have a GPU."""
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: [CUDA, CPU])
    monkeypatch.setattr(onnxruntime, "InferenceSession", OnGpu)
    monkeypatch.setattr(OnGpu, "opens", True)
    monkeypatch.setattr(OnGpu, "runs_left", 1000)
    return OnGpu


@pytest.fixture
def no_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Hide this machine's pretrained weights: packages and the cache of the hub's client."""
    monkeypatch.setattr("emotion.weights.locate.package_folder", lambda _reference: None)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)


@pytest.fixture
def in_memory() -> Iterator[Path]:
    """Give a folder on a file system that has files without a name, which the one of `tmp_path` may lack."""
    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
        yield Path(folder)


@pytest.fixture(params=MEANS)
def small_disk(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Path]:
    """Give a folder for 64 KiB."""
    with small(tmp_path / "disk", LIMIT, request.param):
        yield tmp_path / "disk"


@pytest.fixture(params=["/sys", "/proc", pytest.param("mounted", marks=pytest.mark.machine)])
def read_only(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Path]:
    """Give a folder that not even root may write: the kernel's own, or a read-only file system."""
    if request.param != "mounted":
        yield Path(request.param)
        return
    folder = tmp_path / "frozen"
    with mounted(folder, "size=64k"):
        (folder / "result.json").write_text("old")
        remount(folder, "ro")
        yield folder
