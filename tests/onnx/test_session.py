"""Loading any model folder, good or hostile, and what its logits are."""

import contextlib
import hashlib
import json
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
from numpy.typing import NDArray
from onnx import helper, load, numpy_helper, save

from emotion.errors import BadDataError, InputMissingError
from emotion.onnx import session
from emotion.onnx.batching import Batch
from emotion.onnx.devices import open_on_cpu
from emotion.onnx.graphs import INT8_KIND, find_model
from emotion.onnx.session import Classifier, probabilities
from tests.composites.members import draw_texts, vary
from tests.onnx.conftest import TEXTS
from tests.toy import LABELS, write_model


@pytest.mark.parametrize("length", [35, None])
def test_labels_follow_the_words(tmp_path: Path, length: int | None) -> None:
    classifier = Classifier.load(write_model(tmp_path, length=length))
    logits = classifier.logits(["i feel happy", "furious", "so scared"])
    assert logits.dtype == np.float32
    assert [classifier.labels[best] for best in logits.argmax(axis=1)] == ["joy", "anger", "fear"]


@pytest.fixture(params=["small", "large"])
def size(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Load models as small ones, or as large ones: these run several batches at once."""
    monkeypatch.setattr(session, "SMALL_MODEL_BYTES", 1 << 30 if request.param == "small" else 0)
    return str(request.param)


@pytest.mark.parametrize("threads", [1, 2, 8])
@pytest.mark.parametrize("length", [35, None])
@pytest.mark.usefixtures("size")
def test_a_rows_logits_do_not_depend_on_its_neighbours(tmp_path: Path, length: int | None, threads: int) -> None:
    classifier = Classifier.load(write_model(tmp_path, length=length), threads)
    texts = TEXTS * 300
    together = classifier.logits(texts)
    alone = np.concatenate([classifier.logits([text]) for text in TEXTS])
    assert np.array_equal(together, np.tile(alone, (300, 1)))
    assert np.array_equal(classifier.logits(texts[::-1])[::-1], together)


def test_cores_run_a_batch_of_a_large_model_each(tmp_path: Path, size: str, monkeypatch: pytest.MonkeyPatch) -> None:
    classifier = Classifier.load(write_model(tmp_path, length=None), 2)
    run, met, together = classifier._run, threading.Barrier(2, timeout=30 if size == "large" else 0.1), []

    def meet(batch: Batch) -> NDArray[np.float32]:
        with contextlib.suppress(threading.BrokenBarrierError):
            together.append(met.wait())
        return run(batch)

    monkeypatch.setattr(Classifier, "_run", lambda _, batch: meet(batch))
    assert np.isfinite(classifier.logits(["happy", "so happy", "so so happy", "so very very happy"])).all()
    assert len(together) == (4 if size == "large" else 0)


@pytest.mark.parametrize(("threads", "batches"), [(1, 1), (2, 2), (5, 1), (6, 3), (8, 4)])
def test_no_core_is_left_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, threads: int, batches: int) -> None:
    opened: list[int] = []

    def open_and_count(graph: Path, count: int) -> onnxruntime.InferenceSession:
        opened.append(count)
        return open_on_cpu(graph, count)

    monkeypatch.setattr(session, "SMALL_MODEL_BYTES", 1)
    monkeypatch.setattr(session, "open_on_cpu", open_and_count)
    classifier = Classifier.load(write_model(tmp_path), threads)
    assert (classifier._batches, opened) == (batches, [threads // batches])


@pytest.mark.usefixtures("size")
def test_a_batch_that_fails_ends_the_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    classifier = Classifier.load(write_model(tmp_path), 2)
    run, runs = classifier._run, []

    def fail(batch: Batch) -> NDArray[np.float32]:
        runs.append(batch)
        if len(runs) == 2:
            raise BadDataError("the model fails")
        time.sleep(0.02)
        return run(batch)

    monkeypatch.setattr(Classifier, "_run", lambda _, batch: fail(batch))
    with pytest.raises(BadDataError, match="the model fails"):
        classifier.logits(["happy"] * 10_000)
    assert len(runs) < 10


def test_a_text_that_the_tokenizer_refuses_has_no_logits(toy: Classifier) -> None:
    logits = toy.logits(["happy", "lone \udcff surrogate", "furious"])
    assert np.isnan(logits[1]).all()
    assert np.array_equal(logits[[0, 2]], toy.logits(["happy", "furious"]))


def test_texts_that_are_cut_are_known(toy: Classifier) -> None:
    texts = ["happy " * 36, "lone \udcff surrogate", "happy " * 35, "scared " * 9000, "", "furious"]
    logits, cut = toy.logits_and_cut(texts)
    assert cut.dtype == np.bool_
    assert cut.tolist() == [True, False, False, True, False, False]
    np.testing.assert_array_equal(logits, toy.logits(texts))
    assert toy.logits_and_cut([])[1].shape == (0,)


def test_a_stride_does_not_matter(tmp_path: Path, toy: Classifier) -> None:
    folder = write_model(tmp_path)
    _tokenizer("truncation", {"stride": 99})(folder)
    for strided, plain in zip(Classifier.load(folder).logits_and_cut(TEXTS), toy.logits_and_cut(TEXTS), strict=True):
        assert np.array_equal(strided, plain)


def test_no_texts_give_no_logits(toy: Classifier) -> None:
    assert toy.logits([]).shape == (0, 3)


def test_stopping_leaves_the_rest_without_logits(toy: Classifier) -> None:
    stopped = threading.Event()
    stopped.set()
    assert np.isnan(toy.logits(["happy"], stopped)).all()


def test_probabilities_are_stable() -> None:
    found = probabilities(np.array([[1000.0, 0.0], [0.0, 0.0], [np.nan, 0.0]], np.float32))
    assert found[:2].tolist() == [[1.0, 0.0], [0.5, 0.5]]
    assert np.isnan(found[2]).all()


def test_the_digest_is_of_the_three_files(toy_model: Path, toy: Classifier) -> None:
    content = b"".join((toy_model / name).read_bytes() for name in ("model.onnx", "tokenizer.json", "config.json"))
    assert toy.model_digest == hashlib.sha256(content).hexdigest()


def test_the_int8_model_is_a_file_of_its_own(tmp_path: Path, toy: Classifier) -> None:
    folder = write_model(tmp_path / "model")
    with pytest.raises(InputMissingError, match=r"no model\.int8\.onnx") as caught:
        Classifier.load(folder, precision="int8")
    assert "--precision float32" in caught.value.hint
    model = load(folder / "model.onnx")
    (dense,) = [weight for weight in model.graph.initializer if weight.name == "dense"]
    dense.CopyFrom(numpy_helper.from_array(-numpy_helper.to_array(dense), "dense"))
    save(model, folder / "model.int8.onnx")
    # As earlier versions wrote it.
    with pytest.raises(BadDataError, match="labels would depend on neighboring rows"):
        Classifier.load(folder, precision="int8")
    helper.set_model_props(model, dict([INT8_KIND]))
    save(model, folder / "model.int8.onnx")
    small = Classifier.load(tmp_path, precision="int8")
    assert small.graph == folder / "model.int8.onnx"
    np.testing.assert_allclose(small.logits(TEXTS), -toy.logits(TEXTS), atol=1e-6)
    assert small.model_digest != Classifier.load(folder).model_digest
    assert Classifier.load(folder).graph == folder / "model.onnx"


def test_a_damaged_int8_model_is_named(tmp_path: Path) -> None:
    folder = write_model(tmp_path)
    (folder / "model.int8.onnx").write_bytes(b"not a model at all")
    with pytest.raises(BadDataError, match=r"model\.int8\.onnx"):
        Classifier.load(folder, precision="int8")
    assert Classifier.load(folder).labels == list(LABELS)


def test_a_runs_folder_will_do(tmp_path: Path) -> None:
    write_model(tmp_path / "model")
    assert Classifier.load(tmp_path).labels == list(LABELS)


@pytest.mark.parametrize("missing", ["model.onnx", "tokenizer.json", "config.json"])
def test_a_missing_file_is_named(tmp_path: Path, missing: str) -> None:
    (write_model(tmp_path) / missing).unlink()
    with pytest.raises(InputMissingError, match=missing):
        find_model(tmp_path)


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputMissingError, match=r"no such folder: .*nowhere"):
        Classifier.load(tmp_path / "nowhere")


def _config(**changes: object) -> Callable[[Path], None]:
    return _replace("config.json", json.dumps(changes).encode())


def _cut(name: str) -> Callable[[Path], None]:
    def cut(folder: Path) -> None:
        content = (folder / name).read_bytes()
        (folder / name).write_bytes(content[: len(content) // 2])

    return cut


def _replace(name: str, content: bytes) -> Callable[[Path], None]:
    def replace(folder: Path) -> None:
        (folder / name).write_bytes(content)

    return replace


def _tokenizer(key: str, value: object) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        content = json.loads((folder / "tokenizer.json").read_text())
        content[key] = value if not isinstance(value, dict) else {**content[key], **value}
        (folder / "tokenizer.json").write_text(json.dumps(content))

    return change


def _larger_vocabulary(folder: Path) -> None:
    content = json.loads((folder / "tokenizer.json").read_text())
    content["model"]["vocab"]["beyond"] = 5000
    (folder / "tokenizer.json").write_text(json.dumps(content))


def _graph(change: str) -> Callable[[Path], None]:
    def apply(folder: Path) -> None:
        model = load(folder / "model.onnx")
        [ids], [logits] = model.graph.input, model.graph.output
        match change:
            case "name":
                ids.name = model.graph.node[0].input[1] = "tokens"
            case "type":
                ids.type.tensor_type.elem_type = 6
            case "batch":
                ids.type.tensor_type.shape.dim[0].dim_value = 1
            case "rank":
                ids.type.tensor_type.shape.dim.pop()
            case "output":
                logits.name = model.graph.node[-1].output[0] = "scores"
        save(model, folder / "model.onnx")

    return apply


HOSTILE = {
    "config cut": (_cut("config.json"), "not complete JSON"),
    "config a list": (_replace("config.json", b"[]"), "object"),
    "no id2label": (_config(), "no id2label"),
    "keys from 1": (_config(id2label={"1": "a", "2": "b", "3": "c"}), "not 0 to 2"),
    "a label twice": (_config(id2label={"0": "a", "1": "a", "2": "b"}), "different names"),
    "a label that is a number": (_config(id2label={"0": "a", "1": 1, "2": "b"}), "different names"),
    "too few labels": (_config(id2label={"0": "a", "1": "b"}), "2 labels"),
    "model cut": (_cut("model.onnx"), "not a usable ONNX model"),
    "model foreign": (_replace("model.onnx", b"not a model at all"), "not a usable ONNX model"),
    "model empty": (_replace("model.onnx", b""), "model.onnx"),
    "tokenizer cut": (_cut("tokenizer.json"), "not a tokenizer"),
    "tokenizer foreign": (_replace("tokenizer.json", b"{}"), "not a tokenizer"),
    "tokenizer binary": (_replace("tokenizer.json", b"\xff\xfe\x00"), "not a tokenizer"),
    "no truncation": (_tokenizer("truncation", None), "no truncation"),
    "no padding": (_tokenizer("padding", None), "no padding"),
    "truncation to nothing": (_tokenizer("truncation", {"max_length": 0}), "to 0 tokens"),
    "truncation too long": (_tokenizer("truncation", {"max_length": 99}), "cuts texts to 99"),
    "padding too short": (_tokenizer("padding", {"strategy": {"Fixed": 8}}), "pads texts to 8"),
    "padding without end": (_tokenizer("padding", {"strategy": {"Fixed": 10**12}}), "to 1000000000000 tokens"),
    "ids beyond the vectors": (_larger_vocabulary, "ids up to 5000"),
    "input name": (_graph("name"), "another kind of model"),
    "input type": (_graph("type"), "int32"),
    "fixed batch": (_graph("batch"), "any batch"),
    "rank": (_graph("rank"), "model.onnx"),
    "output name": (_graph("output"), "another kind of model"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_folder_is_an_error_with_a_name(tmp_path: Path, name: str, capfd: pytest.CaptureFixture[str]) -> None:
    damage, message = HOSTILE[name]
    damage(write_model(tmp_path))
    with pytest.raises(BadDataError, match=message):
        Classifier.load(tmp_path)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("threads", [1, 2, 6, 16])
def test_scores_have_the_same_bits_whatever_runs_beside_them_and_on_any_number_of_cores(
    tmp_path: Path, threads: int
) -> None:
    """A cascade compares scores with its threshold."""
    folder, texts = vary(write_model(tmp_path, length=None), seed=1), draw_texts(2000)
    whole = Classifier.load(folder, 1).logits(texts)
    classifier = Classifier.load(folder, threads, concurrent=True)
    draw = np.random.default_rng(0)
    for size in (2000, 1000, 200, 40, 20, 2, 1):
        rows = draw.permutation(2000)[:size]
        np.testing.assert_array_equal(classifier.logits([texts[row] for row in rows.tolist()]), whole[rows])
