"""Fixtures that tests of several packages share."""

import os
import re
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from emotion.hardware import usable_cores
from emotion.onnx.session import Classifier
from tests.disks import LIMIT, MEANS, mounted, remount, small
from tests.toy import write_model

# What the tests take from the shell that starts them: where programs are, and what the tests of images, browser and
# real data are told. Neither the settings of a person nor the files in a home get into a test.
SHELL = r"PATH|TMPDIR|TZ|LANG|LC_ALL|(DOCKER|LD|OPENBLAS|PIP|PYTEST|SSL)_?\w*"
TOLD = r"CI|EMOTION_(DATA|BROWSER)|(TRAIN|CLASSIFY)_IMAGE"
HOME = tempfile.TemporaryDirectory(prefix="emotion-home-")
os.environ.setdefault("DOCKER_CONFIG", str(Path.home() / ".docker"))
for name in [name for name in os.environ if not re.fullmatch(f"{SHELL}|{TOLD}", name)]:
    del os.environ[name]
os.environ["HOME"] = HOME.name

# A shell that starts the tests with & lets them, and so what they start, ignore Ctrl-C.
signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_xdist_auto_num_workers() -> int:
    """Let two tests run at once even on one core: most wait for a process of their own."""
    return max(2, usable_cores())


@pytest.fixture(scope="session")
def toy_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the folder of a model that knows furious, scared and happy."""
    return write_model(tmp_path_factory.mktemp("toy"))


@pytest.fixture(scope="session")
def toy(toy_model: Path) -> Classifier:
    """Give that model, loaded."""
    return Classifier.load(toy_model, 1)


@pytest.fixture
def no_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no checkpoint be on this machine, neither as a package nor in the cache of the hub's client."""
    monkeypatch.setattr("emotion.weights.places.package_folder", lambda _reference: None)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)


@pytest.fixture(params=MEANS)
def small_disk(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Path]:
    """Give a folder for 64 KiB."""
    with small(tmp_path / "disk", LIMIT, request.param):
        yield tmp_path / "disk"


@pytest.fixture(params=["/sys", pytest.param("mounted", marks=pytest.mark.machine)])
def read_only(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Path]:
    """Give a folder that not even root may write: the kernel's own, or a read-only file system."""
    if request.param == "/sys":
        yield Path("/sys")
        return
    folder = tmp_path / "frozen"
    with mounted(folder, "size=64k"):
        (folder / "result.json").write_text("old")
        remount(folder, "ro")
        yield folder
