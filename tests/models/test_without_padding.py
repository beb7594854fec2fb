"""The ANN without padding gives the logits of the ANN on padded rows."""

from typing import Any

import numpy as np
import pytest

from emotion.models.backend import prepare
from emotion.params.schema import AnnTable

LENGTH = 7


@pytest.fixture(scope="module")
def ann() -> Any:
    from emotion.models.ann import build

    prepare(1, 0)
    model = build(AnnTable(embedding_dim=6, hidden=[5, 4]), 30, LENGTH, 3)
    random = np.random.default_rng(0)
    model.set_weights([random.normal(0, 0.5, weight.shape) for weight in model.get_weights()])
    return model


@pytest.mark.parametrize("length", [1, 2, LENGTH])
def test_logits_are_those_of_padded_rows(ann: Any, length: int) -> None:
    from emotion.models.without_padding import without_padding

    ids = np.random.default_rng(length).integers(1, 30, (9, length)).astype(np.int32)
    padded = np.pad(ids, ((0, 0), (0, LENGTH - length)))
    expected = np.asarray(ann({"input_ids": padded}))
    model = without_padding(ann)
    assert np.abs(np.asarray(model({"input_ids": ids})) - expected).max() < 1e-5
    # Padding that is there all the same changes nothing.
    assert np.abs(np.asarray(model({"input_ids": padded})) - expected).max() < 1e-5
