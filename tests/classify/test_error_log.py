"""The errors file: which rows it lists and how, and when it is absent."""

import re
from pathlib import Path

from tests.classify.conftest import Classify, errors_of


def test_bad_rows_keep_their_place_and_are_filed(tmp_path: Path, run: Classify) -> None:
    source, output = tmp_path / "in.csv", tmp_path / "out.csv"
    source.write_bytes(
        b'text,n\nhappy,1\n  ,2\n\nbytes \xff,3\nshort\nlong,4,5\n"furious"x,6\n"\n\xe9",7\n"never closed,8\nscared,9\n'
    )
    outcome = run(source, output)
    assert (outcome.counts.rows, outcome.counts.errors) == (9, 7)
    assert re.sub(rb"0\.\d+", b"0", output.read_bytes()) == (
        b"text,n,label,score\nhappy,1,joy,0\n  ,2,,\n\nbytes \xff,3,,\nshort,,,\nlong,4,5,,\n"
        b'"furious"x,6,,\n"\n\xe9",7,,\n"never closed,8,,\nscared,9,fear,0\n'
    )
    assert errors_of(output) == [
        ["line", "reason", "record"],
        ["3", "empty text", "  ,2"],
        ["5", "undecodable bytes in the text", "bytes \udcff,3"],
        ["6", "1 field where the header has 2", "short"],
        ["7", "3 fields where the header has 2", "long,4,5"],
        ["8", "malformed quoting: text follows a closing quote", '"furious"x,6'],
        ["9", "undecodable bytes in the text", '"\n\udce9",7'],
        ["11", "malformed quoting: a quote is not closed", '"never closed,8'],
    ]


def test_errors_of_an_earlier_run_go(tmp_path: Path, run: Classify) -> None:
    source, output = tmp_path / "in.csv", tmp_path / "out.csv"
    source.write_text('text\n""\n')
    run(source, output)
    assert len(errors_of(output)) == 2
    source.write_text("text\nhappy\n")
    run(source, output)
    assert not (tmp_path / "out.csv.errors.csv").exists()
