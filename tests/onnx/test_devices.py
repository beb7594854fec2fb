"""Devices: which one runs a model, and what is said of a GPU that cannot be used."""

from pathlib import Path

import numpy as np
import onnxruntime
import pytest

from emotion.errors import BadDataError, UnavailableError, UsageError
from emotion.onnx.devices import CPU, CUDA
from emotion.onnx.session import Classifier
from tests.gpu import OnGpu
from tests.onnx.conftest import TEXTS
from tests.toy import write_int8, write_model


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
    with pytest.raises(BadDataError, match="not a usable ONNX model"):
        Classifier.load(tmp_path, device="gpu")


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
    write_int8(folder)
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


@pytest.mark.usefixtures("cuda")
def test_a_gpu_gets_larger_batches_and_two_calls(tmp_path: Path) -> None:
    classifier = Classifier.load(write_model(tmp_path), 1, device="gpu")
    before = classifier._session.runs_left
    classifier.logits(["happy"] * 2000)
    # 35 tokens a row, 936 rows in a batch of 32,768 tokens.
    assert before - classifier._session.runs_left == 3
    assert classifier.calls == 2
