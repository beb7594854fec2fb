"""float16: kept where it agrees with float32, refused with the reason where not, and compared on a GPU if there is one.

The GPU of these tests is a CPU that says CUDA. On a CPU onnxruntime computes in float32 and rounds now and then.
"""

import re
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx.helper import make_node
from onnx.numpy_helper import from_array, to_array

from emotion.onnx import compare as comparing
from emotion.onnx import float16 as converting
from emotion.onnx.float16 import Float16Result, write_float16
from emotion.onnx.session import Classifier
from tests.gpu import OnGpu
from tests.onnx.exported import TEXTS, Exported, export


@pytest.fixture(scope="module", params=["bert", "distilbert", "albert", "mobilebert"])
def models(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Exported:
    return export(request.param, tmp_path_factory)


@pytest.fixture
def exported(models: Exported, tmp_path: Path) -> Exported:
    """Give a copy, which a test may change."""
    folder = Path(shutil.copytree(models.folder, tmp_path / "model"))
    return replace(models, folder=folder, exact=Classifier.load(folder, 1))


def convert(exported: Exported) -> Float16Result:
    return write_float16(exported.folder, exported.exact, TEXTS, exported.labels, 1)


def half(exported: Exported) -> Path:
    return exported.folder / "model.float16.onnx"


def change(exported: Exported, model: onnx.ModelProto) -> Exported:
    """Replace the float32 graph."""
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, str(exported.folder / "model.onnx"))
    return replace(exported, exact=Classifier.load(exported.folder, 1))


def test_a_file_that_is_kept_has_half_the_bytes_and_the_same_labels(exported: Exported) -> None:
    result = convert(exported)
    assert result == Float16Result(True, "", half(exported).stat().st_size, 1.0, 0.0, "cpu")
    assert result.bytes < 0.6 * exported.exact.graph.stat().st_size
    float16 = Classifier.load(exported.folder, 1, "float16")
    assert (float16.precision, float16.graph) == ("float16", half(exported))
    before, after = exported.exact.logits(TEXTS), float16.logits(TEXTS)
    assert (before.argmax(axis=1) == after.argmax(axis=1)).all()
    assert 0 < np.abs(after - before).max() < 0.01 * np.ptp(before)


def test_weights_are_float16_and_inputs_and_logits_are_as_before(exported: Exported) -> None:
    convert(exported)
    before, after = (onnx.load(str(path)).graph for path in (exported.exact.graph, half(exported)))
    assert (list(after.input), list(after.output)) == (list(before.input), list(before.output))
    assert {tensor.name for tensor in after.initializer if tensor.data_type == onnx.TensorProto.FLOAT16} == {
        tensor.name for tensor in before.initializer if tensor.data_type == onnx.TensorProto.FLOAT
    }


def test_what_changes_too_many_labels_is_refused(exported: Exported, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(converting, "MIN_AGREEMENT", 1.01)
    result = convert(exported)
    assert (result.kept, result.reason) == (False, "100.00% of validation's labels agree, 101.0% are needed")
    assert not half(exported).exists()
    assert result.bytes > 1000


def test_what_loses_accuracy_is_refused(exported: Exported, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(comparing, "MAX_ACCURACY_LOSS", -0.5)
    result = convert(exported)
    assert (result.kept, result.reason) == (False, "accuracy falls by -0.00%, allowed is -50.0%")
    assert not half(exported).exists()


def test_labels_that_float16_changes_are_counted(exported: Exported, monkeypatch: pytest.MonkeyPatch) -> None:
    model = onnx.load(str(exported.exact.graph))
    (logits,) = (node for node in model.graph.node if "logits" in node.output)
    logits.output[0] = "exact"
    # The label turns at the median of the texts, and float16 has no digits for their differences beside 2,000.
    difference = np.diff(exported.exact.logits(TEXTS), axis=1)[:, 0]
    shift = np.array([2000 + np.median(difference), 2000], np.float32)
    model.graph.initializer.append(from_array(shift, "shift"))
    model.graph.node.append(make_node("Add", ["exact", "shift"], ["logits"]))
    changed = change(exported, model)
    labels = changed.exact.logits(TEXTS).argmax(axis=1).astype(np.int32)
    monkeypatch.setattr(comparing, "MAX_ACCURACY_LOSS", 1.0)
    result = convert(replace(changed, labels=labels))
    assert not result.kept
    assert result.accuracy_change == pytest.approx(result.label_agreement - 1)
    assert result.reason == f"{result.label_agreement:.2%} of validation's labels agree, 99.9% are needed"


def test_a_weight_beyond_the_range_is_refused_though_no_label_changes(exported: Exported) -> None:
    model = onnx.load(str(exported.exact.graph))
    table = next(tensor for tensor in model.graph.initializer if "word" in tensor.name and len(tensor.dims) == 2)
    values = to_array(table).copy()
    # Of the unknown token, which these texts lack.
    values[1] = -1e5
    table.CopyFrom(from_array(values, table.name))
    result = convert(change(exported, model))
    assert (result.kept, result.label_agreement) == (False, 1.0)
    assert result.reason == f"{table.name} reaches 1e+05, and float16 ends at 65,504"
    assert not half(exported).exists()


def test_a_value_beyond_the_range_is_refused(exported: Exported) -> None:
    model = onnx.load(str(exported.exact.graph))
    (logits,) = (node for node in model.graph.node if "logits" in node.output)
    logits.output[0] = "exact"
    # Float32 holds the products, and each factor fits into float16.
    names = ["exact", "large", "huge", "less", "logits"]
    for number, factor in enumerate((3e4, 3e4, 1e-4, 1e-4)):
        model.graph.initializer.append(from_array(np.array(factor, np.float32), f"factor {number}"))
        model.graph.node.append(make_node("Mul", [names[number], f"factor {number}"], [names[number + 1]]))
    result = convert(change(exported, model))
    assert not result.kept
    assert re.match(r"huge reaches \d(\.\d+)?e\+0\d, and float16 ends at 65,504", result.reason)
    assert not half(exported).exists()


@pytest.mark.usefixtures("cuda")
def test_a_gpu_compares(exported: Exported) -> None:
    assert convert(exported).device == "gpu"


def test_a_gpu_that_does_not_open_or_fails_leaves_it_to_the_cpu(exported: Exported, cuda: type[OnGpu]) -> None:
    # Opening takes one run.
    for opens, runs in ((False, 1000), (True, 0), (True, 1)):
        cuda.opens, cuda.runs_left = opens, runs
        result = convert(exported)
        assert (result.kept, result.device) == (True, "cpu")


def test_a_stale_file_does_not_stay(exported: Exported, monkeypatch: pytest.MonkeyPatch) -> None:
    half(exported).write_bytes(b"of another model")
    assert convert(exported).kept
    assert half(exported).stat().st_size > 1000
    monkeypatch.setattr(converting, "MIN_AGREEMENT", 1.01)
    assert not convert(exported).kept
    assert not half(exported).exists()


@pytest.mark.parametrize("step", ["_converted", "compare", "find_largest"])
def test_nothing_is_left_where_it_ends_early(exported: Exported, monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    half(exported).write_bytes(b"of another model")
    monkeypatch.setattr(converting, step, interrupted)
    with pytest.raises(KeyboardInterrupt):
        convert(exported)
    assert not half(exported).exists()
    assert not list(exported.folder.glob(".*"))


def test_nothing_is_said(exported: Exported, capfd: pytest.CaptureFixture[str]) -> None:
    convert(exported)
    assert capfd.readouterr() == ("", "")
