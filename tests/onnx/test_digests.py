"""Digests of a model's files: what export writes, which file counts, and damaged ones."""

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from emotion.errors import BadDataError, CannotWriteError
from emotion.onnx.digests import MOST_BYTES, SUMS, read_digests, write_digests
from emotion.onnx.graphs import FILES
from emotion.store.atomic import sha256
from tests.builders import digest, write_files

A, B = digest("a"), digest("b")


def put(path: Path, content: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content if isinstance(content, str) else json.dumps(content))


def test_the_sums_are_what_coreutils_checks(tmp_path: Path) -> None:
    folder = write_files(tmp_path / "model", {name: name.encode() for name in FILES})
    found = write_digests(folder, [*FILES, "model.int8.onnx"])
    assert found == {name: sha256(folder / name) for name in FILES}
    command = ["sha256sum", "--check", "--strict", SUMS]
    assert subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True).stdout.count(": OK") == 3
    digests = read_digests(folder)
    assert digests is not None
    assert (digests.source, digests.of_files) == (folder / SUMS, found)


@pytest.mark.parametrize("options", [["--text"], ["--binary"]])
def test_what_coreutils_writes_is_read(tmp_path: Path, options: list[str]) -> None:
    names = ("model.onnx", "größte Wut.txt")
    folder = write_files(tmp_path, {name: name.encode() for name in names})
    done = subprocess.run(["sha256sum", *options, *names], cwd=folder, check=True, capture_output=True)
    (folder / SUMS).write_bytes(done.stdout)
    digests = read_digests(folder)
    assert digests is not None
    assert digests.of_files == {name: sha256(folder / name) for name in names}
    (folder / SUMS).write_text(f"{A.upper()}  model.onnx")
    assert read_digests(folder) is not None


def test_sums_that_cannot_be_written(read_only: Path) -> None:
    with pytest.raises(CannotWriteError):
        write_digests(read_only, FILES)


def test_the_metrics_of_a_run_count_more_than_the_sums(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "runs" / "ann" / "s1" / "model"
    assert read_digests(folder) is None
    put(folder / SUMS, f"{A}  model.onnx\n")
    put(folder.parent / "metrics.json", {"onnx": {"digests": {"model.onnx": B}}})
    (tmp_path / "best").symlink_to(folder)
    monkeypatch.chdir(folder)
    for name in (folder, tmp_path / "best", Path(), Path("../model")):
        digests = read_digests(name)
        assert digests is not None
        assert (digests.source, digests.of_files) == (folder.parent / "metrics.json", {"model.onnx": B})


@pytest.mark.parametrize("metrics", [{}, {"onnx": {}}, {"onnx": {"digests": None}}, {"accuracy": 0.9}, {"onnx": 0.9}])
def test_metrics_without_digests_leave_the_sums(tmp_path: Path, metrics: object) -> None:
    """Earlier versions, and other tools, write such a file."""
    put(tmp_path / "metrics.json", metrics)
    assert read_digests(tmp_path / "model") is None
    put(tmp_path / "model" / SUMS, f"{A}  model.onnx\n")
    digests = read_digests(tmp_path / "model")
    assert digests is not None
    assert digests.of_files == {"model.onnx": A}


def test_the_metrics_of_another_folder_do_not_count(tmp_path: Path) -> None:
    put(tmp_path / "metrics.json", {"onnx": {"digests": {"model.onnx": B}}})
    assert read_digests(tmp_path / "copy") is None


def _huge(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(MOST_BYTES + 1)


def _content(text: str | bytes) -> Callable[[Path], object]:
    return lambda path: path.write_bytes(text if isinstance(text, bytes) else text.encode())


ODD: dict[str, Callable[[Path], object]] = {
    "huge": _huge,
    "a folder": Path.mkdir,
    "a dangling link": lambda path: path.symlink_to("nowhere"),
    "a loop": lambda path: path.symlink_to(path),
    "a pipe": os.mkfifo,
}
SUMS_DAMAGES: dict[str, Callable[[Path], object]] = {
    **ODD,
    "empty": _content(""),
    "binary": _content(bytes(range(256)) * 9),
    "a name alone": _content("model.onnx\n"),
    "a digest alone": _content(f"{A}\n"),
    "one space": _content(f"{A} model.onnx\n"),
    "a short digest": _content(f"{A[1:]}  model.onnx\n"),
    "no hex digits": _content(f"{'g' * 64}  model.onnx\n"),
    "other digits": _content(f"{'٣' * 64}  model.onnx\n"),
    "a path": _content(f"{A}  ./model.onnx\n"),
    "a path that leads out": _content(f"{A}  model.onnx\n{A}  ../../etc/passwd\n"),
    "a whole path": _content(f"{A}  /etc/passwd\n"),
    "a name twice": _content(f"{A}  model.onnx\n{A}  model.onnx\n"),
    "an escaped name": _content(f"\\{A}  model\\n.onnx\n"),
    "an empty line": _content(f"{A}  model.onnx\n\n"),
    "cut": _content(f"{A}  model.onnx\n{A[:9]}"),
    "BSD's format": _content(f"SHA256 (model.onnx) = {A}\n"),
}


@pytest.mark.parametrize("damage", SUMS_DAMAGES)
def test_damaged_sums_are_an_error(tmp_path: Path, damage: str) -> None:
    SUMS_DAMAGES[damage](tmp_path / SUMS)
    with pytest.raises(BadDataError) as caught:
        read_digests(tmp_path)
    assert str(tmp_path / SUMS) in caught.value.message
    assert caught.value.hint


METRICS_DAMAGES: dict[str, Callable[[Path], object]] = {
    **ODD,
    "empty": _content(""),
    "cut": _content('{"onnx": {"digests": {'),
    "a list": _content("[]"),
    "deep": _content("[" * 100_000),
    "digests in a list": _content(json.dumps({"onnx": {"digests": [A]}})),
    "digests as text": _content(json.dumps({"onnx": {"digests": A}})),
    "a digest that is none": _content(json.dumps({"onnx": {"digests": {"model.onnx": A[1:]}}})),
    "a digest that is a number": _content(json.dumps({"onnx": {"digests": {"model.onnx": 1}}})),
    "a digest with a line end": _content(json.dumps({"onnx": {"digests": {"model.onnx": A + chr(10)}}})),
}


@pytest.mark.parametrize("damage", METRICS_DAMAGES)
def test_damaged_metrics_are_an_error_whatever_the_sums_say(tmp_path: Path, damage: str) -> None:
    put(tmp_path / "model" / SUMS, f"{A}  model.onnx\n")
    METRICS_DAMAGES[damage](tmp_path / "metrics.json")
    with pytest.raises(BadDataError) as caught:
        read_digests(tmp_path / "model")
    assert str(tmp_path / "metrics.json") in caught.value.message


def test_a_file_without_a_digest_is_an_error(tmp_path: Path) -> None:
    put(tmp_path / SUMS, f"{A}  model.onnx\n")
    digests = read_digests(tmp_path)
    assert digests is not None
    digests.check(tmp_path / "model.onnx", A)
    with pytest.raises(BadDataError, match=r"SHA256SUMS has no SHA-256 of config\.json"):
        digests.check(tmp_path / "config.json", A)
