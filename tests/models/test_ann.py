"""ANN: the layers of the study's table, its parameters, and a start that is the same at every position."""

from typing import Any

import numpy as np
import pytest

from emotion.models import ann
from emotion.models.backend import prepare
from emotion.params.schema import AnnTable


@pytest.fixture(scope="module", autouse=True)
def _tensorflow() -> None:
    prepare(1, 0)


@pytest.fixture(scope="module")
def reference() -> Any:
    return ann.build(AnnTable(), vocabulary=8126, length=35, labels=6)


def first_kernel(*, same_start: bool) -> Any:
    params = AnnTable(embedding_dim=3, hidden=[4, 2], same_start=same_start)
    kernel = ann.build(params, vocabulary=9, length=5, labels=2).get_layer("dense_1").kernel
    return np.asarray(kernel).reshape(5, 3, 4)


def test_the_reference_task_has_the_parameters_of_the_study(reference: Any) -> None:
    assert sum(int(np.prod(weight.shape)) for weight in reference.trainable_weights) == 1_329_190


def test_layers_are_those_of_the_study_in_order(reference: Any) -> None:
    with_weights_or_shape = [
        layer for layer in reference.layers if type(layer).__name__ in {"Embedding", "Flatten", "Dense"}
    ]
    found = [
        (type(layer).__name__, [tuple(weight.shape) for weight in layer.weights]) for layer in with_weights_or_shape
    ]
    assert found == [
        ("Embedding", [(8126, 128)]),
        ("Flatten", []),
        ("Dense", [(35 * 128, 64), (64,)]),
        ("Dense", [(64, 32), (32,)]),
        ("Dense", [(32, 6), (6,)]),
    ]


def test_the_first_dense_layer_starts_equal_at_every_position() -> None:
    positions = first_kernel(same_start=True)
    assert np.ptp(positions, axis=0).max() == 0
    assert len(np.unique(positions[0])) == positions[0].size


def test_without_same_start_every_position_has_its_own() -> None:
    positions = first_kernel(same_start=False)
    assert len(np.unique(positions)) == positions.size


def test_with_equal_starts_the_order_of_words_does_not_matter_yet() -> None:
    model = ann.build(AnnTable(embedding_dim=3, hidden=[4]), vocabulary=9, length=4, labels=2)
    logits = np.asarray(model({"input_ids": np.asarray([[2, 3, 4, 5], [5, 3, 2, 4], [5, 5, 5, 5]])}))
    np.testing.assert_allclose(logits[0], logits[1], rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("labels", [2, 30])
def test_any_number_of_labels(labels: int) -> None:
    model = ann.build(AnnTable(embedding_dim=3, hidden=[4]), vocabulary=9, length=4, labels=labels)
    logits = np.asarray(model({"input_ids": np.zeros((3, 4), np.int32)}))
    assert logits.shape == (3, labels)
    assert logits.dtype == np.float32
