"""The make targets that run and push images, and that a container gives what the command line gives."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.images.containers import TINY, docker, open_to_all, tiny

ROOT = Path(__file__).resolve().parent.parent.parent
# Whoever calls make by sudo: what is written is theirs.
SOMEBODY = {"SUDO_UID": "12345", "SUDO_GID": "12345"}
pytestmark = pytest.mark.images


def make(
    *arguments: str, folder: Path = ROOT, environment: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["make", *arguments, "VARIANT=cpu"],
        cwd=folder,
        env={**os.environ, **(environment or {})},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


def content(store: Path) -> dict[str, Any]:
    """What a run measured, without what took how long, and where."""
    found: dict[str, Any] = json.loads((store / "runs" / "ann" / "r" / "metrics.json").read_text())
    for name in ("finished_at", "training_seconds", "seconds", "peak_memory_bytes", "samples_per_second"):
        del found[name]
    del found["onnx"]["rows_per_second"]
    # The names of a graph's nodes differ from process to process, and so does their length.
    del found["onnx"]["bytes"], found["onnx"]["digests"]["model.onnx"]
    return found


def test_training_comparing_and_classifying_give_what_the_command_line_gives(
    tmp_path: Path, data: Path, store: Path
) -> None:
    # Bits are equal for equal numbers of threads: a container may have other cores than the tests.
    arguments = ["--run", "r", "--deterministic", "--set", "resources.threads=1", *tiny()]
    done = make(
        "docker-train",
        "MODEL=ann",
        f"DATA={data}",
        f"STORE={store}",
        "NETWORK=none",
        f"ARGS={' '.join(arguments)}",
        environment=SOMEBODY,
    )
    assert done.returncode == 0, done.stderr
    emotion = str(Path(sys.executable).with_name("emotion"))
    here = tmp_path / "here"
    subprocess.run([emotion, "train", "ann", "--data", str(data), "--store", str(here), *arguments], check=True)
    assert content(store) == content(here)
    for name in ("validation", "test"):
        mine, theirs = (np.load(root / "runs/ann/r/predictions" / f"{name}.npz") for root in (here, store))
        assert set(mine) == {"row", "label", "logits"}
        for array in mine:
            np.testing.assert_array_equal(mine[array], theirs[array])
    params = json.loads((store / "runs" / "ann" / "r" / "params.json").read_text())
    assert params["image"] == os.environ["TRAIN_IMAGE"]

    done = make("docker-aggregate", f"STORE={store}", environment=SOMEBODY)
    assert done.returncode == 0, done.stderr
    assert "val. accuracy" in done.stdout + done.stderr
    assert json.loads((store / "comparison" / "best.json").read_text())["run"] == "ann/r"

    (tmp_path / "in.csv").write_text("id,text\n1,i feel so happy\n2,\n")
    open_to_all(tmp_path, 0o777)
    output = tmp_path / "labelled" / "out.csv"
    output.parent.mkdir()
    open_to_all(output.parent, 0o777)
    files = [f"INPUT={tmp_path}/in.csv", f"OUTPUT={output}", f"STORE={store}"]
    done = make("docker-classify", *files, "ARGS=--threads 1", environment=SOMEBODY)
    assert done.returncode == 0, done.stderr
    command = [emotion, "classify", str(tmp_path / "in.csv"), str(tmp_path / "mine.csv"), "--store", str(here)]
    subprocess.run([*command, "--model", "ann/r", "--threads", "1"], check=True)
    assert output.read_bytes() == (tmp_path / "mine.csv").read_bytes()

    written = (path.stat() for folder in (store, output.parent) for path in folder.rglob("*"))
    assert {(found.st_uid, found.st_gid) for found in written} == {(12345, 12345)}


def test_what_is_missing_is_named() -> None:
    for target, name in (("docker-train", "DATA"), ("docker-classify", "OUTPUT"), ("push", "REGISTRY")):
        done = make(target)
        assert done.returncode == 2
        assert f"{name}= is missing" in done.stderr


def test_an_image_that_is_not_there_is_told_with_what_builds_it(data: Path, store: Path) -> None:
    done = make("docker-train", "MODEL=ann", f"DATA={data}", f"STORE={store}", "TRAIN_IMAGE=127.0.0.1:1/none")
    assert "Error 69" in done.stderr
    assert "try: make images" in done.stderr


def test_a_kill_for_memory_is_explained_and_the_container_is_gone(data: Path, store: Path) -> None:
    ours = ("ps", "--all", "--quiet", "--filter", f"ancestor={os.environ['TRAIN_IMAGE']}")
    before = docker(*ours)
    done = make("docker-train", "MODEL=ann", f"DATA={data}", f"STORE={store}", "MEMORY=64m", "NETWORK=none")
    assert "Error 137" in done.stderr
    assert "the container reached its memory limit" in done.stderr
    deadline = time.monotonic() + 20
    while docker(*ours) != before:
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_a_signal_to_make_s_container_reaches_the_training(data: Path, store: Path) -> None:
    command = [str(ROOT / "docker" / "run.sh"), os.environ["TRAIN_IMAGE"], "-v", f"{data}:/data/small:ro", "-v"]
    command += [f"{store}:/store", "--", "train", "ann", "--data", "/data/small", "--run", "r"]
    command += [part for change in (*TINY, "training.epochs=4000") for part in ("--set", change)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if "epoch " in line:
                break
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=60)
    assert process.returncode == 143
    assert list((store / "runs" / "ann" / "r" / "checkpoints").glob("*.json"))


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[str]:
    """Start a registry on the loopback interface (Debian's docker-registry)."""
    program = shutil.which("docker-registry") or shutil.which("registry")
    if program is None:
        (pytest.fail if os.environ.get("CI") else pytest.skip)("no docker-registry on this machine")
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = f"127.0.0.1:{free.getsockname()[1]}"
    config = tmp_path / "registry.yml"
    config.write_text(
        f"version: 0.1\nstorage:\n  filesystem:\n    rootdirectory: {tmp_path}/blobs\nhttp:\n  addr: {address}\n"
    )
    with subprocess.Popen(
        [program, "serve", str(config)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as server:
        host, _, port = address.partition(":")
        deadline = time.monotonic() + 30
        while socket.socket().connect_ex((host, int(port))):
            assert time.monotonic() < deadline
            time.sleep(0.1)
        yield address
        server.terminate()


def test_push_writes_the_digests_that_kustomize_then_names(tmp_path: Path, registry: str) -> None:
    for name in ("docker", "emotion", "jobs", "k8s"):
        shutil.copytree(ROOT / name, tmp_path / name)
    shutil.copy2(ROOT / "Makefile", tmp_path)
    # Small ones, under the names of the images.
    named = [f"{part.upper()}_IMAGE=emotion-{part}:push" for part in ("train", "classify")]
    for part in ("train", "classify"):
        docker("tag", os.environ["CLASSIFY_IMAGE"], f"emotion-{part}:push")
    try:
        done = make("push", f"REGISTRY={registry}/team", "TAG=v1", *named, folder=tmp_path)
        assert done.returncode == 0, done.stderr
    finally:
        for part in ("train", "classify"):
            docker("rmi", f"emotion-{part}:push", f"{registry}/team/emotion-{part}:v1", check=False)
    kubectl = str(Path(sys.executable).with_name("kubectl"))
    for part, job in (("train", "bert"), ("classify", "classify")):
        folder = str(tmp_path / "jobs" / job)
        shown = subprocess.run([kubectl, "kustomize", folder], capture_output=True, text=True, check=True).stdout
        line = next(line for line in shown.splitlines() if f"/emotion-{part}" in line)
        image = line.partition("image: ")[2]
        assert image.startswith(f"{registry}/team/emotion-{part}@sha256:")
        assert docker("pull", "--quiet", image) == image
        docker("rmi", image)
    assert not list((tmp_path / "k8s" / "components" / "images").glob("*.new"))


def test_push_without_a_registry_leaves_the_component_as_it_was(tmp_path: Path) -> None:
    for name in ("docker", "k8s", "emotion"):
        shutil.copytree(ROOT / name, tmp_path / name)
    shutil.copy2(ROOT / "Makefile", tmp_path)
    component = tmp_path / "k8s" / "components" / "images" / "kustomization.yaml"
    before = component.read_text()
    done = make("push", "REGISTRY=127.0.0.1:1/none", "TAG=v1", folder=tmp_path)
    assert done.returncode != 0
    assert component.read_text() == before
    for part in ("train", "classify"):
        docker("rmi", f"127.0.0.1:1/none/emotion-{part}:v1", check=False)


def test_the_sizes_are_shown() -> None:
    done = make("image-sizes")
    assert done.returncode == 0, done.stderr
    assert f"{os.environ['TRAIN_IMAGE']}: " in done.stdout
    assert done.stdout.count("MB") > 6


def test_the_demo_ends_with_a_table_and_a_labelled_csv(tmp_path: Path, data: Path) -> None:
    for name in ("docker", "emotion", "k8s"):
        shutil.copytree(ROOT / name, tmp_path / name)
    shutil.copy2(ROOT / "Makefile", tmp_path)
    (tmp_path / "tests").mkdir()
    shutil.copy2(ROOT / "tests" / "demo.sh", tmp_path / "tests")
    open_to_all(tmp_path)
    (tmp_path / "build" / "demo").mkdir(parents=True)
    open_to_all(tmp_path / "build" / "demo", 0o777)
    done = make("docker-demo", f"DATA={data}", folder=tmp_path, environment=SOMEBODY)
    assert done.returncode == 0, done.stderr
    assert "val. accuracy" in done.stdout
    lines = (tmp_path / "build" / "demo" / "out.csv").read_text().splitlines()
    assert lines[0] == "id,text,label,score"
    assert len(lines) == 8
    assert "\n".join(lines) in done.stdout
