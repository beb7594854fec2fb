"""The writer: cells, members and encoding come back as they are, with label and score appended."""

import csv
import gzip
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emotion.records.dialect import DialectOptions
from emotion.store.atomic import open_replacing
from tests.classify.conftest import Classify, errors_of, quick

# What csv can tell apart, with much of what has to be quoted. NUL suggests UTF-16, and surrogates are undecodable.
characters = st.sampled_from("ab ,;\t\"'\r\né漢\U0001f600") | st.characters(codec="utf-8", exclude_characters="\0")
cells = st.text(characters, max_size=12)


@quick
@given(st.data(), st.sampled_from(["csv", "tsv"]), st.sampled_from(["\n", "\r\n"]))
def test_any_cells_come_back(tmp_path: Path, run: Classify, data: st.DataObject, kind: str, line_end: str) -> None:
    width = data.draw(st.integers(1, 4))
    rows = data.draw(st.lists(st.lists(cells, min_size=width, max_size=width), max_size=8))
    header = ["text", *(f"column {number}" for number in range(1, width))]
    source, output = tmp_path / f"in.{kind}", tmp_path / f"out.{kind}"
    delimiter = "," if kind == "csv" else "\t"
    with source.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, lineterminator=line_end, quoting=csv.QUOTE_ALL, delimiter=delimiter).writerows([header, *rows])
    options = DialectOptions(delimiter, "csv")
    assert run(source, output, options=options).counts.rows == len(rows)
    with output.open(newline="", encoding="utf-8") as file:
        found = list(csv.reader(file, strict=True, delimiter=delimiter))
    assert [row[:-2] for row in found] == [header, *rows]
    assert output.read_bytes().endswith(line_end.encode())


@quick
@given(
    st.lists(
        st.dictionaries(st.text(max_size=5), st.none() | st.integers() | st.text(max_size=5), max_size=3), max_size=5
    )
)
def test_json_objects_keep_their_members(tmp_path: Path, run: Classify, objects: list[dict[str, object]]) -> None:
    source, output = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    rows: list[dict[str, object]] = [{"text": "happy"}, *objects]
    source.write_text("".join(json.dumps(row) + "\n" for row in rows))
    run(source, output)
    found = [json.loads(line) for line in output.read_text().splitlines()]
    assert len(found) == len(rows)
    for before, after in zip(rows, found, strict=True):
        assert list(after)[: len(before)] == list(before)
        assert {key: after[key] for key in before} == before
        assert len(after) == len(before) + 2


def test_jsonl_stays_as_it_is_spelled(tmp_path: Path, run: Classify) -> None:
    source, output = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    source.write_bytes(b'{"n":1.0e2 , "text":"h\\u0061ppy" }\r\n{"text": null}\r\n{}\r\n[1]\r\n{"text": "\xff"}\r\n')
    run(source, output)
    assert output.read_bytes().split(b"\r\n") == [
        b'{"n":1.0e2 , "text":"h\\u0061ppy" , "label": "joy", "score": 0.999959}'.replace(b"0.999959", _score(output)),
        b'{"text": null, "label": "", "score": null}',
        b'{"label": "", "score": null}',
        b'{"unparsed": "[1]", "label": "", "score": null}',
        b'{"text": "\xff", "label": "", "score": null}',
        b"",
    ]
    reasons = [row[1] for row in errors_of(output)[1:]]
    assert reasons == [
        "the text is null, not a string",
        "no key 'text'",
        "an array instead of an object",
        "undecodable bytes in the text",
    ]


def _score(output: Path) -> bytes:
    return str(json.loads(output.read_bytes().split(b"\r\n")[0])["score"]).encode()


def test_all_scores(tmp_path: Path, run: Classify) -> None:
    source, output = tmp_path / "in.csv", tmp_path / "out.csv"
    source.write_text('text\nhappy\n""\n')
    run(source, output, all_scores=True)
    first, joy, empty = csv.reader(output.read_text().splitlines())
    assert first == ["text", "label", "score", "score_anger", "score_fear", "score_joy"]
    assert joy[2] == joy[5]
    assert sum(map(float, joy[3:])) == pytest.approx(1, abs=3e-6)
    assert empty == [""] * 6


def test_columns_that_are_taken_get_a_prefix(tmp_path: Path, run: Classify) -> None:
    source, output = tmp_path / "in.csv", tmp_path / "out.csv"
    source.write_text("text,label\nhappy,joy\n")
    assert run(source, output).prefixed
    assert output.read_text().splitlines()[0] == "text,label,predicted_label,predicted_score"
    run(output, tmp_path / "again.csv")
    again = (tmp_path / "again.csv").read_text().splitlines()[0]
    assert again.endswith(",predicted_predicted_label,predicted_predicted_score")


def test_keys_that_are_taken_get_a_prefix(tmp_path: Path, run: Classify) -> None:
    source, output = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    source.write_text('{"text": "happy", "score": 7}\n{"text": "happy"}\n')
    assert run(source, output).prefixed
    taken, free = (json.loads(line) for line in output.read_text().splitlines())
    assert list(taken) == ["text", "score", "predicted_label", "predicted_score"]
    assert list(free) == ["text", "predicted_label", "predicted_score"]


@pytest.mark.parametrize("encoding", ["latin-1", "utf-16", "utf-8", "utf-8-sig", "shift-jis"])
def test_the_encoding_is_kept(tmp_path: Path, run: Classify, encoding: str) -> None:
    (tmp_path / "in.csv").write_text("text,n\nhappy,x\n", encoding)
    option = "utf-8" if encoding == "utf-8-sig" else encoding
    run(tmp_path / "in.csv", tmp_path / "out.csv", encoding=option)
    written = (tmp_path / "out.csv").read_bytes()
    assert written.decode(encoding).startswith("text,n,label,score\nhappy,x,joy,")
    assert written == written.decode(encoding).encode(encoding)


def test_packed_files(tmp_path: Path, run: Classify) -> None:
    with open_replacing(tmp_path / "in.csv.gz") as file:
        file.write(b"text\nhappy\n")
    run(tmp_path / "in.csv.gz", tmp_path / "out.csv.gz")
    assert gzip.decompress((tmp_path / "out.csv.gz").read_bytes()).startswith(b"text,label,score\nhappy,joy,")
