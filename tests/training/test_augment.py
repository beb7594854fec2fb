"""Augmentation of token ids: what stays, what changes, how often, and the same for the same seed."""

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from emotion.training.augment import drop_words, shift_words

PAD, UNKNOWN = 0, 1
Ids = NDArray[np.int32]


@pytest.fixture
def ids() -> Ids:
    """Rows of 0 to 10 words, padded on the right to a length of 10."""
    random = np.random.default_rng(7)
    rows = random.integers(2, 50, size=(500, 10), dtype=np.int32)
    lengths = np.arange(500) % 11
    return np.where(np.arange(10)[None, :] < lengths[:, None], rows, np.int32(PAD))


def dropped(ids: Ids, share: float, seed: int = 0) -> Ids:
    return drop_words(ids, share, PAD, UNKNOWN, np.random.default_rng(seed))


def shifted(ids: Ids, seed: int = 0) -> Ids:
    return shift_words(ids, PAD, np.random.default_rng(seed))


def words(ids: Ids) -> list[list[int]]:
    return [row[row != PAD].tolist() for row in ids]


class TestDrop:
    def test_padding_stays_padding(self, ids: Ids) -> None:
        assert ((dropped(ids, 0.9) == PAD) == (ids == PAD)).all()

    def test_a_word_stays_or_becomes_unknown(self, ids: Ids) -> None:
        after = dropped(ids, 0.5)
        assert np.isin(after[after != ids], UNKNOWN).all()
        assert (after == ids)[ids != PAD].any()

    @pytest.mark.parametrize("share", [0.0, 0.1, 0.5])
    def test_the_share_is_that_of_the_words(self, share: float) -> None:
        after = dropped(np.full((1000, 100), 5, dtype=np.int32), share)
        assert (after == UNKNOWN).mean() == pytest.approx(share, abs=0.01)

    def test_every_position_is_dropped_as_often(self) -> None:
        shares = (dropped(np.full((20_000, 5), 5, dtype=np.int32), 0.3) == UNKNOWN).mean(axis=0)
        assert shares == pytest.approx([0.3] * 5, abs=0.02)


class TestShift:
    def test_words_and_their_order_stay(self, ids: Ids) -> None:
        assert words(shifted(ids)) == words(ids)

    def test_words_stay_together(self, ids: Ids) -> None:
        for row in shifted(ids):
            positions = np.flatnonzero(row != PAD)
            assert (np.diff(positions) == 1).all()

    def test_a_full_row_and_an_empty_one_have_nowhere_to_go(self) -> None:
        ids = np.asarray([[2, 3, 4], [0, 0, 0]], dtype=np.int32)
        assert shifted(ids).tolist() == ids.tolist()

    def test_every_position_is_as_likely(self) -> None:
        ids = np.tile(np.asarray([2, 3, 0, 0, 0], dtype=np.int32), (20_000, 1))
        starts = np.bincount((shifted(ids) == 2).argmax(axis=1), minlength=5) / 20_000
        assert starts == pytest.approx([0.25, 0.25, 0.25, 0.25, 0.0], abs=0.02)

    def test_rows_move_apart_from_each_other(self) -> None:
        ids = np.tile(np.asarray([2, 0, 0, 0], dtype=np.int32), (50, 1))
        assert len({tuple(row) for row in shifted(ids).tolist()}) == 4


@pytest.mark.parametrize("augment", [shifted, lambda ids, seed=0: dropped(ids, 0.3, seed)])
class TestBoth:
    def test_a_seed_always_gives_the_same(self, augment: Callable[..., Ids], ids: Ids) -> None:
        assert (augment(ids, 3) == augment(ids, 3)).all()
        assert (augment(ids, 3) != augment(ids, 4)).any()

    def test_the_given_array_is_left_as_it_was(self, augment: Callable[..., Ids], ids: Ids) -> None:
        before = ids.copy()
        after = augment(ids)
        assert (ids == before).all()
        assert (after != ids).any()
        assert (after.dtype, after.shape) == (ids.dtype, ids.shape)
