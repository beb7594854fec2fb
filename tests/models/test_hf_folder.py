"""Reading pretrained models as they are found, also damaged ones. test_references.py compares writing with PyTorch."""

import json
import pickle
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import pytest
from numpy.typing import DTypeLike
from safetensors.numpy import load_file

from emotion.errors import BadDataError, InputMissingError
from emotion.models.config import FAMILIES
from emotion.models.config_json import encoder_config
from emotion.models.hf_folder import classifier_config, load_weights
from tests.models.conftest import REFERENCES, Reference

QUERY = "bert.encoder.layer.0.attention.self.query.weight"


def test_a_pretrained_model_without_a_head(family: Reference) -> None:
    prefix = f"{FAMILIES[family.config.family]}."
    pooler = {name for name in family.tensors if ".pooler." in name}
    encoder = {
        name: tensor for name, tensor in family.tensors.items() if name.startswith(prefix) and name not in pooler
    }
    loaded = family.load(encoder)
    assert loaded.tensors == len(encoder)
    assert sorted(loaded.new) == sorted(set(family.tensors) - set(encoder))
    assert loaded.unused == []
    assert all(name in str(loaded) for name in loaded.new)


def test_the_classifier_is_new_for_other_labels(family: Reference) -> None:
    loaded = family.load_into_zeros(family.tensors, same_labels=False)
    assert len(loaded.new) == 2
    assert loaded.unused == []
    written = family.written()
    changed = {name for name, tensor in family.tensors.items() if not np.array_equal(tensor, written[name])}
    assert changed == set(loaded.new)
    assert all(not written[name].any() for name in changed)


def test_heads_of_pretraining_are_told(bert: Reference) -> None:
    heads = {
        "cls.predictions.bias": np.ones(60),
        "cls.predictions.transform.LayerNorm.gamma": np.ones(16),
        "cls.seq_relationship.weight": np.ones((2, 16)),
    }
    loaded = bert.load({**bert.tensors, **heads})
    assert loaded.unused == sorted(heads)
    assert all(name in str(loaded) for name in heads)


def test_many_unused_tensors_are_counted(bert: Reference) -> None:
    loaded = bert.load({**bert.tensors, **{f"decoder.{index}": np.ones(1) for index in range(100)}})
    assert len(loaded.unused) == 100
    assert "and 92 more" in str(loaded)
    assert len(str(loaded)) < 300


@pytest.mark.parametrize("prefix", ["bert.embeddings.", "embeddings.", ""])
def test_buffers_of_old_versions_are_no_weights(bert: Reference, prefix: str) -> None:
    buffers = {f"{prefix}{name}": np.arange(24)[None] for name in ("position_ids", "token_type_ids")}
    assert bert.load({**bert.tensors, **buffers}).unused == []


@pytest.mark.parametrize("dtype", [np.float16, ml_dtypes.bfloat16, np.float64])
def test_half_precision_is_read(bert: Reference, dtype: DTypeLike) -> None:
    bert.load_into_zeros({name: tensor.astype(dtype) for name, tensor in bert.tensors.items()})
    for name, tensor in bert.written().items():
        assert tensor.dtype == np.float32
        np.testing.assert_array_equal(tensor, bert.tensors[name].astype(dtype).astype(np.float32))


@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.int64, np.bool_])
def test_quantised_weights_are_refused(bert: Reference, dtype: DTypeLike) -> None:
    with pytest.raises(BadDataError, match=f"{QUERY} is {np.dtype(dtype).name}"):
        bert.load({**bert.tensors, QUERY: bert.tensors[QUERY].astype(dtype)})


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_weights_that_are_no_numbers(bert: Reference, value: float) -> None:
    broken = bert.tensors[QUERY].copy()
    broken[3, 4] = value
    with pytest.raises(BadDataError, match=QUERY):
        bert.load({**bert.tensors, QUERY: broken})


def test_a_weight_that_is_missing_is_named(bert: Reference) -> None:
    with pytest.raises(BadDataError, match="no values for 1 weights of a bert encoder") as caught:
        bert.load({name: tensor for name, tensor in bert.tensors.items() if name != QUERY})
    assert QUERY in caught.value.message


def test_the_weights_of_another_family(bert: Reference) -> None:
    other = load_file(REFERENCES / "distilbert" / "model.safetensors")
    with pytest.raises(BadDataError, match="no values for 37 weights of a bert encoder") as caught:
        bert.load(other)
    assert len(caught.value.message) < 1000


