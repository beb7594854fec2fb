"""Provenance of a run: package versions, git revision, image and hardware."""

import importlib.metadata
import os
import platform
import subprocess
from pathlib import Path
from typing import Any

from emotion import __version__
from emotion.hardware import usable_cores

PACKAGES = (
    "tensorflow",
    "tensorflow-cpu",
    "keras",
    "tf2onnx",
    "onnx",
    "onnxruntime",
    "onnxruntime-gpu",
    "tokenizers",
    "numpy",
    "scikit-learn",
)


def provenance() -> dict[str, Any]:
    """Versions, revision, image (EMOTION_IMAGE, which our images set) and hardware, for params.json."""
    return {
        "versions": {"emotion": __version__, "python": platform.python_version(), **_versions()},
        "revision": os.environ.get("EMOTION_REVISION") or _revision(),
        "image": os.environ.get("EMOTION_IMAGE"),
        "hardware": {"machine": platform.machine(), "processor": _processor(), "cores": usable_cores()},
    }


def _versions() -> dict[str, str]:
    versions = {}
    for package in PACKAGES:
        try:
            versions[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return versions


def _revision() -> str | None:
    """Commit of the checkout, or None if the package does not run from one."""
    folder = Path(__file__).resolve().parent.parent
    if not (folder / ".git").exists():
        return None
    try:
        changes = _git(folder, "status", "--porcelain", "--untracked-files=no")
        return _git(folder, "rev-parse", "HEAD") + ("-dirty" if changes else "")
    except (OSError, subprocess.SubprocessError):
        return None


def _git(folder: Path, *arguments: str) -> str:
    """Ask git without locking the checkout's index: a killed training would leave the lock behind."""
    command = ["git", "-C", str(folder), "--no-optional-locks", *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=10).stdout.strip()  # noqa: S603


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(errors="replace").splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")
