"""Weights of TensorFlow become safetensors, with PyTorch's names; hostile files are refused."""

from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest
from safetensors.numpy import load_file

from emotion.errors import BadDataError, CannotWriteError
from emotion.weights.from_h5 import convert, pytorch_name

RANDOM = np.random.default_rng(0)


def values(*shape: int) -> np.ndarray:
    return RANDOM.standard_normal(shape).astype(np.float32)


# TFMobileBertForPreTraining saves a group per layer and numbers the model's name.
MODEL = "tf_mobile_bert_for_pre_training_2"
LAYER = f"{MODEL}/mobilebert/encoder/layer_._0"
MOBILEBERT = {
    "mobilebert": {
        f"{MODEL}/mobilebert/embeddings/word_embeddings/weight:0": values(9, 4),
        f"{MODEL}/mobilebert/embeddings/position_embeddings/embeddings:0": values(7, 6),
        f"{MODEL}/mobilebert/embeddings/embedding_transformation/kernel:0": values(12, 6),
        f"{MODEL}/mobilebert/embeddings/LayerNorm/weight:0": values(6),
        f"{LAYER}/attention/self/query/kernel:0": values(4, 4),
        f"{LAYER}/attention/self/query/bias:0": values(4),
        f"{LAYER}/bottleneck/input/LayerNorm/bias:0": values(4),
        f"{LAYER}/ffn.1/intermediate/dense/kernel:0": values(4, 8),
        f"{LAYER}/output/bottleneck/dense/kernel:0": values(4, 6),
    },
    "predictions___cls": {
        f"{MODEL}/predictions___cls/predictions/bias:0": values(9),
        f"{MODEL}/predictions___cls/predictions/dense/weight:0": values(2, 9),
        f"{MODEL}/predictions___cls/predictions/transform/LayerNorm/gamma:0": values(6),
        f"{MODEL}/predictions___cls/predictions/transform/LayerNorm/beta:0": values(6),
    },
    "seq_relationship___cls": {
        f"{MODEL}/seq_relationship___cls/seq_relationship/kernel:0": values(6, 2),
    },
    "dropout_5": {},
}


def save(path: Path, layers: dict[str, dict[str, np.ndarray]]) -> Path:
    """Write what Keras' save_weights writes for a model of transformers."""
    with h5py.File(path, "w") as file:
        file.attrs["layer_names"] = [name.encode() for name in layers]
        file.attrs["backend"] = b"tensorflow"
        for layer, weights in layers.items():
            group = file.create_group(layer)
            group.attrs["weight_names"] = [name.encode() for name in weights]
            for name, content in weights.items():
                group.create_dataset(name, data=content)
    return path


def test_names_and_shapes_are_those_of_pytorch(tmp_path: Path) -> None:
    convert(save(tmp_path / "tf_model.h5", MOBILEBERT), tmp_path / "model.safetensors")

    found = load_file(tmp_path / "model.safetensors")
    body, predictions, relation, _ = MOBILEBERT.values()
    expected = {
        "mobilebert.embeddings.word_embeddings.weight": "embeddings/word_embeddings/weight:0",
        "mobilebert.embeddings.position_embeddings.weight": "embeddings/position_embeddings/embeddings:0",
        "mobilebert.embeddings.LayerNorm.weight": "embeddings/LayerNorm/weight:0",
        "mobilebert.encoder.layer.0.attention.self.query.bias": "encoder/layer_._0/attention/self/query/bias:0",
        "mobilebert.encoder.layer.0.bottleneck.input.LayerNorm.bias": (
            "encoder/layer_._0/bottleneck/input/LayerNorm/bias:0"
        ),
    }
    for name, variable in expected.items():
        np.testing.assert_array_equal(found.pop(name), body[f"{MODEL}/mobilebert/{variable}"])
    turned = {
        "mobilebert.embeddings.embedding_transformation.weight": "embeddings/embedding_transformation/kernel:0",
        "mobilebert.encoder.layer.0.attention.self.query.weight": "encoder/layer_._0/attention/self/query/kernel:0",
        "mobilebert.encoder.layer.0.ffn.1.intermediate.dense.weight": (
            "encoder/layer_._0/ffn.1/intermediate/dense/kernel:0"
        ),
        "mobilebert.encoder.layer.0.output.bottleneck.dense.weight": (
            "encoder/layer_._0/output/bottleneck/dense/kernel:0"
        ),
    }
    for name, variable in turned.items():
        np.testing.assert_array_equal(found.pop(name), body[f"{MODEL}/mobilebert/{variable}"].T)
    heads = {
        "cls.predictions.bias": "predictions/bias:0",
        "cls.predictions.dense.weight": "predictions/dense/weight:0",
        "cls.predictions.transform.LayerNorm.weight": "predictions/transform/LayerNorm/gamma:0",
        "cls.predictions.transform.LayerNorm.bias": "predictions/transform/LayerNorm/beta:0",
    }
    for name, variable in heads.items():
        np.testing.assert_array_equal(found.pop(name), predictions[f"{MODEL}/predictions___cls/{variable}"])
    np.testing.assert_array_equal(found.pop("cls.seq_relationship.weight"), next(iter(relation.values())).T)
    assert found == {}


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("bert/tf_bert_model/bert/pooler/dense/kernel:0", "bert.pooler.dense.weight"),
        (
            "albert/tf_albert_model/albert/encoder/albert_layer_groups_._0/albert_layers_._0/ffn/bias:0",
            "albert.encoder.albert_layer_groups.0.albert_layers.0.ffn.bias",
        ),
        (
            "distilbert/tf_distil_bert_model_1/distilbert/transformer/layer_._11/attention/q_lin/bias:0",
            "distilbert.transformer.layer.11.attention.q_lin.bias",
        ),
    ],
)
def test_names_of_other_families(path: str, name: str) -> None:
    assert pytorch_name(path)[0] == name


