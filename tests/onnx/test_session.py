"""Loading any model folder, good or hostile, and what its logits are."""

import hashlib
import json
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
from onnx import load, numpy_helper, save
from tokenizers import Tokenizer

from emotion.errors import BadDataError, InputMissingError, UnavailableError, UsageError
from emotion.onnx.devices import CPU, CUDA
from emotion.onnx.session import Classifier, find_model, probabilities
from tests.toy import LABELS, write_model

TEXTS = ["i feel happy", "furious", "so very scared today", "unheard words", "", "i " * 200]


@pytest.mark.parametrize("length", [35, None])
def test_labels_follow_the_words(tmp_path: Path, length: int | None) -> None:
    classifier = Classifier.load(write_model(tmp_path, length=length))
    logits = classifier.logits(["i feel happy", "furious", "so scared"])
    assert logits.dtype == np.float32
    assert [classifier.labels[best] for best in logits.argmax(axis=1)] == ["joy", "anger", "fear"]


@pytest.mark.parametrize("threads", [1, 2, 8])
@pytest.mark.parametrize("length", [35, None])
def test_a_rows_logits_do_not_depend_on_its_neighbours(tmp_path: Path, length: int | None, threads: int) -> None:
    classifier = Classifier.load(write_model(tmp_path, length=length), threads)
    together = classifier.logits(TEXTS * 300)
    alone = np.concatenate([classifier.logits([text]) for text in TEXTS])
    assert np.array_equal(together, np.tile(alone, (300, 1)))


@pytest.mark.parametrize("length", [35, None])
@pytest.mark.parametrize("side", ["right", "left"])
def test_arrays_are_what_the_tokenizer_says(tmp_path: Path, length: int | None, side: str) -> None:
    folder = write_model(tmp_path, length=length)
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.enable_padding(direction=side, length=length, pad_id=0, pad_token="[PAD]", pad_to_multiple_of=7)
    tokenizer.enable_truncation(length or 64, direction=side)
    tokenizer.save(str(folder / "tokenizer.json"))
    encoder = Classifier.load(folder)._encoder
    for batch in encoder.batches(TEXTS):
        for row, place in enumerate(batch.rows):
            wanted = tokenizer.encode(TEXTS[place])
            assert list(batch.inputs["input_ids"][row]) == (wanted.ids or [0] * 7)
            if "attention_mask" in batch.inputs:
                assert list(batch.inputs["attention_mask"][row]) == (wanted.attention_mask or [0] * 7)


@pytest.mark.parametrize("side", ["right", "left"])
@pytest.mark.parametrize(
    "long",
    ["happy " * 300_000, " " * 500_000 + "happy" + " " * 500_000, "x" * 1_000_000 + " happy", "so\n" * 9000 + "scared"],
)
def test_a_long_text_gives_what_truncation_gives(tmp_path: Path, long: str, side: str) -> None:
    folder = write_model(tmp_path)
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.enable_truncation(35, direction=side)
    tokenizer.save(str(folder / "tokenizer.json"))
    [batch] = Classifier.load(folder)._encoder.batches([long])
    assert list(batch.inputs["input_ids"][0]) == tokenizer.encode(long).ids


def test_a_text_that_the_tokenizer_refuses_has_no_logits(toy: Classifier) -> None:
    logits = toy.logits(["happy", "lone \udcff surrogate", "furious"])
    assert np.isnan(logits[1]).all()
    assert np.array_equal(logits[[0, 2]], toy.logits(["happy", "furious"]))


def test_a_stride_does_not_matter(tmp_path: Path, toy: Classifier) -> None:
    folder = write_model(tmp_path)
    _tokenizer("truncation", {"stride": 99})(folder)
    assert np.array_equal(Classifier.load(folder).logits(TEXTS), toy.logits(TEXTS))


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


def test_the_quantised_model_is_a_file_of_its_own(tmp_path: Path, toy: Classifier) -> None:
    folder = write_model(tmp_path / "model")
    with pytest.raises(InputMissingError, match=r"no model\.int8\.onnx") as caught:
        Classifier.load(folder, precision="int8")
    assert "--precision float32" in caught.value.hint
    model = load(folder / "model.onnx")
    (dense,) = [weight for weight in model.graph.initializer if weight.name == "dense"]
    dense.CopyFrom(numpy_helper.from_array(-numpy_helper.to_array(dense), "dense"))
    save(model, folder / "model.int8.onnx")
    small = Classifier.load(tmp_path, precision="int8")
    assert small.graph == folder / "model.int8.onnx"
    np.testing.assert_allclose(small.logits(TEXTS), -toy.logits(TEXTS), atol=1e-6)
    assert small.model_digest != Classifier.load(folder).model_digest
    assert Classifier.load(folder).graph == folder / "model.onnx"


def test_a_damaged_quantised_model_is_named(tmp_path: Path) -> None:
    folder = write_model(tmp_path)
    (folder / "model.int8.onnx").write_bytes(b"not a model at all")
    with pytest.raises(BadDataError, match=r"model\.int8\.onnx"):
        Classifier.load(folder, precision="int8")
    assert Classifier.load(folder).labels == list(LABELS)


def test_a_gpu_that_onnxruntime_knows_nothing_of(toy_model: Path, toy: Classifier) -> None:
    with pytest.raises(UnavailableError, match=r"onnxruntime \d.* has no CUDA") as caught:
        Classifier.load(toy_model, 1, device="gpu")
    assert "--device cpu" in caught.value.hint
    found = Classifier.load(toy_model, 1, device="auto")
    assert found.device == toy.device == "cpu"
    assert np.array_equal(found.logits(TEXTS), toy.logits(TEXTS))


