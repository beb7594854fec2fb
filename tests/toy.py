"""A model of real architecture and toy size: word vectors, their mean, one dense layer."""

import json
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers

from emotion.composites.predictor import Member, Predictor
from emotion.onnx.graphs import FLOAT16, INT8, INT8_KIND
from emotion.onnx.session import Classifier

LABELS = ("anger", "fear", "joy")
WORDS = {"furious": 0, "scared": 1, "happy": 2}
FILLERS = ("i", "feel", "so", "very", "today")


def write_model(folder: Path, *, length: int | None = 35, labels: tuple[str, ...] = LABELS) -> Path:
    """Write a model folder whose label is that of the words furious, scared and happy.

    With a `length` the model takes `input_ids` of that length, as the ANN does; without, `input_ids` and
    `attention_mask` of any length, as the transformers do.
    """
    folder.mkdir(parents=True, exist_ok=True)
    words = ["[PAD]", "[UNK]", *WORDS, *FILLERS]
    (folder / "model.onnx").write_bytes(_graph(words, length, len(labels)))
    _tokenizer(words, length).save(str(folder / "tokenizer.json"))
    names = {str(index): label for index, label in enumerate(labels)}
    (folder / "config.json").write_text(json.dumps({"id2label": names}))
    return folder


def single(classifier: Classifier, name: str = "toy") -> Predictor:
    """Make a predictor of one model."""
    return Predictor(name, (Member(name, classifier),))


def write_int8(folder: Path) -> Path:
    """Write an int8 model with the same logits beside the float32 model of a folder."""
    model = onnx.load(str(folder / "model.onnx"))
    helper.set_model_props(model, dict([INT8_KIND]))
    (folder / INT8).write_bytes(model.SerializeToString())
    return folder


def write_float16(folder: Path) -> Path:
    """Write a float16 model with the same logits beside the float32 model of a folder."""
    (folder / FLOAT16).write_bytes((folder / "model.onnx").read_bytes())
    return folder


def _tokenizer(words: list[str], length: int | None) -> Tokenizer:
    ids = {word: index for index, word in enumerate(words)}
    tokenizer = Tokenizer(models.WordLevel(ids, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.enable_truncation(length or 64)
    tokenizer.enable_padding(length=length, pad_id=0, pad_token="[PAD]")
    return tokenizer


def _graph(words: list[str], length: int | None, labels: int) -> bytes:
    # Sums of these are exact, in whatever order threads add them up.
    vectors = (np.random.default_rng(0).integers(-128, 129, (len(words), 8)) / 1024).astype(np.float32)
    for word, label in WORDS.items():
        vectors[words.index(word), label] = 40
    weights = {"vectors": vectors, "dense": np.eye(8, labels, dtype=np.float32)}
    nodes = [helper.make_node("Gather", ["vectors", "input_ids"], ["found"])]
    inputs = [_input("input_ids", length)]
    summed = "found"
    if length is None:
        inputs.append(_input("attention_mask", length))
        weights["last"] = np.array([-1])
        nodes += [
            helper.make_node("Cast", ["attention_mask"], ["real"], to=TensorProto.FLOAT),
            helper.make_node("Unsqueeze", ["real", "last"], ["column"]),
            helper.make_node("Mul", ["found", "column"], ["masked"]),
        ]
        summed = "masked"
    nodes += [
        helper.make_node("ReduceMean", [summed], ["mean"], axes=[1], keepdims=0),
        helper.make_node("MatMul", ["mean", "dense"], ["logits"]),
    ]
    outputs = [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", labels])]
    constants = [numpy_helper.from_array(value, name) for name, value in weights.items()]
    graph = helper.make_graph(nodes, "toy", inputs, outputs, constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    return bytes(model.SerializeToString())


def _input(name: str, length: int | None) -> object:
    return helper.make_tensor_value_info(name, TensorProto.INT64, ["batch", length or "length"])
