"""What is in an image: what the lock says, byte-compiled, without what built it, within a budget."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from emotion import __version__
from tests.images.containers import docker, inspect, python

ROOT = Path(__file__).resolve().parent.parent.parent
# Megabytes unpacked, base included. Matplotlib, which draws the report, and its fonts are 110 of each.
BUDGETS = {"emotion-train": 2200, "emotion-classify": 450}
INSTALLED = """
import importlib.metadata, json
found = importlib.metadata.distributions()
print(json.dumps({package.name.lower().replace("_", "-"): package.version for package in found}))
"""
FILES = """
import json, os
found = []
for folder, folders, files in os.walk("/"):
    folders[:] = [name for name in folders if os.path.join(folder, name) not in ("/proc", "/sys", "/dev")]
    found += [os.path.join(folder, file) for file in files]
print(json.dumps(found))
"""
TOOLS = {"pip", "pip3", "uv", "uvx", "gcc", "cc", "g++", "c++", "clang", "make", "ld", "as", "git", "curl", "wget"}
SITE = "/opt/emotion/lib/python3.11/site-packages/"
pytestmark = pytest.mark.images


@pytest.fixture(scope="module")
def files(request: pytest.FixtureRequest) -> dict[str, list[str]]:
    """All files of each image, listed once."""
    images = [request.getfixturevalue("train_image"), request.getfixturevalue("classify_image")]
    return {image: json.loads(python(image, FILES, "--user", "0:0").stdout) for image in images}


def test_exactly_what_the_lock_says_is_installed(image: str) -> None:
    name, _, tag = image.partition(":")
    lock = ROOT / "docker" / "locks" / f"{name.removeprefix('emotion-')}-{tag.rpartition('-')[2]}.txt"
    entries = subprocess.run(
        [sys.executable, str(ROOT / "docker" / "entries.py"), str(lock)], capture_output=True, text=True, check=True
    )
    wanted = dict(re.findall(r"^([a-z0-9-]+)==(\S+)", entries.stdout, re.MULTILINE))
    assert len(wanted) > 30
    assert json.loads(python(image, INSTALLED).stdout) == wanted | {"emotion": __version__}


def test_nothing_that_builds_is_left(image: str, files: dict[str, list[str]]) -> None:
    names = {Path(path).name for path in files[image] if "/bin/" in path}
    assert names & TOOLS == set()
    assert not any("/site-packages/pip/" in path or "/site-packages/uv/" in path for path in files[image])
    assert not any(
        path.startswith(("/tools", "/root/.cache", "/var/lib/apt/lists/", "/source")) for path in files[image]
    )
    assert not any(path.startswith("/var/cache/apt/") and path.endswith(".deb") for path in files[image])


def test_all_modules_are_compiled_and_stay_so(image: str, files: dict[str, list[str]]) -> None:
    present = set(files[image])
    modules = [Path(path) for path in present if path.startswith(SITE) and path.endswith(".py")]
    assert len(modules) > 1000
    missing = [
        path for path in modules if str(path.parent / "__pycache__" / f"{path.stem}.cpython-311.pyc") not in present
    ]
    # Templates and Python 2, which do not compile.
    assert len(missing) < 5, missing


def test_no_secret_and_no_data_in_any_layer(image: str, files: dict[str, list[str]]) -> None:
    metadata = docker("history", "--no-trunc", image) + json.dumps(inspect(image)["Config"])
    assert not re.search(r"token|password|PIP_INDEX_URL=|BEGIN [A-Z ]*KEY", metadata)
    ours = [path for path in files[image] if path.startswith(f"{SITE}emotion/") or "/run/secrets" in path]
    assert f"{SITE}emotion/cli/main.py" in ours
    assert f"{SITE}emotion/jobs/ann/params.toml" in ours
    assert f"{SITE}emotion/k8s/setup/claim.yaml" in ours
    assert [path for path in ours if path.endswith(".md")] == [f"{SITE}emotion/jobs/README.md"]
    assert {Path(path).suffix for path in ours} - {".md"} == {
        ".py",
        ".pyc",
        ".toml",
        ".yaml",
        ".html",
        ".css",
        ".js",
        ".j2",
    } | ({".typed"} if any(path.endswith(".typed") for path in ours) else set())


def test_the_configuration(image: str) -> None:
    config = inspect(image)["Config"]
    assert config["Entrypoint"] == ["/usr/bin/tini", "-s", "--", "/opt/emotion/bin/emotion"]
    assert config["Healthcheck"] == {"Test": ["NONE"]}
    labels = {name.removeprefix("org.opencontainers.image."): value for name, value in config["Labels"].items()}
    assert labels["title"] == image.partition(":")[0]
    assert labels["version"] == __version__
    assert labels["licenses"] == "Apache-2.0"
    assert re.fullmatch(r"[0-9a-f]{40}(-dirty)?", labels["revision"])
    assert "source" in labels
    environment = dict(line.split("=", 1) for line in config["Env"])
    caches = ("HOME", "TMPDIR", "XDG_CACHE_HOME", "HF_HOME", "MPLCONFIGDIR", "CUDA_CACHE_PATH")
    assert all(environment[name].startswith("/tmp") for name in caches)
    assert environment["EMOTION_REVISION"] == labels["revision"]
    assert environment["EMOTION_IMAGE"] == image


def test_the_size_is_within_its_budget(image: str) -> None:
    assert inspect(image)["Size"] / 1e6 < BUDGETS[image.partition(":")[0]]
