"""Building the ANN and the LSTM, and describing models for architecture.json."""

import json
from typing import Any

import numpy as np
import pytest

from emotion.models.backend import prepare
from emotion.models.build import architecture, build_model, count_parameters
from emotion.params.schema import AnnTable, LstmTable, TeacherTable, WordParams, WordTextTable

ANN = WordParams(model=AnnTable(embedding_dim=3, hidden=[4]), text=WordTextTable(max_length=5))
LSTM = WordParams(model=LstmTable(embedding_dim=3, units=2, hidden=[4]), text=WordTextTable(max_length=5))


@pytest.fixture(scope="module", autouse=True)
def _tensorflow() -> None:
    prepare(1, 0)


def logits(model: Any, length: int) -> Any:
    return np.asarray(model({"input_ids": np.ones((2, length), np.int32)}))


@pytest.mark.parametrize("params", [ANN, LSTM])
def test_the_named_model_is_built_for_the_text_length(params: WordParams) -> None:
    model = build_model(params, vocabulary=10, labels=3)
    assert model.name == params.model.name
    assert logits(model, 5).shape == (2, 3)


def test_hidden_layers_are_as_many_as_the_parameters_say() -> None:
    params = ANN.model_copy(update={"model": AnnTable(embedding_dim=3, hidden=[7, 6, 5])})
    model = build_model(params, vocabulary=10, labels=3)
    assert [layer.units for layer in model.layers if type(layer).__name__ == "Dense"] == [7, 6, 5, 3]


DROPOUTS = [
    (AnnTable, "feature_dropout"),
    (AnnTable, "embedding_dropout"),
    (LstmTable, "feature_dropout"),
    (LstmTable, "embedding_dropout"),
    (LstmTable, "units_dropout"),
]


@pytest.mark.parametrize(("model", "dropout"), DROPOUTS)
def test_dropout_acts_in_training_alone_by_seed_step_and_row(model: type[Any], dropout: str) -> None:
    params = ANN.model_copy(update={"model": model(embedding_dim=8, hidden=[8], **{dropout: 0.5})})
    built = build_model(params, vocabulary=10, labels=3)
    ids = {"input_ids": np.ones((64, 5), np.int32)}
    assert np.ptp(np.asarray(built(ids, training=False)), axis=0).max() < 1e-6

    def drawn(seed: int, step: int, row: int) -> Any:
        built.dropout_seed.start(seed, step, row)
        return np.asarray(built(ids, training=True))

    first = drawn(3, 7, 0)
    assert np.ptp(first, axis=0).max() > 1e-3
    np.testing.assert_array_equal(drawn(3, 7, 0), first)
    assert all(np.abs(first - drawn(*other)).max() > 1e-3 for other in ((4, 7, 0), (3, 8, 0), (3, 7, 64)))


@pytest.mark.parametrize(("model", "dropout"), DROPOUTS)
def test_a_student_keeps_a_share_of_the_dropouts(model: type[Any], dropout: str) -> None:
    teacher = TeacherTable(run="minilm/s1", dropout=0.25)
    changes = {"model": model(embedding_dim=8, hidden=[8], **{dropout: 0.4})}
    plain = ANN.model_copy(update=changes)
    student = plain.model_copy(update={"training": plain.training.model_copy(update={"teacher": teacher})})
    rates = [build_model(params, 10, 3).get_layer(dropout).rate for params in (plain, student)]
    assert rates == pytest.approx([0.4, 0.1])


@pytest.mark.parametrize("params", [ANN, LSTM])
def test_feature_dropout_takes_whole_features_and_embedding_dropout_single_values(params: WordParams) -> None:
    rates = {"embedding_dim": 40, "feature_dropout": 0.5, "embedding_dropout": 0.5}
    model = build_model(params.model_copy(update={"model": params.model.model_copy(update=rates)}), 10, 3)
    model.dropout_seed.start(1, 2, 0)
    ones = np.ones((30, 5, 40), np.float32)
    features = np.asarray(model.get_layer("feature_dropout")(ones, training=True))
    assert np.ptp(features, axis=1).max() == 0
    assert set(np.unique(features)) == {0, 2}
    assert (features[:, 0] == 0).mean() == pytest.approx(0.5, abs=0.08)
    assert len(np.unique(features[:, 0], axis=0)) == 30
    values = np.asarray(model.get_layer("embedding_dropout")(ones, training=True))
    assert (values == 0).mean() == pytest.approx(0.5, abs=0.05)
    assert np.ptp(values, axis=1).mean() > 1


def test_architecture_tells_layers_shapes_and_parameters() -> None:
    content = architecture(build_model(ANN, vocabulary=10, labels=3))
    assert json.loads(json.dumps(content)) == content
    layers = {layer["name"]: layer for layer in content["layers"]}
    assert layers["embedding"] == {
        "name": "embedding",
        "type": "Embedding",
        "detail": "10 words, 3 features",
        "output_shape": [None, 5, 3],
        "parameters": 30,
    }
    assert layers["logits"]["output_shape"] == [None, 3]
    assert layers["dense_1"]["detail"] == "4 units, relu"
    assert "feature_dropout" not in layers


def test_architecture_tells_of_dropout_where_something_is_dropped() -> None:
    model = AnnTable(embedding_dim=3, hidden=[4], feature_dropout=0.5)
    content = architecture(build_model(ANN.model_copy(update={"model": model}), vocabulary=10, labels=3))
    (dropout,) = [layer for layer in content["layers"] if layer["type"] == "Dropout"]
    assert dropout["detail"] == "0.5 of whole features, while training"


def test_architecture_adds_up() -> None:
    content = architecture(build_model(ANN, vocabulary=10, labels=3))
    assert sum(layer["parameters"] for layer in content["layers"]) == content["parameters"]["total"]
    assert content["parameters"] == {"total": 30 + 64 + 15, "trainable": 30 + 64 + 15}


def test_frozen_weights_are_not_counted_as_trainable() -> None:
    model = build_model(LSTM, vocabulary=10, labels=3)
    everything = count_parameters(model)["total"]
    model.get_layer("embedding").trainable = False
    assert count_parameters(model) == {"total": everything, "trainable": everything - 30}