@pytest.mark.parametrize("shape", [(8, 16), (16, 8), (256,), (16, 16, 1), (0, 16)])
def test_a_shape_that_is_not_that_of_the_configuration(bert: Reference, shape: tuple[int, ...]) -> None:
    with pytest.raises(BadDataError) as caught:
        bert.load({**bert.tensors, QUERY: np.ones(shape, np.float32)})
    assert f"{QUERY} has shape {shape}, but in config.json (16, 16)" in caught.value.message


def test_shapes_are_told_as_pytorch_has_them(bert: Reference) -> None:
    name = "bert.encoder.layer.1.intermediate.dense.weight"
    with pytest.raises(BadDataError) as caught:
        bert.load({**bert.tensors, name: bert.tensors[name].T})
    assert f"{name} has shape (16, 24), but in config.json (24, 16)" in caught.value.message


def test_a_head_of_other_labels_is_not_taken_for_the_same(bert: Reference) -> None:
    with pytest.raises(BadDataError, match=r"classifier\.weight"):
        bert.load({**bert.tensors, "classifier.weight": np.ones((5, 16), np.float32)})


@pytest.mark.parametrize("share", [0.0, 0.0002, 0.01, 0.5, 0.99999])
def test_a_file_that_is_cut_off(bert: Reference, share: float) -> None:
    whole = (REFERENCES / "bert" / "model.safetensors").read_bytes()
    bert.file.write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(BadDataError, match="not a complete safetensors file"):
        bert.load()


def changed_header(header: dict[str, Any], **changed: Any) -> dict[str, Any]:
    return {**header, QUERY: {**header[QUERY], **changed}}


@pytest.mark.parametrize(
    "changed",
    [
        {"shape": [32, 16]},
        {"shape": [1 << 62, 1 << 62]},
        {"shape": [-16, -16]},
        {"data_offsets": [0, 64]},
        {"data_offsets": [0, 1 << 60]},
        {"data_offsets": [1024, 0]},
        {"dtype": "F64"},
        {"dtype": "O"},
        {"dtype": None},
    ],
)
def test_a_header_that_lies(bert: Reference, changed: dict[str, Any]) -> None:
    whole = (REFERENCES / "bert" / "model.safetensors").read_bytes()
    end = 8 + int.from_bytes(whole[:8], "little")
    header = json.dumps(changed_header(json.loads(whole[8:end]), **changed)).encode()
    bert.file.write_bytes(len(header).to_bytes(8, "little") + header + whole[end:])
    with pytest.raises(BadDataError, match="not a complete safetensors file"):
        bert.load()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n",
        b"<!doctype html><title>404</title>",
        b"\xff" * 64,
        (2).to_bytes(8, "little") + b"[]",
        (2).to_bytes(8, "little") + b"\xff\xfe",
    ],
)
def test_what_is_no_safetensors_file(bert: Reference, content: bytes) -> None:
    bert.file.write_bytes(content)
    with pytest.raises(BadDataError, match="not a complete safetensors file"):
        bert.load()


class Pickled:
    """Writes a file when it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Any, tuple[Path]]:
        return Path.touch, (self.mark,)


def test_a_pickle_is_never_opened(bert: Reference, tmp_path: Path) -> None:
    mark = tmp_path / "opened"
    bert.file.write_bytes(pickle.dumps({"weight": Pickled(mark)}))
    with pytest.raises(BadDataError, match="not a complete safetensors file"):
        bert.load()
    assert not mark.exists()


def test_no_file_and_a_folder_in_its_place(bert: Reference, tmp_path: Path) -> None:
    with pytest.raises(InputMissingError, match=r"model\.safetensors"):
        bert.load()
    (tmp_path / "model.safetensors").mkdir()
    with pytest.raises(BadDataError):
        load_weights(bert.model, bert.config, tmp_path, same_labels=True)


def test_the_configuration_of_a_classifier(bert: Reference) -> None:
    content = {**bert.content, "auto_map": {"AutoModel": "code.Model"}, "torch_dtype": "float16", "num_labels": 9}
    written = classifier_config(content, ["Wut", "größte Freude", "恐れ"])
    assert written["id2label"] == {"0": "Wut", "1": "größte Freude", "2": "恐れ"}
    assert written["label2id"] == {"Wut": 0, "größte Freude": 1, "恐れ": 2}
    assert written["architectures"] == ["BertForSequenceClassification"]
    assert written["dtype"] == "float32"
    assert not {"auto_map", "torch_dtype", "num_labels", "_name_or_path"} & set(written)
    assert encoder_config(written) == bert.config


def test_what_is_written_is_read_again(family: Reference) -> None:
    family.load(family.tensors)
    before = family.model.get_weights()
    family.load_into_zeros(family.written())
    for ours, theirs in zip(family.model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(ours, theirs)
