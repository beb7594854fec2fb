"""Export: one graph for any batch, the LSTM as one operator, transformers of any length, the model's own logits."""

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
from emotion.params.schema import AnnTable, LstmTable, WordParams, WordTextTable, WordTrainingTable
from emotion.store.atomic import write_json
from emotion.text.encoded import Encoded, encode
from emotion.text.vocabulary import learn_tokenizer, with_short_padding

LABELS = ["Wut", "größte Freude", "恐れ"]
TEXTS = ["i feel happy today", "so furious", "scared, very scared", "日本", "unheard of", "happy " * 60]
LEFT = WordTextTable(padding="left")
LSTM = LstmTable(embedding_dim=8, units=6, hidden=[8, 4])
MODELS = {
    "ann": WordParams(model=AnnTable(embedding_dim=8, hidden=[8, 4]), text=LEFT),
    "ann without padding": WordParams(model=AnnTable(embedding_dim=8, hidden=[8, 4])),
    "lstm": WordParams(model=LSTM, text=LEFT),
    "lstm in buckets": WordParams(model=LSTM, text=LEFT, training=WordTrainingTable(buckets=True)),
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
    from emotion.models.without_padding import without_padding
    from emotion.onnx.export import to_onnx, word_config

    prepare(1, 0)
    params = MODELS[name]
    tokenizer = learn_tokenizer(TEXTS[:4], params.text, params.padded_length)
    model = build_model(params, tokenizer.get_vocab_size(), len(labels))
    random = np.random.default_rng(0)
    # Weights as training may leave them, biases too, so that no term of the graph is nothing.
    model.set_weights([random.normal(0, 0.5, weight.shape) for weight in model.get_weights()])
    short = name == "ann without padding"
    (folder / "model.onnx").write_bytes(to_onnx(without_padding(model) if short else model, opset))
    (with_short_padding(tokenizer, 35) if short else tokenizer).save(str(folder / "tokenizer.json"))
    write_json(folder / "config.json", word_config(params, labels))
    return Exported(model, tokenizer, folder)


@pytest.fixture(scope="module", params=list(MODELS))
def exported(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Exported:
    return export(tmp_path_factory.mktemp("model"), request.param, LABELS)


@pytest.fixture(scope="module", params=["ann without padding", "lstm in buckets"])
def any_length(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Exported:
    return export(tmp_path_factory.mktemp("model"), request.param, LABELS)


@pytest.fixture(scope="module")
def lstm(tmp_path_factory: pytest.TempPathFactory) -> Exported:
    return export(tmp_path_factory.mktemp("lstm"), "lstm in buckets", LABELS)


def operators(graph: Any) -> list[Any]:
    """Collect all nodes, those of nested graphs too."""
    nested = [attribute.g for node in graph.node for attribute in node.attribute if attribute.HasField("g")]
    return [*graph.node, *(node for subgraph in nested for node in operators(subgraph))]


def trained(model: Any, texts: Encoded) -> Any:
    from emotion.training.forward import Forward

    return Forward(model).predict(texts)


@pytest.mark.parametrize("rows", [1, 7, 600])
def test_any_batch_gives_the_logits_of_the_model(exported: Exported, rows: int) -> None:
    ids = np.random.default_rng(rows).integers(0, exported.tokenizer.get_vocab_size(), (rows, 35)).astype(np.int32)
    session = onnxruntime.InferenceSession(str(exported.folder / "model.onnx"), providers=["CPUExecutionProvider"])
    (logits,) = session.run(["logits"], {"input_ids": ids.astype(np.int64)})
    assert logits.shape == (rows, 3)
    assert logits.dtype == np.float32
    expected = trained(exported.model, Encoded(ids, np.full(rows, 35, np.int32), pad=0))
    assert np.abs(logits - expected).max() <= 1e-4
    assert np.abs(expected).max() > 0.1


@pytest.mark.parametrize("name", MODELS)
def test_the_signature(name: str, tmp_path: Path) -> None:
    exported = export(tmp_path, name, LABELS)
    graph = exported.graph.graph
    (inputs,), (outputs,) = graph.input, graph.output
    shapes = [
        [dimension.dim_param or dimension.dim_value for dimension in value.type.tensor_type.shape.dim]
        for value in (inputs, outputs)
    ]
    assert (inputs.name, outputs.name) == ("input_ids", "logits")
    assert shapes == [["batch", 35 if name in {"ann", "lstm"} else "length"], ["batch", 3]]
    assert inputs.type.tensor_type.elem_type == onnx.TensorProto.INT64
    assert outputs.type.tensor_type.elem_type == onnx.TensorProto.FLOAT


def test_the_graph_is_valid_and_of_the_opset_that_was_asked_for(exported: Exported, tmp_path: Path) -> None:
    onnx.checker.check_model(exported.graph, full_check=True)
    assert {opset.domain: opset.version for opset in exported.graph.opset_import}[""] == 17
    newer = export(tmp_path, "ann", LABELS, opset=18).graph
    assert {opset.domain: opset.version for opset in newer.opset_import}[""] == 18


def test_the_lstm_is_one_bidirectional_operator(lstm: Exported) -> None:
    nodes = operators(lstm.graph.graph)
    (node,) = [node for node in nodes if node.op_type == "LSTM"]
    directions = [attribute.s for attribute in node.attribute if attribute.name == "direction"]
    assert directions == [b"bidirectional"]
    assert not {"Loop", "Scan", "If", "GRU", "RNN"} & {node.op_type for node in nodes}


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_a_row_has_its_own_length_and_the_same_logits_in_any_company(any_length: Exported, threads: int) -> None:
    classifier = Classifier.load(any_length.folder, threads)
    texts = [
        " ".join(["so", "happy", "i", "?!", "unheard"][shift : shift + words])
        for shift in range(5)
        for words in range(6)
    ]
    texts = [*TEXTS, "", *texts * 30]
    logits = classifier.logits(texts)
    batches = classifier._batcher.batches(["", "so", "so happy", "so " * 6])
    ann = any_length.model.name == "ann"
    assert [batch.inputs["input_ids"].shape[1] for batch in batches] == ([5, 10] if ann else [1, 2, 6])
    for order in (np.arange(len(texts))[::-1], np.arange(1, len(texts), 7), *np.arange(40)[:, None]):
        np.testing.assert_array_equal(classifier.logits([texts[row] for row in order]), logits[order])


def test_the_folder_opens_as_a_classifier_with_the_same_logits(exported: Exported) -> None:
    classifier = Classifier.load(exported.folder, 1)
    assert classifier.labels == LABELS
    expected = trained(exported.model, encode(exported.tokenizer, TEXTS))
    assert np.abs(classifier.logits(TEXTS) - expected).max() <= 1e-4
    assert len(np.unique(expected.round(3), axis=0)) == len(TEXTS)


def test_the_configuration_names_labels_as_they_are_written(exported: Exported) -> None:
    text = (exported.folder / "config.json").read_text(encoding="utf-8")
    assert "größte Freude" in text
    content = json.loads(text)
    assert content["id2label"] == {"0": "Wut", "1": "größte Freude", "2": "恐れ"}
    assert content["label2id"] == {"Wut": 0, "größte Freude": 1, "恐れ": 2}
    assert content["max_length"] == 35
    assert content["model_type"] in {"emotion-ann", "emotion-lstm"}


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


SMALL = {
    "vocab_size": 40,
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 24,
    "max_position_embeddings": 32,
    "initializer_range": 0.2,
}
FAMILIES: dict[str, dict[str, Any]] = {
    "bert": {},
    "distilbert": {"dim": 16, "n_layers": 2, "n_heads": 4, "hidden_dim": 24},
    "albert": {"embedding_size": 8},
    "mobilebert": {"embedding_size": 8, "intra_bottleneck_size": 8, "num_feedforward_networks": 2},
    "roberta": {"type_vocab_size": 1},
    "electra": {"embedding_size": 8},
}


@dataclass
class Transformer:
    """A transformer, and its graph."""

    model: Any
    graph: bytes

    def session(self, **options: Any) -> onnxruntime.InferenceSession:
        settings = onnxruntime.SessionOptions()
        # Left alone, the runtime binds threads to cores, and complains of those that the process may not use.
        settings.intra_op_num_threads = 1
        for name, value in options.items():
            setattr(settings, name, value)
        return onnxruntime.InferenceSession(self.graph, settings, providers=["CPUExecutionProvider"])


@pytest.fixture(scope="module", params=FAMILIES)
def transformer(request: pytest.FixtureRequest) -> Transformer:
    from emotion.models.config_json import encoder_config
    from emotion.models.transformer import build_transformer
    from emotion.onnx.export import to_onnx

    prepare(1, 0)
    config = encoder_config({"model_type": request.param, **SMALL, **FAMILIES[request.param]})
    model = build_transformer(config, 3, request.param)
    random = np.random.default_rng(0)
    # As training may leave them: a norm that multiplies by one would be left out of the graph.
    model.set_weights([weight + random.normal(0, 0.1, weight.shape) for weight in model.get_weights()])
    return Transformer(model, to_onnx(model, 17, apart=True))


@pytest.mark.parametrize(("rows", "length"), [(1, 2), (5, 9), (3, 30)])
def test_a_transformer_takes_any_batch_and_length_with_padding(
    transformer: Transformer, rows: int, length: int
) -> None:
    random = np.random.default_rng(rows)
    lengths = random.integers(1, length + 1, rows).astype(np.int32)
    ids = np.where(np.arange(length) < lengths[:, None], random.integers(2, 40, (rows, length)), 1).astype(np.int32)
    inputs = Encoded(ids, lengths, pad=1).inputs([tensor.name for tensor in transformer.model.inputs])
    (logits,) = transformer.session().run(["logits"], {name: array.astype(np.int64) for name, array in inputs.items()})
    expected = np.asarray(transformer.model(inputs))
    assert logits.dtype == np.float32
    assert np.abs(logits - expected).max() <= 1e-5
    assert np.abs(expected).max() > 0.01


def test_a_transformer_s_signature(transformer: Transformer) -> None:
    session = transformer.session()
    assert [value.name for value in session.get_inputs()] == [tensor.name for tensor in transformer.model.inputs]
    for value in session.get_inputs():
        assert (value.type, value.shape) == ("tensor(int64)", ["batch", "length"])
    (output,) = session.get_outputs()
    assert (output.name, output.type, output.shape) == ("logits", "tensor(float)", ["batch", 3])


def test_it_opens_without_a_warning(transformer: Transformer, capfd: pytest.CaptureFixture[str]) -> None:
    transformer.session()
    assert capfd.readouterr().err == ""


def test_the_runtime_finds_its_fused_operators(transformer: Transformer, tmp_path: Path) -> None:
    """Layer normalisation and GELU in all but MobileBERT, which has neither; ELECTRA's head has one more."""
    optimised = tmp_path / "optimised.onnx"
    transformer.session(optimized_model_filepath=str(optimised), log_severity_level=4)
    found = [node.op_type for node in onnx.load(str(optimised)).graph.node]
    assert "Erf" not in found
    norms = sum(operator.endswith("LayerNormalization") for operator in found)
    gelus = sum(operator.endswith("Gelu") for operator in found)
    assert norms == (0 if transformer.model.name == "mobilebert" else 5)
    assert gelus == {"mobilebert": 0, "electra": 3}.get(transformer.model.name, 2)


def test_weights_that_are_put_in_at_the_end_are_each_there_once(transformer: Transformer) -> None:
    from emotion.onnx.export import to_onnx

    graph = onnx.load_from_string(transformer.graph).graph
    stored = {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in graph.initializer}
    weights = {variable.path: variable.numpy() for variable in transformer.model.trainable_variables}
    for path, weight in weights.items():
        np.testing.assert_array_equal(stored[path], weight)
    assert sum(array.size for name, array in stored.items() if name not in weights) < 200
    whole = onnx.load_from_string(to_onnx(transformer.model, 17)).graph
    assert sorted(node.op_type for node in graph.node) == sorted(node.op_type for node in whole.node)


def test_weights_that_nothing_reads_are_left_out() -> None:
    """MobileBERT's bottleneck for keys and queries, where the attention has one of its own."""
    from emotion.models.config_json import encoder_config
    from emotion.models.transformer import build_transformer
    from emotion.onnx.export import to_onnx

    prepare(1, 0)
    sizes = {**SMALL, **FAMILIES["mobilebert"], "use_bottleneck_attention": True}
    model = build_transformer(encoder_config({"model_type": "mobilebert", **sizes}), 3, "mobilebert")
    graph = onnx.load_from_string(to_onnx(model, 17, apart=True)).graph
    stored, read = {tensor.name for tensor in graph.initializer}, {name for node in graph.node for name in node.input}
    assert stored <= read
    assert any("shared_bottleneck" in variable.path for variable in model.trainable_variables)
    assert not any("shared_bottleneck" in name for name in stored)
