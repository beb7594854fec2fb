"""Provenance: versions, revision, image and hardware, as far as they can be known."""

import importlib.metadata
import json
import os
import platform
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from emotion import __version__, provenance
from emotion.hardware import usable_cores


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith(("GIT_", "EMOTION_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make a folder, not yet under git, that the package seems to run from."""
    monkeypatch.setattr(provenance, "__file__", str(tmp_path / "emotion" / "provenance.py"))
    (tmp_path / "emotion").mkdir()
    return tmp_path


def git(folder: Path, *arguments: str) -> str:
    who = ["-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false"]
    done = subprocess.run(["git", *who, *arguments], cwd=folder, check=True, capture_output=True, text=True)
    return done.stdout.strip()


def commit(folder: Path) -> str:
    (folder / "a.txt").write_text("a")
    git(folder, "init", "--quiet")
    git(folder, "add", "a.txt")
    git(folder, "commit", "--quiet", "--message", "one")
    return git(folder, "rev-parse", "HEAD")


def test_versions_are_those_that_are_installed() -> None:
    versions = provenance.provenance()["versions"]
    assert versions["emotion"] == __version__
    assert versions["python"] == platform.python_version()
    assert versions["numpy"] == importlib.metadata.version("numpy")
    assert versions["onnxruntime"] == importlib.metadata.version("onnxruntime")


def test_packages_that_are_not_installed_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(provenance, "PACKAGES", ("numpy", "no-such-package-anywhere"))
    assert set(provenance.provenance()["versions"]) == {"emotion", "python", "numpy"}


def test_the_hardware_is_that_of_this_machine() -> None:
    hardware = provenance.provenance()["hardware"]
    assert hardware["machine"] == platform.machine()
    assert hardware["cores"] == usable_cores() >= 1
    assert isinstance(hardware["processor"], str)


def test_it_can_be_written_as_json() -> None:
    found = provenance.provenance()
    assert json.loads(json.dumps(found, allow_nan=False)) == found


def test_the_image_is_the_one_that_the_image_says(monkeypatch: pytest.MonkeyPatch) -> None:
    assert provenance.provenance()["image"] is None
    monkeypatch.setenv("EMOTION_IMAGE", "registry.example.org/emotion@sha256:0123")
    assert provenance.provenance()["image"] == "registry.example.org/emotion@sha256:0123"


@pytest.mark.machine
def test_the_revision_of_a_checkout_is_its_commit(checkout: Path) -> None:
    revision = commit(checkout)
    assert provenance.provenance()["revision"] == revision
    git(checkout, "tag", "v1")
    assert provenance.provenance()["revision"] == revision


@pytest.mark.machine
def test_a_checkout_with_changes_says_so(checkout: Path) -> None:
    revision = commit(checkout)
    (checkout / "a.txt").write_text("b")
    assert provenance.provenance()["revision"] == f"{revision}-dirty"


@pytest.mark.machine
def test_the_index_stays_as_it_is_so_that_a_killed_training_leaves_no_lock(checkout: Path) -> None:
    commit(checkout)
    index = checkout / ".git" / "index"
    os.utime(checkout / "a.txt", (0, 0))
    before = index.stat()
    provenance.provenance()
    after = index.stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


@pytest.mark.machine
def test_a_checkout_without_commits_has_no_revision(checkout: Path) -> None:
    git(checkout, "init", "--quiet")
    assert provenance.provenance()["revision"] is None


@pytest.fixture
def set_git(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Put the checkout under a stand-in for git, the one program on the PATH, and give what sets its script."""
    (checkout / ".git").mkdir()
    programs = checkout / "programs"
    programs.mkdir()
    monkeypatch.setenv("PATH", str(programs))

    def set_script(script: str) -> None:
        (programs / "git").write_text(f"#!/bin/sh\n{script}\n")
        (programs / "git").chmod(0o755)

    set_script("echo 0123abc")
    return set_script


@pytest.mark.parametrize(
    ("script", "revision"),
    [
        ("case $* in *rev-parse*) echo 0123abc;; esac", "0123abc"),
        ("case $* in *rev-parse*) echo 0123abc;; *) echo ' M a.txt';; esac", "0123abc-dirty"),
        ("exit 128", None),
    ],
)
def test_the_revision_is_what_git_says(set_git: Callable[[str], None], script: str, revision: str | None) -> None:
    set_git(script)
    assert provenance.provenance()["revision"] == revision


@pytest.mark.usefixtures("set_git")
def test_the_images_revision_goes_before_the_checkouts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EMOTION_REVISION", "abc123")
    assert provenance.provenance()["revision"] == "abc123"


@pytest.mark.usefixtures("set_git")
def test_a_package_installed_within_another_checkout_is_not_of_its_revision(
    checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed = checkout / "venv" / "site-packages" / "emotion"
    installed.mkdir(parents=True)
    monkeypatch.setattr(provenance, "__file__", str(installed / "provenance.py"))
    assert provenance.provenance()["revision"] is None


@pytest.mark.usefixtures("set_git")
def test_without_git_there_is_no_revision(checkout: Path) -> None:
    (checkout / "programs" / "git").unlink()
    assert provenance.provenance()["revision"] is None
