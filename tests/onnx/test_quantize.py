"""int8: kept where it agrees with float32, refused with the reason where not, and no stale file either way."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray

from emotion.onnx import compare as comparing
from emotion.onnx import quantize as quantizing
from emotion.onnx.compare import Comparison
from emotion.onnx.quantize import QuantizationResult, quantize
from emotion.onnx.session import Classifier, probabilities
from tests.onnx.exported import TEXTS, Exported, export


@dataclass
class Quantized(Exported):
    """An exported model, and what int8 makes of it."""

    @property
    def small(self) -> Path:
        return self.folder / "model.int8.onnx"

    def quantize(self, labels: NDArray[np.int32] | None = None) -> QuantizationResult:
        return quantize(self.folder, self.exact, TEXTS, self.labels if labels is None else labels, 1)


@pytest.fixture(scope="module", params=["bert", "distilbert", "albert", "mobilebert"])
def exported(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Quantized:
    return Quantized(**vars(export(request.param, tmp_path_factory)))


@pytest.fixture(autouse=True)
def _without_limits(monkeypatch: pytest.MonkeyPatch, exported: Quantized) -> None:
    """Let anything be kept, and start without a quantized file: what is kept must not hang on random weights."""
    monkeypatch.setattr(quantizing, "MIN_AGREEMENT", 0.0)
    monkeypatch.setattr(comparing, "MAX_ACCURACY_LOSS", 1.0)
    monkeypatch.setattr(quantizing, "MIN_SPEEDUP", 0.0)
    exported.small.unlink(missing_ok=True)


def changes(exported: Quantized) -> float:
    """Measure the largest difference of a logit between the two files."""
    small = Classifier.load(exported.folder, 1, precision="int8")
    return float(np.abs(small.logits(TEXTS) - exported.exact.logits(TEXTS)).max())


def test_a_file_that_is_kept_is_smaller_and_nearly_the_same(exported: Quantized) -> None:
    scores = exported.quantize()
    assert (scores.kept, scores.reason) == (True, "")
    assert scores.bytes == exported.small.stat().st_size < 0.8 * exported.exact.graph.stat().st_size
    assert 0 < changes(exported) < 0.2 * np.ptp(exported.exact.logits(TEXTS))
    assert 0.9 <= scores.label_agreement <= 1
    assert scores.speedup > 0


def test_matrix_products_are_quantized_and_lookups_are_not(exported: Quantized) -> None:
    exported.quantize()
    graph = onnx.load(str(exported.small)).graph
    types = {tensor.name: tensor.data_type for tensor in graph.initializer}
    products = [node for node in graph.node if node.op_type == "MatMulIntegerToFloat"]
    assert len(products) >= 2 * 6
    assert all(types[node.input[1]] == onnx.TensorProto.INT8 for node in products)
    float32 = [node for node in graph.node if node.op_type in {"MatMul", "Gemm"} and node.input[1] in types]
    assert [list(dims(graph, node.input[1]))[-1] for node in float32] == [2]
    tables = [node.input[0] for node in graph.node if node.op_type == "Gather" and node.input[0] in types]
    assert len(tables) >= 2
    assert onnx.TensorProto.INT8 not in {types[name] for name in tables}


def dims(graph: onnx.GraphProto, name: str) -> Sequence[int]:
    """Give the shape of a constant."""
    return next(tensor.dims for tensor in graph.initializer if tensor.name == name)


def test_a_row_does_not_depend_on_the_other_rows(exported: Quantized) -> None:
    exported.quantize()
    small = Classifier.load(exported.folder, 1, precision="int8")
    together = small.logits(TEXTS)
    assert_same(small.logits(TEXTS[::-1])[::-1], together)
    assert_same(np.concatenate([small.logits(TEXTS[start : start + 7]) for start in range(0, len(TEXTS), 7)]), together)
    assert_same(np.concatenate([small.logits([text]) for text in TEXTS]), together)
    # The longest text shares a batch with them, and has the largest states.
    assert_same(small.logits([*TEXTS, "!" * 60 + "furious" * 9])[:-1], together)


def assert_same(logits: NDArray[np.float32], expected: NDArray[np.float32]) -> None:
    """Check that labels are equal and scores differ by 1e-6 at most."""
    assert (logits.argmax(axis=1) == expected.argmax(axis=1)).all()
    np.testing.assert_allclose(probabilities(logits), probabilities(expected), atol=1e-6)


def test_what_is_not_faster_is_refused(exported: Quantized, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quantizing, "MIN_SPEEDUP", 1000.0)
    scores = exported.quantize()
    assert not scores.kept
    assert scores.reason == f"it is not faster here: {scores.speedup:.2f} times float32's speed"
    assert not exported.small.exists()


def test_agreement_and_accuracy_are_measured_on_the_given_rows(exported: Quantized) -> None:
    before = exported.labels
    scores = exported.quantize()
    small = Classifier.load(exported.folder, 1, precision="int8")
    after = small.logits(TEXTS).argmax(axis=1)
    assert scores.label_agreement == pytest.approx((before == after).mean())
    assert scores.accuracy_change == pytest.approx((after == before).mean() - 1)
    # As seen by the file's own labels, it is the other one that is wrong.
    assert exported.quantize(after.astype(np.int32)).accuracy_change == pytest.approx(1 - (after == before).mean())


def test_too_little_agreement_is_refused_with_both_figures(
    exported: Quantized, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(quantizing, "MIN_AGREEMENT", 1.01)
    scores = exported.quantize()
    assert not scores.kept
    assert scores.reason == f"{scores.label_agreement:.2%} of validation's labels agree, 101.0% are needed"
    assert not exported.small.exists()
    assert scores.bytes > 1000
    assert scores.speedup > 0


def test_too_much_lost_accuracy_is_refused_with_both_figures(
    exported: Quantized, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(quantizing, "MIN_AGREEMENT", 1.01)
    monkeypatch.setattr(comparing, "MAX_ACCURACY_LOSS", -0.5)
    scores = exported.quantize()
    assert not scores.kept
    agreement, accuracy = scores.reason.split("; ")
    assert "labels agree" in agreement
    assert accuracy == f"accuracy falls by {-scores.accuracy_change:.2%}, allowed is -50.0%"
    assert not exported.small.exists()


def test_the_limits_themselves_are_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quantizing, "MIN_AGREEMENT", 0.995)
    monkeypatch.setattr(comparing, "MAX_ACCURACY_LOSS", 0.003)
    # As differences of shares of 2,000 rows are: not exact.
    allowed = Comparison(1990 / 2000, 1868 / 2000 - 1874 / 2000)
    assert quantizing.reasons_to_reject(allowed, 1.1) == []
    assert len(quantizing.reasons_to_reject(Comparison(1989 / 2000, 1867 / 2000 - 1874 / 2000), 1.1)) == 2


def test_a_stale_file_does_not_stay(exported: Quantized, monkeypatch: pytest.MonkeyPatch) -> None:
    exported.small.write_bytes(b"of another model")
    assert exported.quantize().kept
    assert exported.small.stat().st_size > 1000
    monkeypatch.setattr(quantizing, "MIN_AGREEMENT", 1.01)
    assert not exported.quantize().kept
    assert not exported.small.exists()


@pytest.mark.parametrize("step", ["_quantized", "compare"])
def test_nothing_is_left_where_it_ends_early(exported: Quantized, monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    exported.small.write_bytes(b"of another model")
    monkeypatch.setattr(quantizing, step, interrupted)
    with pytest.raises(KeyboardInterrupt):
        exported.quantize()
    assert not exported.small.exists()
    assert not list(exported.folder.glob(".*"))


def test_nothing_is_said(exported: Quantized, capfd: pytest.CaptureFixture[str]) -> None:
    exported.quantize()
    assert capfd.readouterr() == ("", "")
