"""Batches: decided by seed and epoch, all rows in every epoch, one size, trimmed without loss of words."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from emotion.params.schema import FineTuningTable, TrainingTable, WordTrainingTable
from emotion.text.encoded import Encoded
from emotion.text.vocabulary import PAD_ID, UNKNOWN_ID
from emotion.training import batches as training_batches
from emotion.training.batches import Examples, batches

ROWS, LENGTH = 50, 12


def examples(rows: int = ROWS, *, left: bool = False, pad: int = PAD_ID) -> Examples:
    """Rows of 1 to 12 words; the words of row r are all r + 2 and its label is r."""
    lengths = (np.arange(rows) % LENGTH + 1).astype(np.int32)
    positions = np.arange(LENGTH)[None, :]
    words = positions >= LENGTH - lengths[:, None] if left else positions < lengths[:, None]
    ids = np.where(words, np.arange(rows)[:, None] + 2, pad).astype(np.int32)
    return Examples(Encoded(ids, lengths, pad, left), np.arange(rows, dtype=np.int32))


def drawn(params: TrainingTable, epoch: int = 1, train: Examples | None = None, multiple: int = 1) -> list[Examples]:
    return list(batches(train or examples(left=params.buckets), params, epoch, multiple))


def flat(found: list[Examples]) -> list[Any]:
    return [(batch.texts.ids.tolist(), batch.labels.tolist()) for batch in found]


def words(texts: Encoded) -> list[list[int]]:
    return [[int(word) for word in row if word != texts.pad] for row in texts.ids]


def widths(found: list[Examples]) -> list[int]:
    return [batch.texts.ids.shape[1] for batch in found]


def longest(batch: Examples) -> int:
    return int((batch.texts.ids != batch.texts.pad).sum(axis=1).max())


RECIPES = [
    {},
    {"shift": True},
    {"word_dropout": 0.3},
    {"buckets": True},
    {"buckets": True, "word_dropout": 0.2},
]


@pytest.mark.parametrize("recipe", RECIPES)
def test_targets_go_with_their_rows(recipe: dict[str, Any]) -> None:
    train = examples(left=bool(recipe.get("buckets")))
    targets = np.stack([train.labels, -train.labels], axis=1).astype(np.float32)
    found = drawn(WordTrainingTable(batch_size=8, **recipe), train=replace(train, targets=targets))
    for batch in found:
        assert batch.targets is not None
        assert batch.targets.tolist() == [[label, -label] for label in batch.labels]
    assert all(batch.targets is None for batch in drawn(WordTrainingTable(**recipe), train=train))


@pytest.mark.parametrize("recipe", RECIPES)
def test_seed_and_epoch_decide_alone(recipe: dict[str, Any]) -> None:
    params = WordTrainingTable(batch_size=8, seed=5, **recipe)
    first = flat(drawn(params, 3))
    np.random.default_rng(1).random(10)
    assert flat(drawn(params, 3)) == first
    assert flat(drawn(params, 4)) != first
    assert flat(drawn(WordTrainingTable(batch_size=8, seed=6, **recipe), 3)) != first


@pytest.mark.parametrize("recipe", RECIPES)
def test_every_row_is_seen_each_epoch_and_all_batches_have_one_size(recipe: dict[str, Any]) -> None:
    found = drawn(WordTrainingTable(batch_size=8, **recipe))
    assert [len(batch) for batch in found] == [8] * 7
    assert all(len(batch.texts) == len(batch.texts.lengths) == 8 for batch in found)
    labels = np.concatenate([batch.labels for batch in found])
    assert set(labels.tolist()) == set(range(ROWS))
    assert np.bincount(labels).max() == 2


@pytest.mark.parametrize("left", [True, False])
@pytest.mark.parametrize("recipe", [{}, {"buckets": True}])
def test_labels_stay_with_their_words_and_no_word_is_lost(recipe: dict[str, Any], *, left: bool) -> None:
    for batch in drawn(WordTrainingTable(batch_size=8, **recipe), train=examples(left=left)):
        for label, found in zip(batch.labels.tolist(), words(batch.texts), strict=True):
            assert found == [label + 2] * (label % LENGTH + 1)


def test_shifted_rows_keep_their_labels_and_words() -> None:
    found = drawn(WordTrainingTable(batch_size=8, shift=True))
    for batch in found:
        for label, row in zip(batch.labels.tolist(), words(batch.texts), strict=True):
            assert row == [label + 2] * (label % LENGTH + 1)
    assert any((batch.texts.ids[:, 0] == PAD_ID).any() for batch in found)


def test_dropped_words_are_unknown_and_padding_stays() -> None:
    found = drawn(WordTrainingTable(batch_size=8, word_dropout=0.5))
    ids = np.concatenate([batch.texts.ids for batch in found])
    labels = np.concatenate([batch.labels for batch in found])
    assert ((ids != PAD_ID).sum(axis=1) == labels % LENGTH + 1).all()
    real = ids[ids != PAD_ID]
    assert 0.35 < (real == UNKNOWN_ID).mean() < 0.65


def test_the_order_differs_from_epoch_to_epoch() -> None:
    params = TrainingTable(batch_size=8)
    orders = {tuple(np.concatenate([batch.labels for batch in drawn(params, epoch)])) for epoch in range(1, 6)}
    assert len(orders) == 5


def test_without_buckets_every_batch_has_the_full_length() -> None:
    assert set(widths(drawn(TrainingTable(batch_size=8)))) == {LENGTH}


@pytest.mark.parametrize("left", [True, False])
def test_buckets_cut_padding_and_hold_rows_of_about_one_length(monkeypatch: pytest.MonkeyPatch, *, left: bool) -> None:
    monkeypatch.setattr(training_batches, "EXTRA_PADDING", 0)
    found = drawn(WordTrainingTable(batch_size=5, buckets=True), train=examples(left=left))
    for batch in found:
        lengths = (batch.texts.ids != PAD_ID).sum(axis=1)
        assert batch.texts.ids.shape[1] == lengths.max()
        assert np.ptp(lengths) <= 6
    assert sum(batch.texts.ids.size for batch in found) < 0.75 * ROWS * LENGTH


def test_buckets_may_keep_some_padding_and_never_more_than_there_were(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(training_batches, "EXTRA_PADDING", 3)
    extra = set()
    for epoch in range(1, 9):
        for batch in drawn(WordTrainingTable(batch_size=5, buckets=True), epoch):
            assert batch.texts.ids.shape[1] <= LENGTH
            extra.add(batch.texts.ids.shape[1] - longest(batch))
    assert extra == {0, 1, 2, 3}


def test_models_that_mask_padding_get_none_beside_the_longest_row() -> None:
    train = examples(pad=77)
    assert FineTuningTable().buckets
    for epoch in range(1, 4):
        for batch in drawn(FineTuningTable(batch_size=5), epoch, train):
            assert batch.texts.ids.shape[1] == longest(batch) == batch.texts.lengths.max()
            assert words(batch.texts) == [[label + 2] * (label % LENGTH + 1) for label in batch.labels]


@pytest.mark.parametrize(("multiple", "expected"), [(4, {4, 8, 12}), (8, {8, 16}), (32, {32})])
def test_lengths_are_multiples_where_that_is_asked_for(multiple: int, expected: set[int]) -> None:
    found = drawn(FineTuningTable(batch_size=5), train=examples(pad=77), multiple=multiple)
    assert set(widths(found)) == expected
    for batch in found:
        assert batch.texts.ids.shape[1] - longest(batch) < multiple
        assert words(batch.texts) == [[label + 2] * (label % LENGTH + 1) for label in batch.labels]
        mask = batch.texts.inputs(["attention_mask"])["attention_mask"]
        np.testing.assert_array_equal(mask, batch.texts.ids != 77)


def test_rows_without_a_word_keep_one_token_of_padding(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training_batches, "EXTRA_PADDING", 0)
    nothing = Encoded(np.zeros((4, LENGTH), np.int32), np.zeros(4, np.int32), PAD_ID)
    (batch,) = drawn(WordTrainingTable(batch_size=4, buckets=True), train=Examples(nothing, np.zeros(4, np.int32)))
    assert batch.texts.ids.shape == (4, 1)


@pytest.mark.parametrize("rows", [1, 5, 8, 9])
def test_few_rows_make_a_smaller_batch(rows: int) -> None:
    found = drawn(TrainingTable(batch_size=8), train=examples(rows))
    assert [len(batch) for batch in found] == ([rows] if rows <= 8 else [8, 8])
    assert set(np.concatenate([batch.labels for batch in found]).tolist()) == set(range(rows))


def test_the_data_themselves_are_left_alone() -> None:
    train = examples()
    before = train.texts.ids.copy()
    drawn(WordTrainingTable(batch_size=8, shift=True, word_dropout=0.5), train=train)
    np.testing.assert_array_equal(train.texts.ids, before)
