"""What `make test-gpu` measures, with a CPU that says CUDA: its figures, and its exit code."""

import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx.numpy_helper import from_array, to_array

from emotion.errors import UnavailableError
from tests.gpu_precision import covered, main
from tests.toy import write_float16, write_model


def measured(monkeypatch: pytest.MonkeyPatch, folder: Path) -> int:
    monkeypatch.setattr(sys, "argv", ["gpu_precision", str(folder), "--rows", "300", "--rounds", "1"])
    with pytest.raises(SystemExit) as ended:
        main()
    return int(str(ended.value.code))


@pytest.mark.usefixtures("cuda")
def test_speed_and_labels_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = write_float16(write_model(tmp_path / "half"))
    assert measured(monkeypatch, folder) == 0
    lines = " ".join(capsys.readouterr().out.split())
    for expected in ("half: float32 ", "half: float16 ", "of the time in the session", "100.000% labels equal"):
        assert expected in lines


@pytest.mark.usefixtures("cuda")
def test_labels_that_differ_are_exit_code_1(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = write_float16(write_model(tmp_path / "half"))
    model = onnx.load(str(folder / "model.float16.onnx"))
    (dense,) = (tensor for tensor in model.graph.initializer if tensor.name == "dense")
    dense.CopyFrom(from_array(np.ascontiguousarray(-to_array(dense)), "dense"))
    onnx.save(model, str(folder / "model.float16.onnx"))
    assert measured(monkeypatch, folder) == 1


def test_without_a_gpu_nothing_is_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = write_float16(write_model(tmp_path / "half"))
    monkeypatch.setattr(sys, "argv", ["gpu_precision", str(folder)])
    with pytest.raises(UnavailableError, match="cannot use a GPU"):
        main()


def test_time_that_two_calls_share_counts_once() -> None:
    assert covered([]) == 0
    assert covered([(4, 5), (0, 2), (1, 3), (1.5, 2.5)]) == 4
