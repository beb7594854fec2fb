"""Building: what a change of code touches, and whether the CUDA locks can be installed."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.images.containers import DOCKER, docker, inspect

ROOT = Path(__file__).resolve().parent.parent.parent
PUSHED_BYTES = 5_000_000
pytestmark = pytest.mark.images


def make(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["make", *arguments], cwd=folder, capture_output=True, text=True, check=False, timeout=500)


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """Give what the builder is given, to be changed."""
    for name in ("emotion", "jobs", "k8s", "docker"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE", "Makefile", ".dockerignore"):
        shutil.copy2(ROOT / name, tmp_path)
    return tmp_path


def layers(image: str) -> list[str]:
    found: list[str] = inspect(image)["RootFS"]["Layers"]
    return found


@pytest.mark.parametrize("name", ["train", "classify"])
def test_a_change_of_code_touches_one_small_layer(checkout: Path, name: str) -> None:
    image, changed = os.environ[f"{name.upper()}_IMAGE"], f"emotion-{name}:changed"
    with (checkout / "emotion" / "signals.py").open("a") as file:
        file.write("CHANGED = True\n")
    done = make(checkout, f"image-{name}", "VARIANT=cpu", f"{name.upper()}_IMAGE={changed}")
    assert done.returncode == 0, done.stderr
    try:
        before, after = layers(image), layers(changed)
        assert len(before) == len(after)
        different = [index for index, pair in enumerate(zip(before, after, strict=True)) if len(set(pair)) > 1]
        sizes = [int(size) for size in docker("history", "--human=false", "--format", "{{.Size}}", changed).split()]
        # The newest layer that is not empty.
        assert different == [len(after) - 1]
        assert next(size for size in sizes if size) < PUSHED_BYTES
    finally:
        docker("rmi", changed)


@pytest.mark.parametrize("name", ["train", "classify"])
def test_the_cuda_lock_resolves(name: str) -> None:
    done = make(
        ROOT,
        f"image-{name}",
        "VARIANT=cuda",
        "BUILD_FLAGS=--target resolved --progress=plain",
        f"{name.upper()}_IMAGE=resolved",
    )
    assert done.returncode == 0, done.stderr
    docker("rmi", "resolved")
    assert "nvidia-cudnn" in (ROOT / "docker" / "locks" / f"{name}-cuda.txt").read_text()


def spoil(lock: Path, package: str) -> None:
    """Change all hashes of a package."""
    entry = re.compile(rf"^{package}==.*\n(?: +--hash=.*\n)+", re.MULTILINE)
    before = lock.read_text()
    lock.write_text(entry.sub(lambda found: re.sub("sha256:....", "sha256:0000", found[0]), before))
    assert lock.read_text() != before


@pytest.mark.parametrize("name", ["train", "classify"])
def test_a_cuda_lock_whose_hashes_are_not_the_published_ones_does_not_resolve(checkout: Path, name: str) -> None:
    spoil(checkout / "docker" / "locks" / f"{name}-cuda.txt", "nvidia-cudnn-cu12")
    flags = "BUILD_FLAGS=--target resolved --progress=plain"
    done = make(checkout, f"image-{name}", "VARIANT=cuda", flags, f"{name.upper()}_IMAGE=broken")
    assert done.returncode != 0
    assert "the index does not have what the lock names" in done.stderr
    assert "sha256:0000" in done.stderr


def test_a_wheel_that_differs_from_the_lock_is_not_installed(checkout: Path) -> None:
    spoil(checkout / "docker" / "locks" / "classify-cpu.txt", "shellingham")
    done = make(checkout, "image-classify", "VARIANT=cpu", "CLASSIFY_IMAGE=broken", "BUILD_FLAGS=--progress=plain")
    assert done.returncode != 0
    assert "Hash mismatch for `shellingham" in done.stderr


def test_without_an_engine_it_says_so(tmp_path: Path) -> None:
    environment = os.environ | {"DOCKER_HOST": f"unix://{tmp_path}/none.sock"}
    environment.pop("CI", None)
    done = subprocess.run(
        ["make", "test-images"], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0
    assert "skipped: no container engine answers" in done.stdout + done.stderr
    environment["CI"] = "true"
    done = subprocess.run(
        ["make", "test-images"], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode != 0
    assert DOCKER in done.stdout + done.stderr
