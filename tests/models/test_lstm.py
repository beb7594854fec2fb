"""LSTM: the layers of the study's table, its parameters, and texts of any length."""

from typing import Any

import numpy as np
import pytest

from emotion.models import lstm
from emotion.models.backend import prepare
from emotion.params.schema import LstmTable

SMALL = LstmTable(embedding_dim=3, units=4, hidden=[4])


@pytest.fixture(scope="module", autouse=True)
def _tensorflow() -> None:
    prepare(1, 0)


@pytest.fixture(scope="module")
def reference() -> Any:
    return lstm.build(LstmTable(), vocabulary=8126, length=35, labels=6)


def test_the_reference_task_has_the_parameters_of_the_study(reference: Any) -> None:
    assert sum(int(np.prod(weight.shape)) for weight in reference.trainable_weights) == 1_322_022


def test_layers_are_those_of_the_study_in_order(reference: Any) -> None:
    layers = [layer for layer in reference.layers if layer.weights]
    assert [type(layer).__name__ for layer in layers] == ["Embedding", "Bidirectional", "Dense", "Dense", "Dense"]
    embedding, both, *dense = layers
    assert tuple(embedding.weights[0].shape) == (8126, 128)
    assert [layer.units for layer in dense] == [64, 32, 6]
    assert type(both.forward_layer).__name__ == "LSTM"
    assert (both.forward_layer.units, both.backward_layer.units) == (128, 128)
    assert both.backward_layer.go_backwards


def test_any_length() -> None:
    model = lstm.build(SMALL, vocabulary=9, length=None, labels=3)
    for length in (1, 5, 70):
        assert np.asarray(model({"input_ids": np.full((2, length), 4, np.int32)})).shape == (2, 3)


def test_the_order_of_words_matters() -> None:
    model = lstm.build(SMALL, vocabulary=9, length=None, labels=3)
    first, second = np.asarray(model({"input_ids": np.asarray([[2, 3, 4, 5], [3, 2, 5, 4]])}))
    assert np.abs(first - second).max() > 1e-6


@pytest.mark.parametrize("labels", [2, 30])
def test_any_number_of_labels(labels: int) -> None:
    model = lstm.build(SMALL, vocabulary=9, length=None, labels=labels)
    logits = np.asarray(model({"input_ids": np.zeros((3, 4), np.int32)}))
    assert logits.shape == (3, labels)
    assert logits.dtype == np.float32
