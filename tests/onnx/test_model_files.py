"""Files of a model: read once, held against their digests, and the same for digest and use."""

from pathlib import Path

import onnxruntime
import pytest

from emotion.errors import BadDataError, InputMissingError
from emotion.onnx.devices import open_on_cpu
from emotion.onnx.digests import SUMS, write_digests
from emotion.onnx.graphs import FILES, INT8
from emotion.onnx.model_files import read_files
from emotion.onnx.session import Classifier
from tests.toy import write_int8, write_model


def test_files_with_digests_are_verified(tmp_path: Path, toy: Classifier) -> None:
    folder = write_model(tmp_path)
    assert not read_files(folder / "model.onnx").verified
    write_digests(folder, FILES)
    files = read_files(folder / "model.onnx")
    assert files.verified
    assert files.digest == toy.model_digest
    assert files.config == (folder / "config.json").read_bytes()
    assert files.tokenizer == (folder / "tokenizer.json").read_bytes()
    assert (Classifier.load(folder).verified, toy.verified) == (True, False)


def test_only_the_graph_that_is_used_is_read(tmp_path: Path) -> None:
    folder = write_model(tmp_path)
    write_int8(folder)
    write_digests(folder, [*FILES, INT8])
    (folder / INT8).write_bytes(b"damaged")
    assert Classifier.load(folder).verified
    with pytest.raises(BadDataError, match=r"model\.int8\.onnx changed since its export"):
        Classifier.load(folder, precision="int8")
    write_digests(folder, [*FILES, INT8])
    (folder / "model.onnx").write_bytes(b"damaged")
    with pytest.raises(BadDataError, match=r"model\.onnx changed since its export"):
        Classifier.load(folder)


def test_an_int8_file_that_the_export_did_not_write_is_refused(tmp_path: Path) -> None:
    folder = write_model(tmp_path)
    write_digests(folder, FILES)
    write_int8(folder)
    with pytest.raises(BadDataError, match=r"has no SHA-256 of model\.int8\.onnx"):
        Classifier.load(folder, precision="int8")


@pytest.mark.parametrize("replace", [True, False])
def test_a_graph_that_changes_between_digest_and_use(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, replace: bool
) -> None:
    """The new graph is as good as the old one; only its digest was never compared."""
    folder = write_model(tmp_path / "model")
    other = write_model(tmp_path / "other", labels=("a", "b", "c"))
    write_digests(folder, FILES)

    def late(graph: Path, threads: int) -> onnxruntime.InferenceSession:
        if replace:
            (other / "model.onnx").replace(graph)
        else:
            graph.write_bytes((other / "model.onnx").read_bytes())
        return open_on_cpu(graph, threads)

    monkeypatch.setattr("emotion.onnx.session.open_on_cpu", late)
    with pytest.raises(BadDataError, match=r"model\.onnx changed while it was read"):
        Classifier.load(folder)


def test_small_files_are_used_as_they_were_compared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = write_model(tmp_path)
    write_digests(folder, FILES)

    def late(graph: Path, threads: int) -> onnxruntime.InferenceSession:
        for name in ("config.json", "tokenizer.json", SUMS):
            (folder / name).write_text("{}")
        return open_on_cpu(graph, threads)

    monkeypatch.setattr("emotion.onnx.session.open_on_cpu", late)
    classifier = Classifier.load(folder)
    assert classifier.labels[int(classifier.logits(["happy"]).argmax())] == "joy"


@pytest.mark.parametrize("name", FILES)
def test_a_file_that_vanishes_is_named(tmp_path: Path, name: str) -> None:
    (write_model(tmp_path) / name).unlink()
    with pytest.raises(InputMissingError, match=f"cannot read .*{name}"):
        read_files(tmp_path / "model.onnx")
