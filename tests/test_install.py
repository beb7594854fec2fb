"""The wheel's base install: it lists, compares and classifies without anything that training needs."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from emotion.store.layout import Store
from tests.builders import make_metrics, write_run
from tests.toy import write_model

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Install the wheel, and the locked base packages as they are installed here, into an environment of its own."""
    folder = tmp_path_factory.mktemp("install")
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    subprocess.run(build, check=True, capture_output=True)
    subprocess.run([sys.executable, "-m", "venv", str(folder / "venv")], check=True)
    (packages,) = (folder / "venv").glob("lib/python*/site-packages")
    for name, version in locked("classify-cpu"):
        copy_installed(name, version, packages)
    pip = [str(folder / "venv" / "bin" / "pip"), "--isolated", "install", "--quiet", "--no-index", "--no-deps"]
    subprocess.run([*pip, *map(str, folder.glob("*.whl"))], check=True)
    return folder / "venv" / "bin"


def locked(name: str) -> Iterator[tuple[str, str]]:
    """Yield the packages of a lock that this Python on this platform takes, each with its version."""
    for line in (ROOT / "docker" / "locks" / f"{name}.txt").read_text().splitlines():
        if "==" in line.partition(" ")[0]:
            requirement = Requirement(line.rstrip(" \\"))
            if requirement.marker is None or requirement.marker.evaluate():
                yield requirement.name, str(requirement.specifier).removeprefix("==")


def copy_installed(name: str, version: str, target: Path) -> None:
    """Copy the files of a package that is installed here."""
    package = distribution(name)
    assert package.version == version, name
    for file in package.files or ():
        # Beside the packages lie programs, which name this environment's Python.
        if ".." not in file.parts and file.suffix != ".pyc":
            copy = target / file
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(file.locate(), copy)


def run(installed: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    command = [str(installed / "emotion"), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=installed)


def test_it_is_light(installed: Path) -> None:
    listed = subprocess.run(
        [str(installed / "pip"), "list", "--format", "json"], capture_output=True, text=True, check=True
    )
    names = {package["name"].lower() for package in json.loads(listed.stdout)}
    assert "onnxruntime" in names
    assert not names & {"tensorflow", "tensorflow-cpu", "keras", "transformers", "pandas", "scikit-learn", "pyarrow"}


def test_nothing_is_missing(installed: Path) -> None:
    subprocess.run([str(installed / "pip"), "check"], check=True, capture_output=True)


def test_it_carries_the_jobs(installed: Path) -> None:
    shown = run(installed, "params", "show", "lstm")
    assert shown.returncode == 0, shown.stderr
    assert 'name = "lstm"' in shown.stdout


def test_it_carries_the_manifests(installed: Path, tmp_path: Path) -> None:
    script = (
        "from emotion.cluster.job_spec import JobSpec, check_spec, find_overlay\n"
        "from emotion.cluster.render import render\n"
        "print(render(check_spec(JobSpec('bert', overlay=find_overlay('local')))).yaml)"
    )
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    done = subprocess.run(
        [str(installed / "python"), "-c", script],
        env={**os.environ, "PATH": path},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "kind: Job" in done.stdout
    assert 'name = "bert"' in done.stdout


def test_it_classifies(installed: Path, tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_text("text\ni feel so happy\n")
    model = write_model(tmp_path / "model")
    done = run(installed, "classify", tmp_path / "in.csv", tmp_path / "out.csv", "--model", model)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "out.csv").read_text().splitlines()[1].startswith("i feel so happy,joy,")


def test_it_compares(installed: Path, tmp_path: Path) -> None:
    write_run(Store(tmp_path), make_metrics())
    done = run(installed, "aggregate", "--store", tmp_path)
    assert done.returncode == 0, done.stderr


def test_training_says_what_to_install(installed: Path, tmp_path: Path) -> None:
    (tmp_path / "all.csv").write_text("text,label\n" + "a b,x\nc d,y\n" * 20)
    done = run(installed, "train", "ann", "--data", tmp_path / "all.csv", "--store", tmp_path / "store")
    assert done.returncode == 69
    assert "emotion[train]" in done.stderr
    assert "Traceback" not in done.stderr
