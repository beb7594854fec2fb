"""The comparison of a sweep's points: means and spread over seeds, the order, the best, and what the order means."""

from statistics import stdev

import pytest

from emotion.comparison.sweep import Result, Scores, choose, rank, remarks
from emotion.params.grid import Point


def results(setting: str, *accuracies: float | None, loss: float = 0.3) -> list[Result]:
    """One result a seed; None is a point without scores."""
    return [
        Result(Point((setting,), seed), f"ann/{setting}-{seed}", Scores(accuracy, loss, 10.0 * seed))
        if accuracy is not None
        else Result(Point((setting,), seed), "", problem="exit code 70")
        for seed, accuracy in enumerate(accuracies, start=1)
    ]


def test_settings_are_compared_by_their_mean_over_seeds_not_by_their_luckiest_seed() -> None:
    ranked = rank([*results("a=1", 0.95, 0.80), *results("a=2", 0.90, 0.89)])
    assert [candidate.settings for candidate in ranked] == [("a=2",), ("a=1",)]
    best = ranked[0]
    assert best.accuracy == pytest.approx(0.895)
    assert best.spread == pytest.approx(stdev([0.90, 0.89]))
    assert best.seconds == pytest.approx(15.0)
    assert choose(ranked) is best


def test_of_equal_means_the_lower_loss_is_the_better() -> None:
    ranked = rank([*results("a=1", 0.9, loss=0.4), *results("a=2", 0.9, loss=0.3)])
    assert ranked[0].settings == ("a=2",)


def test_settings_without_all_seeds_come_last_and_are_never_the_best() -> None:
    ranked = rank([*results("a=1", 0.99, None), *results("a=2", 0.5, 0.5), *results("a=3", None, None)])
    assert [candidate.settings[0] for candidate in ranked] == ["a=2", "a=1", "a=3"]
    assert [len(candidate.scores) for candidate in ranked] == [2, 1, 0]
    assert ranked[2].accuracy is None
    assert choose(ranked) is ranked[0]
    assert "settings with missing runs cannot be the best: 2 of 3" in remarks(ranked)
    assert choose(rank([*results("a=1", None), *results("a=2", None)])) is None


def test_seeds_of_one_setting_have_a_spread_and_nothing_to_choose() -> None:
    ranked = rank(results("a=1", 0.8, 0.9, 1.0))
    assert ranked[0].spread == pytest.approx(0.1)
    assert choose(ranked) is None
    assert remarks(ranked) == []


def test_one_seed_has_no_spread_and_the_remark_says_so() -> None:
    ranked = rank([*results("a=1", 0.8), *results("a=2", 0.9)])
    assert ranked[0].spread is None
    assert remarks(ranked) == ["every setting has one seed: use --seeds 1-3 to see how much of a difference is chance"]


def test_the_remark_says_whether_the_difference_is_more_than_the_seeds() -> None:
    clear = rank([*results("a=1", 0.80, 0.81, 0.82), *results("a=2", 0.90, 0.91, 0.92)])
    assert "0.1000 ahead of the second, more than two standard errors" in remarks(clear)[0]
    close = rank([*results("a=1", 0.85, 0.90, 0.95), *results("a=2", 0.86, 0.91, 0.96)])
    # Each mean has the variance 0.05² / 3.
    assert remarks(close) == [
        "the best is 0.0100 ahead of the second, which may be chance: one standard error of the difference is 0.0408"
    ]
