"""The most confident mistakes: which they are, in which order, and how they are written."""

import numpy as np
import pytest
from numpy.typing import NDArray

from emotion.evaluation.mistakes import MOST_MISTAKES, Mistake, as_text, most_confident
from emotion.onnx.session import probabilities

NAMES = ["anger", "fear", "joy"]


def labels_of(*labels: int) -> NDArray[np.int32]:
    return np.asarray(labels, np.int32)


def logits_of(*rows: tuple[float, float, float]) -> NDArray[np.float32]:
    return np.asarray(rows, np.float32)


def test_the_surest_come_first_with_row_text_labels_and_score() -> None:
    logits = logits_of((1, 0, 0), (5, 0, 0), (0, 9, 0), (0, 0, 3))
    found = most_confident(logits, labels_of(1, 2, 1, 0), ["a", "b", "c", "d"], NAMES, 1.0)
    assert [(mistake.row, mistake.text, mistake.label, mistake.predicted) for mistake in found] == [
        (2, "b", "joy", "anger"),
        (4, "d", "anger", "joy"),
        (1, "a", "fear", "anger"),
    ]
    assert [mistake.confidence for mistake in found] == pytest.approx(probabilities(logits).max(axis=1)[[1, 3, 0]])


def test_the_score_is_that_of_the_temperature() -> None:
    logits = logits_of((4, 0, 0))
    plain, scaled = (
        most_confident(logits, labels_of(1), ["a"], NAMES, temperature)[0].confidence for temperature in (1.0, 4.0)
    )
    assert plain == pytest.approx(np.exp(4) / (np.exp(4) + 2))
    assert scaled == pytest.approx(np.e / (np.e + 2))


def test_there_are_twenty_at_most_and_the_surest_of_all() -> None:
    rows = 100
    logits = np.zeros((rows, 3), np.float32)
    logits[:, 0] = np.random.default_rng(1).permutation(rows) / 64
    found = most_confident(logits, np.ones(rows, np.int32), ["a"] * rows, NAMES, 1.0)
    assert len(found) == MOST_MISTAKES == 20
    assert [logits[mistake.row - 1, 0] * 64 for mistake in found] == list(range(99, 79, -1))


def test_equally_sure_ones_are_in_the_order_of_the_rows() -> None:
    """Every third row is surer than the others."""
    logits = np.tile(logits_of((2, 0, 0), (1, 0, 0), (1, 0, 0)), (10, 1))
    found = most_confident(logits, np.ones(30, np.int32), [f"text {row}" for row in range(30)], NAMES, 1.0)
    surer = [*range(1, 31, 3)]
    assert [mistake.row for mistake in found] == [*surer, *(row for row in range(1, 31) if row not in surer)][:20]
    assert [mistake.text for mistake in found] == [f"text {mistake.row - 1}" for mistake in found]


def test_texts_are_one_line_without_control_characters() -> None:
    texts = ["\x1b[31mred\x1b[0m\nfirst\r\tand\x00 \u202eback\u2028last", "long " * 200]
    found = most_confident(logits_of((9, 0, 0), (5, 0, 0)), labels_of(1, 1), texts, NAMES, 1.0)
    assert found[0].text == "[31mred [0m first and back last"
    assert len(found[1].text) <= 300
    assert found[1].text.endswith("…")
    written = as_text(found)
    assert written.endswith("\n")
    assert all(line.isprintable() for line in written.splitlines())
    assert len(written.splitlines()) == 3


def test_labels_are_written_on_one_line_too() -> None:
    written = as_text([Mistake(7, "text", "two\nlines\x1b[2J", "x" * 200, 0.98765)])
    assert written.splitlines()[1] == f"  0.9877  two lines [2J -> {'x' * 23}…  row 7: text"


def test_the_columns_stand_below_each_other() -> None:
    written = as_text([Mistake(7, "one", "joy", "anger", 0.9), Mistake(1234, "two", "sadness", "surprise", 0.8)])
    head, first, second = written.splitlines()
    assert head == "The 2 most confident mistakes (often the label is wrong):"
    assert first.index("row 7: one") == second.index("row 1234: two")


def test_no_mistakes() -> None:
    found = most_confident(logits_of((9, 0, 0), (0, 5, 0)), labels_of(0, 1), ["a", "b"], NAMES, 1.0)
    assert found == []
    assert as_text(found) == "No mistakes.\n"
