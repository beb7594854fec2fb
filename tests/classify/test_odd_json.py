"""JSONL as people have it: only the text's key is classified, all names are the same, and every line is kept."""

import json
import re
from typing import Any

import pytest

from tests.classify.command import Command, Done

GOOD = '{"text": "happy"}\n'


def run(command: Command, content: str | bytes, *options: object) -> Done:
    return command(content, *options, name="in.jsonl")


NO_TEXT = {
    "an error of an API": '{"error": "furious rate limit exceeded"}',
    "one other key": '{"message": "furious"}',
    "a key in capitals": '{"Text": "furious"}',
    "a nested text": '{"data": {"text": "furious"}}',
    "null": '{"text": null}',
    "a number": '{"text": 7}',
    "an array": '{"text": ["furious"]}',
    "an empty object": "{}",
    "an empty text": '{"text": ""}',
    "an escaped zero-width space": '{"text": "\\u200b"}',
    "an escaped NUL alone": '{"text": "\\u0000"}',
}


@pytest.mark.parametrize("name", NO_TEXT)
def test_objects_without_a_text_have_no_label(command: Command, name: str) -> None:
    done = run(command, f"{GOOD}{NO_TEXT[name]}\n{GOOD}")
    assert done.code == 0
    assert done.json_labels() == ["joy", "", "joy"]
    assert [line for line, *_ in done.errors] == ["2"]
    for content in (NO_TEXT[name], NO_TEXT[name] + "\n" + GOOD):
        written = run(command, content + "\n")
        assert written.code == 65 or written.json_labels() == ["", "joy"]


def test_another_key_is_classified_where_it_is_named(command: Command) -> None:
    done = run(command, '{"message": "scared", "text": "happy"}\n{"text": "happy"}\n', "--text-column", "message")
    assert done.json_labels() == ["fear", ""]


NO_OBJECT = {
    "a string": '"furious"',
    "a number": "7",
    "an array": '[{"text": "furious"}]',
    "a comma behind": '{"text": "furious"},',
    "two objects": '{"text": "furious"} {"text": "scared"}',
    "single quotes": "{'text': 'furious'}",
    "a cut object": '{"text": "fur',
    "a log line": '2024-01-01 {"text": "furious"}',
    "a tab within a string": '{"text": "fur\tious"}',
    "a byte order mark": '\ufeff{"text": "furious"}',
    "spaces around": '  furious "quoted" \\ line  ',
    "deep": "[" * 100_000,
    "an event": 'data: {"text": "furious"}',
    "Ctrl-Z": "\x1a",
}


@pytest.mark.parametrize("name", NO_OBJECT)
def test_lines_that_are_no_objects_are_kept_as_strings(command: Command, name: str) -> None:
    done = run(command, f"{GOOD}{NO_OBJECT[name]}\n{GOOD}")
    assert done.code == 0
    assert done.json_labels() == ["joy", "", "joy"]
    kept = json.loads(done.written.splitlines()[1])
    assert kept == {"unparsed": NO_OBJECT[name], "label": "", "score": None}
    assert [line for line, *_ in done.errors] == ["2"]


def test_an_object_over_several_lines_is_none(command: Command) -> None:
    pretty = json.dumps([{"text": "happy"}, {"text": "scared"}], indent=2)
    done = run(command, pretty + "\n")
    assert done.code == 65
    assert done.json_labels() == [""] * len(pretty.splitlines())


SPELLED = {
    "spaces": ' {"n":1.0e2 , "text":"h\\u0061ppy" } \t',
    "no spaces": '{"text":"happy"}',
    "a brace in a string": '{"text": "}happy}", "b": "}"}',
    "a nested object": '{"text": "happy", "b": {"c": {}}}',
    "large numbers": '{"text": "happy", "n": 12345678901234567890.10}',
    "escaped slashes": '{"text": "happy\\/", "u": "http:\\/\\/a"}',
    "a separator of lines": '{"text": "\u2028 happy"}',
    "NaN": '{"text": "happy", "n": NaN}',
    "an emoji as two escapes": '{"text": "\\ud83d\\ude00 happy"}',
}


@pytest.mark.parametrize("end", ["\n", "\r\n", ""], ids=["LF", "CRLF", "none"])
@pytest.mark.parametrize("name", SPELLED)
def test_objects_stay_as_they_are_spelled(command: Command, name: str, end: str) -> None:
    done = run(command, SPELLED[name] + end)
    assert done.code == 0, done.err
    assert done.json_labels() == ["joy"]


