"""The sentences under the table are computed from the figures."""

import re

from emotion.comparison.compare import Comparison
from emotion.comparison.observations import key_observations
from emotion.comparison.significance import PairedTest
from emotion.comparison.significance_text import explain_test
from emotion.evaluation.metrics_file import Metrics
from tests.builders import make_metrics


def run(
    model: str,
    seconds: float = 10.0,
    validation: float = 0.9,
    test: float = 0.9,
    interval: tuple[float, float] = (0.88, 0.92),
    *,
    train: float = 0.9,
    name: str = "s1",
) -> Metrics:
    return make_metrics(
        model,
        name,
        training_seconds=seconds,
        train__accuracy=train,
        validation__accuracy=validation,
        test__accuracy=test,
        test__accuracy_ci95=interval,
    )


def sentences(*runs: Metrics) -> list[str]:
    return key_observations(Comparison("key", list(runs)), {})


def about(start: str, *runs: Metrics) -> str:
    """Find the one sentence that begins like this."""
    (sentence,) = [text for text in sentences(*runs) if text.startswith(start)]
    return sentence


ANN = run("ann", 12, 0.8685, 0.87, (0.84, 0.90), train=0.9927)
LSTM = run("lstm", 120, 0.908, 0.91, (0.89, 0.93), train=0.93)
BERT = run("bert", 7380, 0.9435, 0.94, (0.932, 0.95), train=0.95)


def test_the_fastest_is_told_with_how_much_longer_the_slowest_took() -> None:
    sentence = about("Fastest to train", ANN, BERT, LSTM)
    assert "ann in 12 s" in sentence
    assert "bert took 2.0 h" in sentence
    assert "615.0 times" in sentence


def test_the_most_accurate_is_chosen_on_validation_and_told_with_its_interval() -> None:
    lucky = run("lstm", validation=0.908, test=0.99, interval=(0.98, 1.0))
    sentence = about("Most accurate", ANN, BERT, lucky)
    assert "bert" in sentence
    assert "0.9435 on validation" in sentence
    assert "0.9400 on test (0.932 to 0.950)" in sentence


def test_the_trade_off_is_the_fastest_that_comes_close() -> None:
    near = run("minilm", 738, 0.9335)
    sentence = about("Best trade-off: minilm", ANN, BERT, LSTM, near)
    assert "1.0 points" in sentence
    assert "bert" in sentence
    assert "10% of the training time of bert" in sentence


def test_where_none_comes_close_the_best_is_its_own_trade_off() -> None:
    assert "No run with a shorter training time" in about("Best trade-off: bert", ANN, BERT, LSTM)


def test_a_model_that_is_slower_is_no_trade_off() -> None:
    slow = run("albert", 9000, 0.9434)
    assert about("Best trade-off: bert", BERT, slow, ANN)


def test_a_model_that_is_worse_and_not_faster_is_no_trade_off() -> None:
    assert about("Best trade-off: bert", run("albert", 7380, 0.9434), BERT)


def test_nobody_is_compared_with_itself() -> None:
    sentence = about("Fastest", run("ann", 10), run("lstm", 10, 0.95))
    first, _, second = re.sub("Fastest to train: ", "", sentence).partition(";")
    assert first.split()[0] != second.split()[0]


def test_differences_on_test_are_told_in_points_with_what_explains_them() -> None:
    sentence = about("On test bert", BERT, run("ann", 12, 0.87, 0.87, (0.84, 0.90)))
    assert sentence == "On test bert is 7.0 points above ann: the 95 % intervals do not overlap."


def test_paired_rows_decide_where_they_are_known() -> None:
    """The intervals overlap, and that says less."""
    other = run("ann", 12, 0.87, 0.935, (0.92, 0.945))
    paired = PairedTest("ann/s1", only_best=120, only_other=42, p=0.001, corrected=0.0123)
    observations = key_observations(Comparison("key", [BERT, other]), {"ann/s1": paired})
    (sentence,) = [sentence for sentence in observations if "On test" in sentence]
    assert sentence.endswith(f": {explain_test(paired)}.")
    assert "overlap" not in sentence


def test_of_many_runs_those_that_test_cannot_tell_apart_are_listed_in_one_sentence() -> None:
    others = [run(f"m{number}", 12, 0.87) for number in range(12)]
    tests = {
        f"m{number}/s1": PairedTest(f"m{number}/s1", 9, 8, 0.9, 1.0 if number < 10 else 0.01) for number in range(12)
    }
    observations = key_observations(Comparison("key", [BERT, *others]), tests)
    (sentence,) = [sentence for sentence in observations if "On test" in sentence]
    assert sentence.startswith("On test, 10 of 12 other runs do not differ significantly from bert: m0, m1,")
    assert sentence.endswith("and 2 more.")
    assert "m11" not in sentence


def test_a_winner_that_is_behind_on_test_is_told_so() -> None:
    assert "5.0 points below ann" in about("On test bert", BERT, run("ann", test=0.99, validation=0.9))


def test_every_other_model_is_held_against_the_best() -> None:
    texts = [text for text in sentences(ANN, BERT, LSTM) if text.startswith("On test")]
    assert len(texts) == 2
    assert any("ann" in text for text in texts)
    assert any("lstm" in text for text in texts)


def test_overfitting_is_told_of_the_model_that_has_most_of_it() -> None:
    assert "12.4 points" in about("Most overfitting: ann", ANN, BERT, LSTM)


def test_a_gap_below_a_point_is_no_overfitting() -> None:
    runs = [run("ann", train=0.909), run("lstm", 20, 0.91, train=0.90)]
    assert not any("fits train" in text for text in sentences(*runs))


def test_runs_of_one_model_are_told_apart_by_their_names() -> None:
    texts = " ".join(sentences(run("ann", 10, 0.9, name="s1"), run("ann", 20, 0.95, name="s2"), LSTM))
    assert "ann/s1" in texts
    assert "ann/s2" in texts
    assert "lstm/" not in texts


def test_a_single_run_has_nothing_to_be_compared_with() -> None:
    (sentence,) = sentences(ANN)
    assert "The only run" in sentence
    assert "0.8685" in sentence


def test_no_time_at_all_divides_nothing_by_zero() -> None:
    assert sentences(run("ann", 0), run("lstm", 0, 0.95))


SHARED = {"texts": 9, "share": 0.01, "other_label": 2}


def test_texts_of_train_and_labels_without_rows_are_told_once_for_all_runs() -> None:
    runs = [make_metrics(model, test__in_train=SHARED, test__macro_f1_labels=["joy"]) for model in ("ann", "lstm")]
    for found in (sentences(*runs), sentences(runs[0])):
        assert found[-2:] == [
            "9 of the 900 texts of test (1.00%) are in train too, 2 of them with another label.",
            "Macro-F1 on test is the mean over 1 of 2 labels: test has no row of anger.",
        ]


def test_what_not_all_runs_share_names_the_runs() -> None:
    runs = [make_metrics("ann", test__in_train=SHARED), make_metrics("lstm"), make_metrics("bert")]
    assert sentences(*runs)[-1].startswith("ann: 9 of the 900 texts of test")


def test_nothing_is_told_of_splits_that_are_whole() -> None:
    none = {"texts": 0, "share": 0, "other_label": 0}
    text = " ".join(sentences(make_metrics("ann", test__in_train=none, test__macro_f1_labels=["anger", "joy"]), BERT))
    assert "in train too" not in text
    assert "Macro-F1" not in text