def test_half_and_double_precision_are_kept(tmp_path: Path) -> None:
    layers = {"bert": {"m/bert/a/bias:0": values(3).astype(np.float16), "m/bert/b/bias:0": np.arange(3.0, dtype=">f8")}}

    convert(save(tmp_path / "tf_model.h5", layers), tmp_path / "model.safetensors")

    found = load_file(tmp_path / "model.safetensors")
    assert found["bert.a.bias"].dtype == np.float16
    assert found["bert.b.bias"].tolist() == [0.0, 1.0, 2.0]


def external_link(file: h5py.File) -> None:
    file["bert/m/bert/a/kernel:0"] = h5py.ExternalLink("secret.h5", "/secret")


def soft_link(file: h5py.File) -> None:
    file["bert/m/bert/a/kernel:0"] = h5py.SoftLink("/elsewhere")


def data_in_another_file(file: h5py.File) -> None:
    folder = Path(file.filename).parent
    (folder / "secret.bin").write_bytes(b"s" * 16)
    where = [(str(folder / "secret.bin"), 0, 16)]
    file.create_dataset("bert/m/bert/a/bias:0", (4,), "f4", external=where)


def virtual(file: h5py.File) -> None:
    layout = h5py.VirtualLayout((4,), "f4")
    layout[:] = h5py.VirtualSource("secret.h5", "secret", (4,))
    file.create_virtual_dataset("bert/m/bert/a/bias:0", layout)


def text(file: h5py.File) -> None:
    file.create_dataset("bert/m/bert/a/bias:0", data=["cos\nsystem"], dtype=h5py.string_dtype())


def whole_numbers(file: h5py.File) -> None:
    file["bert/m/bert/a/bias:0"] = np.arange(4)


def cube(file: h5py.File) -> None:
    file["bert/m/bert/a/kernel:0"] = values(2, 2, 2)


def bomb(file: h5py.File) -> None:
    file.create_dataset("bert/m/bert/a/kernel:0", (10_000, 100), "f4", compression="gzip")


def claims_a_terabyte(file: h5py.File) -> None:
    file.create_dataset("bert/m/bert/a/kernel:0", (1 << 20, 1 << 18), "f4")


def the_same_data_a_thousand_times(file: h5py.File) -> None:
    first = file.create_dataset("bert/m/bert/a0/bias:0", data=values(2000))
    for number in range(1, 1000):
        file[f"bert/m/bert/a{number}/bias:0"] = first


def contains_itself(file: h5py.File) -> None:
    group = file.create_group("bert/m")
    group["again"] = group


def datatype(file: h5py.File) -> None:
    file["bert/m/bert/kind"] = np.dtype("f4")


def named_twice(file: h5py.File) -> None:
    file["bert/m/bert/a/bias:0"] = values(2)
    file["bert/m/bert/a/beta:0"] = values(2)


def no_variable(file: h5py.File) -> None:
    file["bert/kernel:0"] = values(2, 2)


def nothing(file: h5py.File) -> None:
    file.create_group("bert")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (external_link, "link"),
        (soft_link, "link"),
        (data_in_another_file, "another file"),
        (virtual, "another file"),
        (text, "not a vector or matrix of floats"),
        (whole_numbers, "not a vector or matrix of floats"),
        (cube, "not a vector or matrix of floats"),
        (bomb, "filter"),
        (claims_a_terabyte, "more data than the file has"),
        (the_same_data_a_thousand_times, "more data than the file has"),
        (contains_itself, "contains itself"),
        (datatype, "not a tensor"),
        (named_twice, "two tensors"),
        (no_variable, "not the name"),
        (nothing, "no tensors"),
    ],
)
def test_hostile_files_are_refused(tmp_path: Path, make: Callable[[h5py.File], None], message: str) -> None:
    with h5py.File(tmp_path / "secret.h5", "w") as file:
        file["secret"] = values(4)
    path = tmp_path / "tf_model.h5"
    with h5py.File(path, "w") as file:
        make(file)

    with pytest.raises(BadDataError, match=message) as caught:
        convert(path, tmp_path / "model.safetensors")

    assert str(path) in caught.value.message
    assert not (tmp_path / "model.safetensors").exists()


@pytest.mark.parametrize("content", [b"", b"not HDF5", b"\x89HDF\r\n\x1a\n" + bytes(200)])
def test_what_is_not_hdf5_is_bad_data(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "tf_model.h5").write_bytes(content)

    with pytest.raises(BadDataError, match="cannot be read"):
        convert(tmp_path / "tf_model.h5", tmp_path / "model.safetensors")


def test_every_truncation_is_bad_data_or_whole(tmp_path: Path) -> None:
    whole = save(tmp_path / "whole.h5", MOBILEBERT).read_bytes()
    for length in range(0, len(whole), 997):
        (tmp_path / "tf_model.h5").write_bytes(whole[:length])
        with pytest.raises(BadDataError):
            convert(tmp_path / "tf_model.h5", tmp_path / "model.safetensors")


def test_a_place_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(CannotWriteError):
        convert(save(tmp_path / "tf_model.h5", MOBILEBERT), tmp_path / "file" / "model.safetensors")