def test_blank_lines_and_marks_are_kept(command: Command) -> None:
    done = run(command, "\ufeff\n" + GOOD + "\n  \n\n" + GOOD)
    assert [label for label in done.json_labels() if label] == ["joy", "joy"]
    done = run(command, "\ufeff" + GOOD * 2)
    assert done.json_labels() == ["joy", "joy"]


def names(done: Done) -> list[list[str]]:
    """Names of the members that were put in, for every row with a label."""
    rows: list[dict[str, Any]] = [json.loads(line) for line in done.written.decode().splitlines()]
    return [list(row)[-2:] for row in rows if row[list(row)[-2]] in ("anger", "fear", "joy")]


@pytest.mark.parametrize("taken", ["label", "score"])
@pytest.mark.parametrize("first", [True, False])
def test_names_are_the_same_in_all_rows(command: Command, taken: str, *, first: bool) -> None:
    own = f'{{"text": "so scared", "{taken}": 7}}\n'
    done = run(command, own + GOOD * 3 if first else GOOD * 3 + own)
    assert done.code == 0, done.err
    assert names(done) == [["predicted_label", "predicted_score"]] * 4


def test_an_object_far_behind_that_has_a_name_already_is_in_error(command: Command) -> None:
    own = '{"text": "scared", "label": "mine"}'
    done = run(command, GOOD * 20_000 + own + "\n" + GOOD)
    assert len({tuple(pair) for pair in names(done)}) == 1
    row = done.written.decode().splitlines()[20_000]
    if "predicted_label" not in row:
        assert row == own
        [[line, reason, record]] = done.errors
        assert (line, record) == ("20001", own)
        assert "label" in reason


@pytest.mark.parametrize("cell", ["\\ud83d happy", "happy \\ude00", "\\ud83dhappy\\ud83d"])
def test_half_a_surrogate_pair_is_named_for_what_it_is(command: Command, cell: str) -> None:
    done = run(command, f'{GOOD}{{"text": "{cell}"}}\n')
    assert done.json_labels() == ["joy", ""]
    [[line, reason, _]] = done.errors
    assert line == "2"
    assert "surrogate" in reason
    assert "undecodable" not in reason


def test_half_a_surrogate_pair_in_another_member_is_kept(command: Command) -> None:
    done = run(command, '{"text": "happy", "n": "\\ud83d"}\n')
    assert done.json_labels() == ["joy"]


def test_bytes_that_are_no_text_are_named_and_kept(command: Command) -> None:
    done = run(command, b'{"text": "happy"}\n{"text": "\xff"}\n{"text": "scared", "n": "\xff"}\nfurious \xff\n')
    assert done.json_labels() in (["joy", "", "fear", ""], ["joy", "", "", ""])
    assert re.search(rb'"unparsed": "furious \xff"', done.written)


def test_characters_of_two_spellings_are_kept(command: Command) -> None:
    line = b'\xfb\x5c "\x8d\xa1" \\ \xed\x40\tno object'
    assert line.decode("cp932").encode("cp932") != line
    done = run(command, b'{"text": "happy"}\n' + line + b"\n", "--encoding", "cp932")
    assert done.written.splitlines()[1].startswith(
        b'{"unparsed": "\xfb\x5c \\"\x8d\xa1\\" \\\\ \xed\x40\\tno object", "label"'
    )
    kept = json.loads(done.written.splitlines()[1].decode("cp932"))
    assert kept["unparsed"] == line.decode("cp932")


def test_damaged_bytes_of_a_stateful_encoding_are_kept(command: Command) -> None:
    done = run(command, b'{"text": "happy"}\n\x1b\x80 no object\n', "--encoding", "iso2022_jp")
    assert done.code == 0
    assert json.loads(done.written.splitlines()[1])["unparsed"] == "\x1b\x80 no object"


def test_a_carriage_return_alone_is_white_space_of_json(command: Command) -> None:
    done = run(command, '{"text": "happy"}\n{"text":\r"scared"}\n')
    assert done.json_labels() == ["joy", "fear"]


def test_line_ends_may_be_mixed(command: Command) -> None:
    done = command('{"text":"happy"}\r\n{"text":"furious"}\n{"text":"scared"}', name="in.jsonl")
    assert done.json_labels() == ["joy", "anger", "fear"]
