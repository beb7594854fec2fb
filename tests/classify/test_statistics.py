"""Counts of a classification: parts add up to the whole, quantiles are numpy's, reasons are bounded."""

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from emotion.classify.statistics import MAX_REASONS, OTHER_REASONS, QUANTILES, Statistics

# Label, score and reason of a row: one with a reason has no label.
ROWS = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(["joy", "fear", ""]), st.integers(0, 10**6).map(lambda n: n / 10**6), st.just("")),
        st.tuples(st.just(""), st.just(0.0), st.sampled_from(["empty text", "short", "fear"])),
    ),
    max_size=30,
)
Rows = list[tuple[str, float, str]]


def count(rows: Rows, cut: int = 0) -> Statistics:
    labelled = [(label, score) for label, score, reason in rows if not reason]
    labels, steps = [label for label, _ in labelled], [round(1000 * score) for _, score in labelled]
    return Statistics.of_chunk(labels, steps, [reason for *_, reason in rows], cut, (len(rows), len(labelled)))


@given(ROWS, st.lists(st.integers(0, 30), max_size=4).map(sorted), st.integers(0, 3))
def test_chunks_add_up_to_the_whole(rows: Rows, bounds: list[int], cut: int) -> None:
    parts = [count(rows[start:stop], cut) for start, stop in zip([0, *bounds], [*bounds, len(rows)], strict=True)]
    merged = Statistics()
    for part in parts:
        merged.merge(part)
    assert merged == count(rows, cut * len(parts))


def test_rows_are_counted_by_label_and_reason() -> None:
    rows: Rows = [("joy", 0.9, ""), ("fear", 0.5, ""), ("joy", 0.7, ""), ("", 0, "short"), ("", 0, "empty text")]
    content = count([*rows, ("", 0, "empty text")], cut=2).as_json()
    assert (content["rows"], content["errors"], content["cut"]) == (6, 3, 2)
    assert list(content["labels"].items()) == [("joy", 2), ("fear", 1)]
    assert list(content["reasons"].items()) == [("empty text", 2), ("short", 1)]
    assert content["scores"] == {"p5": 0.5, "p25": 0.5, "p50": 0.7, "p75": 0.9, "p95": 0.9}


@given(st.lists(st.integers(0, 1000), min_size=1, max_size=200))
def test_quantiles_are_those_of_numpy(steps: list[int]) -> None:
    scores = np.array(steps) / 1000
    counts = Statistics.of_chunk(["joy"] * len(steps), steps, [""] * len(steps), 0, ())
    expected = np.quantile(scores, [share / 100 for share in QUANTILES], method="inverted_cdf")
    assert list(counts.quantiles()) == [f"p{share}" for share in QUANTILES]
    assert list(counts.quantiles().values()) == expected.tolist()


def test_without_scores_there_are_no_quantiles() -> None:
    assert Statistics().quantiles() == {}
    assert count([("", 0, "short")]).quantiles() == {}


@pytest.mark.parametrize("size", [1, 40, 400])
def test_reasons_are_named_up_to_a_bound_and_all_are_counted(size: int) -> None:
    reasons = [f"no key {number % 200}" for number in range(400)]
    counts = Statistics()
    for start in range(0, 400, size):
        counts.merge(Statistics.of_chunk([], [], reasons[start : start + size], 0, ()))
    again = Statistics()
    for _ in range(2):
        again.merge(counts)
    assert (counts.errors, counts.reasons.total(), again.reasons.total()) == (400, 400, 800)
    assert len(counts.reasons) == len(again.reasons) == MAX_REASONS + 1
    assert counts.reasons[OTHER_REASONS] == 400 - 2 * MAX_REASONS
    assert again.reasons == {reason: 2 * number for reason, number in counts.reasons.items()}


@given(ROWS, st.integers(0, 5))
def test_json_gives_the_counts_back(rows: Rows, cut: int) -> None:
    counts = count(rows, cut)
    assert Statistics.restored(json.loads(json.dumps(counts.stored()))) == counts


@pytest.mark.parametrize(
    "content",
    [
        {},
        {**Statistics().stored(), "rows": None},
        {**Statistics().stored(), "labels": []},
        {**Statistics().stored(), "steps": {"half": 1}},
        {**Statistics().stored(), "reasons": {"short": "many"}},
        [],
    ],
)
def test_other_content_is_no_counts(content: Any) -> None:
    with pytest.raises((TypeError, ValueError, KeyError, AttributeError)):
        Statistics.restored(content)