@pytest.mark.filterwarnings("ignore:Specified provider")
def test_a_session_that_falls_back_to_the_cpu_is_none_on_the_gpu(
    toy_model: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """An onnxruntime that promises CUDA; the session is a real one, which falls back."""
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: [CUDA, CPU])
    monkeypatch.setattr(onnxruntime, "preload_dlls", lambda: print("no libcublas\nno libcudnn"))  # noqa: T201
    with pytest.raises(UnavailableError, match=r"cannot use the GPU: no libcublas$") as caught:
        Classifier.load(toy_model, 1, device="gpu")
    assert "--gpus all" in caught.value.hint
    assert Classifier.load(toy_model, 1, device="auto").device == "cpu"
    assert capfd.readouterr() == ("", "")


def test_a_damaged_model_is_no_fault_of_the_gpu(tmp_path: Path) -> None:
    (write_model(tmp_path) / "model.onnx").write_bytes(b"not a model at all")
    with pytest.raises(BadDataError, match="no ONNX model"):
        Classifier.load(tmp_path, device="gpu")


class OnGpu(onnxruntime.InferenceSession):  # type: ignore[misc]
    """A session as onnxruntime-gpu gives it: it says CUDA, and may fail as CUDA does. The CPU does the work."""

    opens = True
    runs_left = 1000

    def __init__(self, graph: str, options: object, providers: list[object], **others: object) -> None:
        self.on_gpu = providers != [CPU]
        if self.on_gpu:
            assert (providers, others) == ([(CUDA, {"use_tf32": "0"}), CPU], {"enable_fallback": 0})
            if not self.opens:
                raise RuntimeError("cuda_call.cc:122 [with T = int] CUDA failure 35: no driver ; GPU=-1 ; line=336")
        super().__init__(graph, options, providers=[CPU])

    def get_providers(self) -> list[str]:
        return [CUDA, CPU] if self.on_gpu else [CPU]

    def run(self, *arguments: object) -> object:
        if self.on_gpu:
            self.runs_left -= 1
            if self.runs_left < 0:
                raise RuntimeError("core/bfc_arena.cc:376 Failed to allocate memory for a buffer\n")
        return super().run(*arguments)


@pytest.fixture
def cuda(monkeypatch: pytest.MonkeyPatch) -> type[OnGpu]:
    """Let onnxruntime have a GPU."""
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: [CUDA, CPU])
    monkeypatch.setattr(onnxruntime, "InferenceSession", OnGpu)
    monkeypatch.setattr(OnGpu, "opens", True)
    monkeypatch.setattr(OnGpu, "runs_left", 1000)
    return OnGpu


@pytest.mark.usefixtures("cuda")
def test_a_gpu_is_taken_unless_it_is_not_wanted(toy_model: Path, toy: Classifier) -> None:
    for device in ("gpu", "auto"):
        found = Classifier.load(toy_model, 1, device=device)
        assert found.device == "gpu"
        assert np.array_equal(found.logits(TEXTS), toy.logits(TEXTS))
    assert Classifier.load(toy_model, 1, device="cpu").device == "cpu"
    assert Classifier.load(toy_model, 1).device == "cpu"


@pytest.mark.usefixtures("cuda")
def test_int8_never_runs_on_a_gpu(tmp_path: Path) -> None:
    folder = write_model(tmp_path)
    (folder / "model.int8.onnx").write_bytes((folder / "model.onnx").read_bytes())
    assert Classifier.load(folder, 1, "int8", "auto").device == "cpu"
    with pytest.raises(UsageError, match="cannot run int8"):
        Classifier.load(folder, 1, "int8", "gpu")


def test_a_gpu_that_does_not_open(toy_model: Path, cuda: type[OnGpu]) -> None:
    cuda.opens = False
    with pytest.raises(UnavailableError, match=r"cannot use the GPU: CUDA failure 35: no driver$"):
        Classifier.load(toy_model, 1, device="gpu")
    assert Classifier.load(toy_model, 1, device="auto").device == "cpu"


@pytest.mark.parametrize("runs", [0, 1])
def test_a_gpu_that_fails_at_once_or_later(toy_model: Path, cuda: type[OnGpu], runs: int) -> None:
    cuda.runs_left = runs
    found = Classifier.load(toy_model, 1, device="auto")
    assert found.device == ("gpu" if runs else "cpu")
    with pytest.raises(UnavailableError, match=r"the GPU failed .*: Failed to allocate memory for a buffer$"):
        Classifier.load(toy_model, 1, device="gpu").logits(TEXTS)


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
    "config cut": (_cut("config.json"), "not whole JSON"),
    "config a list": (_replace("config.json", b"[]"), "object"),
    "no id2label": (_config(), "no id2label"),
    "keys from 1": (_config(id2label={"1": "a", "2": "b", "3": "c"}), "not 0 to 2"),
    "a label twice": (_config(id2label={"0": "a", "1": "a", "2": "b"}), "different names"),
    "a label that is a number": (_config(id2label={"0": "a", "1": 1, "2": "b"}), "different names"),
    "too few labels": (_config(id2label={"0": "a", "1": "b"}), "2 labels"),
    "model cut": (_cut("model.onnx"), "no ONNX model"),
    "model foreign": (_replace("model.onnx", b"not a model at all"), "no ONNX model"),
    "model empty": (_replace("model.onnx", b""), "model.onnx"),
    "tokenizer cut": (_cut("tokenizer.json"), "no tokenizer"),
    "tokenizer foreign": (_replace("tokenizer.json", b"{}"), "no tokenizer"),
    "tokenizer binary": (_replace("tokenizer.json", b"\xff\xfe\x00"), "no tokenizer"),
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
    spoil, message = HOSTILE[name]
    spoil(write_model(tmp_path))
    with pytest.raises(BadDataError, match=message):
        Classifier.load(tmp_path)
    assert capfd.readouterr() == ("", "")
