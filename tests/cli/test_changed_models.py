"""`emotion classify` with a model whose files changed since their export, or have no digests."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from emotion.onnx.digests import SUMS, write_digests
from emotion.onnx.graphs import FILES, INT8
from emotion.store.layout import Run, Store
from tests.builders import make_metrics, write_run
from tests.classify.command import Command, Done, emotion
from tests.toy import write_int8, write_model

Damage = Callable[[Path, Path], object]


def write_both(folder: Path, **options: object) -> Path:
    """Write a model with an int8 graph, here a longer one with the same logits."""
    write_model(folder, **options)  # type: ignore[arg-type]
    return write_int8(folder)


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Give a complete run with an int8 graph, and digests of its files."""
    store = Store(tmp_path / "store")
    digests = write_digests(write_both(store.run("minilm", "s1").exported), [*FILES, INT8])
    return write_run(store, make_metrics("minilm", "s1", onnx__digests=digests))


@pytest.fixture
def copied(tmp_path: Path, run: Run) -> Path:
    """Give a copy of its model folder."""
    return Path(shutil.copytree(run.exported, tmp_path / "copied"))


@pytest.fixture
def classify(tmp_path: Path) -> Command:
    """Give `emotion classify` for a file of one row."""

    def command(model: Path, *options: object) -> Done:
        (tmp_path / "in.csv").write_text("text\nhappy\n")
        (tmp_path / "out.csv").unlink(missing_ok=True)
        return emotion("classify", tmp_path / "in.csv", tmp_path / "out.csv", "--model", model, *options)

    return command


def summary(done: Done) -> dict[str, object]:
    assert done.code == 0, done.err
    content: dict[str, object] = json.loads(done.out)["model"]
    return content


def flip(path: Path, _: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def cut(path: Path, _: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


DAMAGES: dict[str, Damage] = {
    "a bit is another": flip,
    "the last byte is gone": cut,
    "all is gone": lambda path, _: path.write_bytes(b""),
    "a line end more": lambda path, _: path.write_bytes(path.read_bytes() + b"\n"),
    "another run's file": lambda path, other: shutil.copy(other / path.name, path),
}


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("file", [*FILES, INT8])
def test_a_file_that_changed_is_refused(
    tmp_path: Path, run: Run, copied: Path, classify: Command, file: str, damage: str
) -> None:
    other = write_both(tmp_path / "other", length=None, labels=("a", "b", "c"))
    precision = "int8" if file == INT8 else "float32"
    for folder, origin in ((run.exported, run.metrics), (copied, copied / SUMS)):
        assert summary(classify(folder, "--precision", precision, "--json"))["verified"] is True
        DAMAGES[damage](folder / file, other)
        done = classify(folder, "--precision", precision)
        assert (done.code, done.out) == (65, ""), done.err
        assert f"{folder / file} changed since its export" in done.err
        assert str(origin) in done.err
        assert "copy the folder again from its origin, or export the model again" in done.err
        assert not (tmp_path / "out.csv").exists()
        if file == INT8:
            assert summary(classify(folder, "--precision", "float32", "--json"))["verified"] is True


def test_the_run_is_refused_by_its_name_too(run: Run, classify: Command, tmp_path: Path) -> None:
    flip(run.exported / "model.onnx", run.exported)
    for model in (run.folder, "minilm/s1"):
        done = classify(model, "--store", tmp_path / "store")
        assert done.code == 65
        assert "model.onnx changed since its export" in done.err


def test_a_config_that_is_edited_on_purpose(run: Run, copied: Path, classify: Command) -> None:
    for folder in (run.exported, copied):
        config = folder / "config.json"
        config.write_text(config.read_text().replace("joy", "delight"))
    done = classify(copied)
    assert done.code == 65
    assert f"remove {SUMS} or write it again with sha256sum" in done.err
    write_digests(copied, [*FILES, INT8])
    assert summary(classify(copied, "--json"))["verified"] is True
    (copied / SUMS).unlink()
    assert summary(classify(copied, "--json"))["verified"] is False
    # The metrics of a run are those of the files that it exported.
    write_digests(run.exported, [*FILES, INT8])
    done = classify(run.exported)
    assert done.code == 65
    assert "copy its folder, change the copy" in done.err


def test_a_folder_without_digests_works_and_is_reported_once(copied: Path, classify: Command) -> None:
    assert "not verified" not in classify(copied).err
    (copied / SUMS).unlink()
    done = classify(copied)
    assert done.code == 0
    assert done.err.count(f"not verified: {copied} has no file {SUMS} with digests\n") == 1
    assert summary(classify(copied, "--json"))["verified"] is False


@pytest.mark.parametrize("content", [b"", b"\x00\xff", b"0" * 64 + b"  ../model.onnx\n", b"0" * 64 + b"  other\n"])
def test_damaged_sums_are_refused(copied: Path, classify: Command, content: bytes) -> None:
    (copied / SUMS).write_bytes(content)
    done = classify(copied)
    assert done.code == 65
    assert str(copied / SUMS) in done.err


def test_damaged_metrics_are_refused(run: Run, classify: Command) -> None:
    run.metrics.write_bytes(run.metrics.read_bytes()[:-20])
    done = classify(run.folder)
    assert done.code == 65
    assert f"{run.metrics} is not complete JSON" in done.err
