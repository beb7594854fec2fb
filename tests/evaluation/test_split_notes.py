"""What weakens a run's scores, in sentences: only what is known and not zero."""

from emotion.evaluation.split_notes import list_labels, macro_f1_notes, overlap_notes
from tests.builders import make_metrics

NONE = {"texts": 0, "share": 0.0, "other_label": 0}


def test_texts_of_train_are_counted_per_split() -> None:
    shared = {"texts": 5, "share": 5 / 900, "other_label": 1}
    assert overlap_notes(make_metrics(validation__in_train=shared, test__in_train=NONE)) == [
        "5 of the 900 texts of validation (0.56%) are in train too, 1 of them with another label."
    ]


def test_labels_without_rows_are_named_per_split() -> None:
    metrics = make_metrics(
        data__labels=["anger", "fear", "joy"],
        validation__macro_f1_labels=["anger", "fear", "joy"],
        test__macro_f1_labels=["joy"],
    )
    assert macro_f1_notes(metrics) == [
        "Macro-F1 on test is the mean over 1 of 3 labels: test has no row of anger, fear."
    ]


def test_a_run_of_an_earlier_version_has_no_notes() -> None:
    assert overlap_notes(make_metrics()) == macro_f1_notes(make_metrics()) == []


def test_of_many_labels_ten_are_listed() -> None:
    assert list_labels(f"label {n}" for n in range(12)).endswith("label 9, and 2 more")
    assert len(list_labels(["x" * 500])) == 40
