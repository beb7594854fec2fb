"""The recommendation at the head of the report."""

import pytest

from emotion.comparison.analysis import Analysis, analyse
from emotion.comparison.compare import Comparison, collect, compare
from emotion.comparison.composites import find_composites
from emotion.comparison.recommendation import Recommendation, recommend
from emotion.comparison.run_details import RunDetails
from emotion.comparison.significance import PairedTest
from emotion.evaluation.metrics_file import Metrics
from emotion.store.layout import Store
from tests.builders import make_metrics
from tests.comparison.scenes import write_full_run


def recommended(metrics: list[Metrics], tests: dict[str, tuple[int, int, float]] | None = None) -> Recommendation:
    """Recommend from runs of which only metrics and tests are known."""
    paired = {run: PairedTest(run, best, other, p, p) for run, (best, other, p) in (tests or {}).items()}
    runs = [RunDetails(run, None, None, None, {}, []) for run in metrics]
    comparison = Comparison("key", metrics)
    winner = next(run for run in runs if run.metrics is comparison.winner)
    return recommend(Analysis(comparison, runs, paired, [], find_composites(runs, winner)))


BEST = make_metrics("bert", "s1", validation__accuracy=0.95, onnx__rows_per_second=100.0)
QUICK = make_metrics("ann", "s1", validation__accuracy=0.94, onnx__rows_per_second=30_000.0)
SLOW = make_metrics("lstm", "s1", validation__accuracy=0.93, onnx__rows_per_second=120.0)


def test_the_winner_on_validation_is_named_with_its_interval_on_test() -> None:
    found = recommended([QUICK, BEST])
    assert (found.model, found.run) == ("bert", "bert/s1")
    assert found.summary == [
        "It has the highest validation accuracy: 95.00% of 900 rows.",
        "Its test accuracy is 90.00% of 900 rows (95 % interval: 88.0% to 92.0%).",
    ]


def test_those_behind_by_more_than_chance_are_beaten() -> None:
    found = recommended([QUICK, BEST, SLOW], {"ann/s1": (90, 20, 0.001), "lstm/s1": (80, 20, 0.01)})
    assert found.summary[2:] == ["On test, it is significantly more accurate than 2 models."]
    assert "It is significantly more accurate on test than ann and lstm (McNemar's test, 5%)." in found.details
    assert "may be chance" not in " ".join(found.details)


def test_those_level_are_named() -> None:
    found = recommended([QUICK, BEST, SLOW], {"ann/s1": (30, 25, 0.6), "lstm/s1": (90, 20, 0.001)})
    assert found.summary[2:] == ["On test, its difference from 1 of 2 models is not significant."]
    assert "The difference on test may be chance for ann." in found.details
    assert "It is significantly more accurate on test than lstm (McNemar's test, 5%)." in found.details


def test_a_winner_that_is_behind_on_test_beats_nobody() -> None:
    found = recommended([QUICK, BEST], {"ann/s1": (20, 90, 0.001)})
    assert found.summary[2:] == ["Test contradicts validation: ann did significantly better on test."]
    assert "It is significantly more accurate" not in " ".join(found.details)
    assert found.details[0] == "Significantly more accurate on test: ann. Compare the runs before you choose."


def test_figures_on_the_sample_and_few_rows_are_warned_of() -> None:
    sample = make_metrics("ann", data__sample=True, test__rows=90)
    text = " ".join(recommended([sample]).details)
    assert "built-in sample corpus" in text
    assert "Test has only 90 rows" in text
    assert "only" not in " ".join(recommended([BEST]).details)


def test_test_texts_that_it_was_trained_on_are_warned_of() -> None:
    shared = {"texts": 9, "share": 0.01, "other_label": 2}
    details = recommended([make_metrics(test__in_train=shared)]).details
    assert "Of the 900 test texts, 9 are also in train (1.00%)." in details
    assert "also in train" not in " ".join(recommended([BEST]).details)


def test_the_spread_of_its_seeds_is_recommended(store: Store) -> None:
    for seed in (1, 2, 3):
        write_full_run(store, "minilm", seed=seed)
    write_full_run(store, "ann")
    (comparison,) = compare(collect(store).complete, every=True)
    found = recommend(analyse(store, comparison))
    scores = sorted(run.test.accuracy for run in collect(store).complete if run.model == "minilm")
    assert f"The test accuracies of its 3 seeds are {scores[0]:.2%} to {scores[-1]:.2%}." in found.details
    assert not any("minilm/" in sentence for sentence in [*found.summary, *found.details])


@pytest.mark.parametrize("count", [1, 9])
def test_many_rivals_fit_one_sentence(count: int) -> None:
    rivals = [make_metrics(f"m{number}", "s1", validation__accuracy=0.9) for number in range(count)]
    tests = {f"{rival.model}/s1": (90, 20, 0.001) for rival in rivals}
    sentences = recommended([BEST, *rivals], tests).details
    (sentence,) = [sentence for sentence in sentences if sentence.startswith("It is significantly")]
    assert ("and 3 more" in sentence) == (count == 9)
