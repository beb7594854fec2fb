"""Fixtures that tests of several packages share."""

import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from emotion.onnx.session import Classifier
from tests.disks import LIMIT, file_limit, mount
from tests.toy import write_model

# A shell that starts the tests with & lets them, and so what they start, ignore Ctrl-C.
signal.signal(signal.SIGINT, signal.default_int_handler)


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


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Give a folder for 64 KiB: a tmpfs, or, where none can be mounted, any folder under a limit on files."""
    folder = tmp_path / "disk"
    folder.mkdir()
    if mount(folder, f"size={LIMIT}"):
        try:
            yield folder
        finally:
            subprocess.run(["umount", "--lazy", str(folder)], check=True)
    else:
        with file_limit(LIMIT):
            yield folder


@pytest.fixture
def read_only(tmp_path: Path) -> Iterator[Path]:
    """Give a folder that not even root may write: a read-only tmpfs, or, where none can be mounted, /sys."""
    folder = tmp_path / "frozen"
    folder.mkdir()
    if not mount(folder, "size=64k"):
        yield Path("/sys")
        return
    try:
        (folder / "result.json").write_text("old")
        subprocess.run(["mount", "-o", "remount,ro", str(folder)], check=True)
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)
