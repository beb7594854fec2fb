"""McNemar's test, held against scipy's binomial test, and what is compared with what."""

import dataclasses

import numpy as np
import pytest
from scipy.stats import binomtest

from emotion.comparison.analysis import Analysis, analyse
from emotion.comparison.compare import collect, compare
from emotion.comparison.significance import mcnemar
from emotion.evaluation.predictions import read_predictions, write_predictions
from emotion.store.layout import Store
from tests.comparison.scenes import SIX, texts_of, write_full_run


@pytest.mark.parametrize("pair", [(58, 30), (30, 58), (1, 0), (5, 5), (3000, 2800), (0, 40), (25_000, 24_000)])
def test_p_is_that_of_a_fair_coin(pair: tuple[int, int]) -> None:
    assert mcnemar(*pair) == pytest.approx(binomtest(min(pair), sum(pair)).pvalue, rel=1e-7)


def test_models_that_are_right_on_the_same_rows_do_not_differ() -> None:
    assert mcnemar(0, 0) == 1


def analysis(store: Store) -> Analysis:
    (comparison,) = compare(collect(store).complete, every=True)
    return analyse(store, comparison)


def test_rows_that_one_alone_gets_right_are_counted(store: Store) -> None:
    runs = [write_full_run(store, model) for model in ("ann", "minilm")]
    found = analysis(store)
    assert found.winner.name.startswith("minilm/")
    right = []
    for run in runs:
        with np.load(run.predictions / "test.npz") as file:
            right.append(file["logits"].argmax(axis=1) == file["label"])
    (test,) = found.tests.values()
    assert test.run == str(runs[0])
    assert test.only_best == (right[1] & ~right[0]).sum()
    assert test.only_other == (right[0] & ~right[1]).sum()
    assert test.p == test.corrected == mcnemar(test.only_best, test.only_other)


def test_p_is_corrected_for_the_number_of_comparisons(store: Store) -> None:
    """Holm: the smallest times as many as there are, the next times one less, and never below one before."""
    for model in ("ann", "lstm", "albert", "bert", "minilm"):
        write_full_run(store, model)
    tests = sorted(analysis(store).tests.values(), key=lambda test: test.p)
    assert len(tests) == 4
    highest = 0.0
    for test, times in zip(tests, (4, 3, 2, 1), strict=True):
        highest = max(highest, min(1.0, test.p * times))
        assert test.corrected == highest
        assert test.differs == (highest < 0.05)


def test_predictions_of_other_rows_are_not_paired(store: Store) -> None:
    write_full_run(store, "minilm")
    run = write_full_run(store, "ann")
    texts, _ = texts_of(SIX, 2000)
    kept = read_predictions(run.predictions / "test.npz", 6)
    write_predictions(run.predictions / "test.npz", texts[::-1], kept.label, kept.logits)
    assert analysis(store).tests == {}


def test_a_run_without_predictions_is_not_paired_and_says_why(store: Store) -> None:
    write_full_run(store, "minilm")
    run = write_full_run(store, "ann")
    (run.predictions / "test.npz").write_bytes(b"PK\x03\x04 cut off")
    found = analysis(store)
    assert found.tests == {}
    (details,) = [details for details in found.runs if details.name == str(run)]
    assert any("predictions/test.npz" in reason for reason in details.missing)
    assert str(store.folder) not in " ".join(details.missing)


def test_tests_can_be_written_as_json(store: Store) -> None:
    write_full_run(store, "ann")
    write_full_run(store, "lstm")
    assert all(dataclasses.asdict(test)["run"] == run for run, test in analysis(store).tests.items())
