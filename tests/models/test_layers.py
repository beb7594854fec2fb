"""Dropout: it keeps the mean, and every layer drops other values."""

import numpy as np
import pytest

from emotion.models.backend import prepare


@pytest.mark.parametrize("rate", [0.1, 0.5])
@pytest.mark.parametrize("shape", [(400, 501), (7, 3, 9999)])
def test_dropout_keeps_the_mean(rate: float, shape: tuple[int, ...]) -> None:
    prepare(1, 0)
    from emotion.models.layers import Dropout, DropoutSeed

    dropout_seed = DropoutSeed()
    dropout_seed.start(1, 0, 0)
    kept = np.asarray(Dropout(rate, dropout_seed)(np.ones(shape, np.float32), training=True))
    assert (kept == 0).mean() == pytest.approx(rate, abs=0.005)
    assert kept.max() == pytest.approx(1 / (1 - rate))
    assert kept.mean() == pytest.approx(1, abs=0.01)


def test_every_dropout_drops_something_else() -> None:
    prepare(1, 0)
    from emotion.models.layers import Dropout, DropoutSeed

    dropout_seed = DropoutSeed()
    dropout_seed.start(1, 0, 0)
    ones = np.ones((50, 50), np.float32)
    first, second = (np.asarray(Dropout(0.5, dropout_seed)(ones, training=True)) for _ in range(2))
    assert (first == second).mean() == pytest.approx(0.5, abs=0.05)
