"""The plan for memory: whole batches if they fit, otherwise equal parts of at least one row."""

import pytest

from emotion.training.memory import Memory, estimate

# Whole: 100 + 300 + 100 + the larger of 10 a row and 200; in parts 100 more.
MEMORY = Memory(weights=100, gradients=100, optimizer=300, row=10)


@pytest.mark.parametrize(
    ("rows", "split", "expected"),
    [(1, False, 700), (20, False, 700), (32, False, 820), (16, True, 800), (32, True, 920)],
)
def test_a_step_needs_weights_optimizer_gradients_and_activations(rows: int, split: bool, expected: int) -> None:
    assert MEMORY.needed(rows, split=split) == expected


@pytest.mark.parametrize(
    ("rows", "free", "expected"),
    [
        (32, 10_000, 32),
        (32, 820, 32),
        (32, 819, 16),
        (100, 1000, 34),
        (100, 900, 25),
        (7, 701, 7),
        (100, 611, 1),
        (100, 0, 1),
        (1, 0, 1),
    ],
)
def test_as_many_rows_at_once_as_fit_in_equal_parts(rows: int, free: int, expected: int) -> None:
    assert MEMORY.micro_batch(rows, free) == expected


def test_a_plan_fits_and_one_part_less_would_not() -> None:
    memory = estimate(1_000_000, 2_000_000, average=False)
    for free in range(30_000_000, 120_000_000, 1_000_000):
        chosen = memory.micro_batch(40, free)
        assert 1 <= chosen <= 40
        parts = -(-40 // chosen)
        # Less than an update takes does not fit in any parts.
        if memory.needed(1, split=True) <= free:
            assert memory.needed(chosen, split=parts > 1) <= free
        if parts > 1:
            assert memory.needed(-(-40 // (parts - 1)), split=parts > 2) > free


def test_an_average_of_the_weights_takes_as_much_as_they_do() -> None:
    plain, averaged = (estimate(250, 10, average=average) for average in (False, True))
    assert (plain.weights, plain.gradients, plain.optimizer) == (1000, 1000, 3000)
    assert averaged.optimizer == 4000


def test_a_person_is_told_the_sum() -> None:
    memory = Memory(weights=500_000_000, gradients=500_000_000, optimizer=1_500_000_000, row=50_000_000)
    assert memory.describe(32, 32) == (
        "weights 0.50 + gradients 0.50 + optimizer 1.50 + activations of 32 rows 1.60 = 4.10 GB"
    )
    assert memory.describe(16, 32).startswith("weights 0.50 + gradients 1.00 ")
