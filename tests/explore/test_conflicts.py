"""Conflicts: texts under two labels or more, over all splits."""

from emotion.explore.conflicts import find_conflicts
from tests.explore.scenes import make_splits


def test_pairs_texts_and_rows() -> None:
    train = [("x", "joy"), ("x", "joy"), ("x", "fear"), ("y", "joy"), ("fine", "joy"), ("fine", "joy")]
    found = find_conflicts(make_splits(train, [("y", "fear")], [("y", "anger"), ("X", "joy")]))

    assert (found.texts, found.rows) == (2, 6)
    assert found.pairs == [(("fear", "joy"), 2), (("anger", "fear"), 1), (("anger", "joy"), 1)]
    assert found.examples == [
        {"text": "x", "labels": {"joy": 2, "fear": 1}},
        {"text": "y", "labels": {"joy": 1, "fear": 1, "anger": 1}},
    ]


def test_at_most_twenty_examples_of_which_the_beginning_is_shown() -> None:
    rows = [(f"{number} " + "long " * 90, label) for number in range(30) for label in ("a", "b")]
    found = find_conflicts(make_splits(rows))
    assert (found.texts, len(found.examples)) == (30, 20)
    assert all(len(example["text"]) == 80 for example in found.examples)


def test_none() -> None:
    found = find_conflicts(make_splits([("x", "joy"), ("x", "joy")]))
    assert (found.texts, found.rows, found.pairs, found.examples) == (0, 0, [], [])
    assert find_conflicts(make_splits([])).texts == 0
