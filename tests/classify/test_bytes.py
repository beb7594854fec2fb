"""Every byte comes back: an output without its new cells is its input, whatever is wrong with that."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.classify.command import classify_content
from tests.classify.cutting import cut_cells, cut_members
from tests.classify.generated_files import Generated
from tests.classify.many_files import FILES, check, check_shards


def some(count: int) -> settings:
    checks = [HealthCheck.function_scoped_fixture]
    return settings(max_examples=count, suppress_health_check=checks, report_multiple_bugs=False)


@pytest.mark.parametrize("kind", FILES)
def test_outputs_are_their_inputs_and_new_cells(in_memory: Path, toy_model: Path, kind: str) -> None:
    @some(80)
    @given(FILES[kind])
    def run(file: Generated) -> None:
        check(in_memory, toy_model, file)

    run()


@some(25)
@given(st.one_of(*FILES.values()))
def test_joined_shards_are_the_whole(in_memory: Path, toy_model: Path, file: Generated) -> None:
    check_shards(in_memory, toy_model, file)


BLOCK = 1 << 16


@pytest.mark.parametrize(("encoding", "end"), [("utf-8", "\r\n"), ("utf-16-le", "\r\n"), ("shift_jis", "\r")])
def test_nothing_is_lost_where_blocks_end(in_memory: Path, toy_model: Path, encoding: str, end: str) -> None:
    """Line ends, quotes and characters of several bytes lie across the end of a block, each once."""
    options = [] if encoding == "utf-8" else ["--encoding", encoding]
    row = f'1;"so{end}; ""ポ"" happy"{end}'
    unit = len("x".encode(encoding))
    for shift in range(0, len(row.encode(encoding)) + unit, unit):
        head = f"id;text{end}"
        filler = (BLOCK - shift - len(f"{head}{end}".encode(encoding))) // unit
        content = f"{head}{'so;' + 'x' * (filler - 3)}{end}{row}2;scared{end}"
        done = classify_content(in_memory, toy_model, content.encode(encoding), *options)
        assert done.code == 0, done.err
        assert done.labels(";", encoding)[1:] == ["joy", "fear"]


CUT = {
    "nothing added": (b"text\nhappy\n", b"text\nhappy\n", []),
    "cells": (b"text\nhappy\n", b"text,label,score\nhappy,joy,0.9\n", ["label", "joy"]),
    "padding": (b"a,text\n1\n", b"a,text,label,score\n1,,,\n", ["label", ""]),
    "two lines": (b'text\n"a\nb"\n', b'text,label,score\n"a\nb",fear,0.9\n', ["label", "fear"]),
}


@pytest.mark.parametrize("name", CUT)
def test_what_is_cut_off(name: str) -> None:
    content, written, labels = CUT[name]
    assert cut_cells(content, written, ",") == labels


OTHER = {
    "a quote less": (b'text\n"happy"\n', b"text,label,score\nhappy,joy,0.9\n"),
    "a row less": (b"text\nhappy\nscared\n", b"text,label,score\nhappy,joy,0.9\n"),
    "a row more": (b"text\nhappy\n", b"text,label,score\nhappy,joy,0.9\nhappy,joy,0.9\n"),
    "a line end more": (b"text\nhappy", b"text,label,score\nhappy,joy,0.9\n"),
    "another line end": (b"text\r\nhappy\r\n", b"text,label,score\nhappy,joy,0.9\n"),
    "a cell within a row": (b"id,text\n1,happy\n", b"id,text,label,score\n1,joy,0.9,happy\n"),
    "another delimiter": (b"text\nhappy\n", b"text;label;score\nhappy;joy;0.9\n"),
    "cells at a lone carriage return": (b"text\na\rb\n", b"text,label,score\na,joy,0.9\rb\n"),
}


@pytest.mark.parametrize("name", OTHER)
def test_other_changes_are_noticed(name: str) -> None:
    content, written = OTHER[name]
    with pytest.raises(AssertionError):
        cut_cells(content, written, ",")


def test_members_are_cut_off() -> None:
    content = b'{"text": "a}" }\r\n\r\nno object\r\n{}\r\n{"label": 1}'
    written = (
        b'{"text": "a}" , "label": "joy", "score": 0.9}\r\n\r\n'
        b'{"unparsed": "no object", "label": "", "score": null}\r\n'
        b'{"label": "", "score": null}\r\n{"label": 1}'
    )
    assert cut_members(content, written) == ["joy", "", "", None]
    for changed in (written.replace(b"a}", b"a"), written.replace(b"\r", b""), written.replace(b"no object", b"no")):
        with pytest.raises(AssertionError):
            cut_members(content, changed)
