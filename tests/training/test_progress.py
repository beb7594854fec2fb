"""history.csv: what a training tells of its epochs."""

import csv

from emotion.training.progress import Epoch, history_csv

FIRST = Epoch(1, 1.25, 0.5, 1.0, 0.625, 5000.0, 2.0, 4.0, best=True)
SECOND = Epoch(2, 0.75, 0.8125, 0.5, 0.875, 5500.0, 4.0, 2.0, best=False)
COLUMNS = [
    "epoch",
    "loss",
    "accuracy",
    "validation_loss",
    "validation_accuracy",
    "samples_per_second",
    "seconds",
    "seconds_left",
    "best",
]


def test_the_history_has_one_row_an_epoch() -> None:
    rows = list(csv.DictReader(history_csv([FIRST, SECOND]).splitlines()))
    assert list(rows[0]) == COLUMNS
    assert [row["epoch"] for row in rows] == ["1", "2"]
    assert [float(row["validation_accuracy"]) for row in rows] == [0.625, 0.875]
    assert [float(row["loss"]) for row in rows] == [1.25, 0.75]
    assert [row["best"] for row in rows] == ["True", "False"]


def test_the_history_before_the_first_epoch_has_its_header() -> None:
    assert history_csv([]) == ",".join(COLUMNS) + "\n"


def test_a_training_that_diverged_can_still_be_told() -> None:
    nan, infinity = float("nan"), float("inf")
    diverged = Epoch(1, nan, 0.5, infinity, 0.5, 5000.0, 2.0, 4.0, best=True)
    (row,) = csv.DictReader(history_csv([diverged]).splitlines())
    assert (row["loss"], row["validation_loss"]) == ("nan", "inf")
