"""Export: one graph for any batch, the LSTM as one operator, logits equal to the trained model's."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from tokenizers import Tokenizer

from emotion.errors import CheckFailedError
from emotion.models.backend import prepare
from emotion.onnx.session import Classifier
from emotion.params import AnnParams, ExportParams, LstmParams, Params, TextParams
from emotion.text.wordlevel import encode, learn_tokenizer

LABELS = ["Wut", "größte Freude", "恐れ"]
TEXTS = ["i feel happy today", "so furious", "scared, very scared", "日本", "unheard of", "happy " * 60]
MODELS: dict[str, AnnParams | LstmParams] = {
    "ann": AnnParams(embedding_dim=8, hidden=[8, 4]),
    "lstm": LstmParams(embedding_dim=8, units=6, hidden=[8, 4]),
}


@dataclass
class Exported:
    """A model, what it was exported with, and the folder that it is in."""

    model: Any
    tokenizer: Tokenizer
    folder: Path

    @property
    def graph(self) -> Any:
        return onnx.load(str(self.folder / "model.onnx"))


def export(folder: Path, name: str, labels: list[str], opset: int = 17) -> Exported:
    from emotion.models.build import build_model
    from emotion.onnx.export import export_model

    prepare(1, 0)
    params = Params(model=MODELS[name], text=TextParams(padding="left"), export=ExportParams(opset=opset))
    tokenizer = learn_tokenizer(TEXTS[:4], params.text)
    model = build_model(params, tokenizer.get_vocab_size(), len(labels))
    random = np.random.default_rng(0)
    # Weights as training may leave them, biases too, so that no term of the graph is nothing.
    model.set_weights([random.normal(0, 0.5, weight.shape) for weight in model.get_weights()])
    export_model(folder, model, tokenizer, labels, params, {"run": f"{name}/s1", "data": "toy", "sample": True})
    return Exported(model, tokenizer, folder)


@pytest.fixture(scope="module", params=list(MODELS))
def exported(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Exported:
    return export(tmp_path_factory.mktemp("model"), request.param, LABELS)


@pytest.fixture(scope="module")
def lstm(tmp_path_factory: pytest.TempPathFactory) -> Exported:
    return export(tmp_path_factory.mktemp("lstm"), "lstm", LABELS)


def operators(graph: Any) -> list[Any]:
    """Collect all nodes, those of nested graphs too."""
    nested = [attribute.g for node in graph.node for attribute in node.attribute if attribute.HasField("g")]
    return [*graph.node, *(node for each in nested for node in operators(each))]


@pytest.mark.parametrize("rows", [1, 7, 600])
def test_any_batch_gives_the_logits_of_the_model(exported: Exported, rows: int) -> None:
    from emotion.training.fit import predict

    ids = np.random.default_rng(rows).integers(0, exported.tokenizer.get_vocab_size(), (rows, 35)).astype(np.int32)
    session = onnxruntime.InferenceSession(str(exported.folder / "model.onnx"), providers=["CPUExecutionProvider"])
    (logits,) = session.run(["logits"], {"input_ids": ids.astype(np.int64)})
    assert logits.shape == (rows, 3)
    assert logits.dtype == np.float32
    trained = predict(exported.model, ids)
    assert np.abs(logits - trained).max() <= 1e-4
    assert np.abs(trained).max() > 0.1


def test_the_signature(exported: Exported) -> None:
    graph = exported.graph.graph
    (inputs,), (outputs,) = graph.input, graph.output
    shapes = [
        [each.dim_param or each.dim_value for each in one.type.tensor_type.shape.dim] for one in (inputs, outputs)
    ]
    assert (inputs.name, outputs.name) == ("input_ids", "logits")
    assert shapes == [["batch", 35], ["batch", 3]]
    assert inputs.type.tensor_type.elem_type == onnx.TensorProto.INT64
    assert outputs.type.tensor_type.elem_type == onnx.TensorProto.FLOAT


def test_the_graph_is_valid_and_of_the_opset_that_was_asked_for(exported: Exported, tmp_path: Path) -> None:
    onnx.checker.check_model(exported.graph, full_check=True)
    assert {each.domain: each.version for each in exported.graph.opset_import}[""] == 17
    newer = export(tmp_path, "ann", LABELS, opset=18).graph
    assert {each.domain: each.version for each in newer.opset_import}[""] == 18


def test_the_lstm_is_one_bidirectional_operator(lstm: Exported) -> None:
    nodes = operators(lstm.graph.graph)
    (node,) = [node for node in nodes if node.op_type == "LSTM"]
    directions = [attribute.s for attribute in node.attribute if attribute.name == "direction"]
    assert directions == [b"bidirectional"]
    assert not {"Loop", "Scan", "If", "GRU", "RNN"} & {node.op_type for node in nodes}


def test_the_folder_opens_as_a_classifier_with_the_same_logits(exported: Exported) -> None:
    from emotion.training.fit import predict

    classifier = Classifier.load(exported.folder, 1)
    assert classifier.labels == LABELS
    trained = predict(exported.model, encode(exported.tokenizer, TEXTS))
    assert np.abs(classifier.logits(TEXTS) - trained).max() <= 1e-4
    assert len(np.unique(trained.round(3), axis=0)) == len(TEXTS)


def test_the_configuration_names_labels_as_they_are_written(exported: Exported) -> None:
    text = (exported.folder / "config.json").read_text(encoding="utf-8")
    assert "größte Freude" in text
    content = json.loads(text)
    assert content["id2label"] == {"0": "Wut", "1": "größte Freude", "2": "恐れ"}
    assert content["label2id"] == {"Wut": 0, "größte Freude": 1, "恐れ": 2}
    assert (content["max_length"], content["data"], content["sample"]) == (35, "toy", True)
    assert sorted(path.name for path in exported.folder.iterdir())[:3] == [
        "config.json",
        "model.onnx",
        "tokenizer.json",
    ]


def test_two_labels(tmp_path: Path) -> None:
    found = export(tmp_path, "ann", ["no", "yes"])
    assert Classifier.load(found.folder, 1).logits(TEXTS).shape == (len(TEXTS), 2)


def test_a_graph_that_is_not_valid_is_never_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise onnx.checker.ValidationError("no such operator")

    monkeypatch.setattr(onnx.checker, "check_model", refuse)
    with pytest.raises(CheckFailedError, match="no such operator") as caught:
        export(tmp_path, "ann", LABELS)
    assert caught.value.exit_code == 70
    assert not (tmp_path / "model.onnx").exists()
