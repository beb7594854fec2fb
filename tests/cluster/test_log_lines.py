"""Log lines in words."""

import json

import pytest

from emotion.cluster.log_lines import Progress, latest_progress, readable


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("a plain line", "a plain line"),
        ("{not json", "{not json"),
        ('{"event": "start", "message": "training begins"}', "training begins"),
        ('{"event": "warning", "message": "rows are cut"}', "warning: rows are cut"),
        ('{"event": "checkpoint", "step": 5, "seconds": 0.1}', ""),
        (
            '{"event": "classify", "unit": "rows", "done": 12000, "total": null, "per_second": 900}',
            "classify: 12,000 rows, 900/s",
        ),
        ('{"event": "error", "line": 7, "reason": "empty", "record": "x,y"}', "line 7: empty: x,y"),
        (
            '{"event": "open", "input": "a.csv", "format": "jsonl", "text_column": "text", "encoding": "utf-8"}',
            "a.csv: JSONL in utf-8, the text under 'text'",
        ),
        ('{"event": "open", "input": "a.csv"}', '{"event": "open", "input": "a.csv"}'),
        ('{"event": "epoch"}', '{"event": "epoch"}'),
        ('{"event": 3}', '{"event": 3}'),
        ("[" * 5000, "[" * 5000),
    ],
)
def test_events_become_sentences_and_all_else_stays(line: str, words: str) -> None:
    assert readable(line) == words


def test_what_would_steer_the_terminal_is_shown() -> None:
    assert readable("\x1b[2Jgone\ttab") == "\\x1b[2Jgone\ttab"
    record = json.dumps({"event": "error", "line": 1, "reason": "empty", "record": "\x1b]0;title\x07"})
    assert "\x1b" not in readable(record)
    assert "\x07" not in readable(record)


def test_progress_is_that_of_the_newest_line_that_has_one() -> None:
    lines = [
        '{"event": "epoch", "epoch": 2, "epochs": 9}',
        '{"event": "x", "epoch": 3, "epochs": 9, "step": 5, "steps": 90}',
    ]
    assert latest_progress([*lines, "plain", '{"event": "checkpoint", "step": 6}']) == Progress(3, 9, 5, 90)
    assert str(latest_progress(lines)) == "epoch 3 of 9, step 5 of 90"
    assert str(latest_progress(lines[:1])) == "epoch 2 of 9"
    assert str(latest_progress(["plain"])) == ""
