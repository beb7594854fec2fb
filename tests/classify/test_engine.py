"""Files in, files out: columns, rows and order are kept, label and score appended, errors filed."""

import csv
import gzip
import io
import json
import random
import re
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.special import softmax

from emotion.classify.engine import classify_file, most_rows
from emotion.classify.tasks import Settings, list_tasks
from emotion.errors import BadDataError, CannotWriteError, InputMissingError
from emotion.onnx.config import write_temperature
from emotion.onnx.session import Classifier
from emotion.store.atomic import open_replacing
from tests.classify.conftest import LISTENER, Classify
from tests.toy import write_model

quick = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
# What csv can tell apart: any characters but lone surrogates, with much of what has to be quoted.
cells = st.text(st.sampled_from("ab ,;\t\"'\r\n\0é漢\U0001f600") | st.characters(codec="utf-8"), max_size=12)


def errors_of(output: Path) -> list[list[str]]:
    """Rows of the errors file beside `output`."""
    path = output.with_name(output.name + ".errors.csv")
    return list(csv.reader(io.StringIO(path.read_text("utf-8", "surrogateescape"), newline="")))


def test_label_and_score_are_appended(tmp_path: Path, run: Classify) -> None:
    source, output = tmp_path / "in.csv", tmp_path / "out.csv"
    source.write_text('id,text,more\n1,i feel happy,x\n2,"so ""furious"",\nyes","a,b"\n')
    outcome = run(source, output)
    assert (outcome.rows, outcome.errors) == (2, 0)
    # Processors round the sixth digit of a score each in its own way.
    text, scores = re.subn(r"0\.(598|620)\d{3}$", r"0.\1", output.read_text(), flags=re.MULTILINE)
    assert text == 'id,text,more,label,score\n1,i feel happy,x,joy,0.598\n2,"so ""furious"",\nyes","a,b",anger,0.620\n'
    assert scores == 2
    assert [path.name for path in sorted(tmp_path.iterdir())] == ["in.csv", "out.csv"]


def test_scores_are_those_of_the_models_temperature_and_labels_stay(
    tmp_path: Path, run: Classify, toy: Classifier
) -> None:
    texts = ["i feel happy", "so furious", "scared and happy", "unheard words"]
    source = tmp_path / "in.csv"
    source.write_text("text\n" + "".join(f"{text}\n" for text in texts))
    run(source, tmp_path / "plain.csv")
    folder = write_model(tmp_path / "model")
    write_temperature(folder / "config.json", 2.5)
    [task] = list_tasks(source, tmp_path / "scaled.csv")
    classify_file(task, Classifier.load(folder, 1), Settings(all_scores=True), LISTENER)
    plain, scaled = (list(csv.DictReader((tmp_path / name).open())) for name in ("plain.csv", "scaled.csv"))
    assert [row["label"] for row in scaled] == [row["label"] for row in plain]
    wanted = softmax(toy.logits(texts) / 2.5, axis=1)
    found = [[float(row[f"score_{label}"]) for label in toy.labels] for row in scaled]
    np.testing.assert_allclose(found, wanted, atol=1e-6)
    assert [float(row["score"]) for row in scaled] == pytest.approx(wanted.max(axis=1), abs=1e-6)
    assert all(float(one["score"]) < float(other["score"]) for one, other in zip(scaled, plain, strict=True))


@quick
@given(st.data(), st.sampled_from(["csv", "tsv"]), st.sampled_from(["\n", "\r\n"]))
def test_any_cells_come_back(tmp_path: Path, run: Classify, data: st.DataObject, kind: str, line_end: str) -> None:
    width = data.draw(st.integers(1, 4))
    rows = data.draw(st.lists(st.lists(cells, min_size=width, max_size=width), max_size=8))
    header = ["text", *(f"column {place}" for place in range(1, width))]
    source, output = tmp_path / f"in.{kind}", tmp_path / f"out.{kind}"
    delimiter = "," if kind == "csv" else "\t"
    with source.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, lineterminator=line_end, quoting=csv.QUOTE_ALL, delimiter=delimiter).writerows([header, *rows])
    assert run(source, output).rows == len(rows)
    with output.open(newline="", encoding="utf-8") as file:
        found = list(csv.reader(file, strict=True, delimiter=delimiter))
    assert [row[:-2] for row in found] == [header, *rows]
    assert all((row[-2] == "") == (not row[0].strip()) for row in found[1:])
    assert output.read_bytes().endswith(line_end.encode())


@quick
@given(st.binary(max_size=200), st.sampled_from(["csv", "tsv", "jsonl"]))
def test_any_bytes_end_well(tmp_path: Path, run: Classify, content: bytes, kind: str) -> None:
    source, output = tmp_path / f"in.{kind}", tmp_path / f"out.{kind}"
    source.write_bytes(b"" if kind == "jsonl" else b"text\n")
    with source.open("ab") as file:
        file.write(content)
    outcome = run(source, output)
    again = run(output, tmp_path / f"again.{kind}", text_column="label")
    assert again.rows == outcome.rows


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


def test_jsonl_stays_as_it_is_spelt(tmp_path: Path, run: Classify) -> None:
    source, output = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    source.write_bytes(b'{"n":1.0e2 , "text":"h\\u0061ppy" }\r\n{"text": null}\r\n{}\r\n[1]\r\n{"text": "\xff"}\r\n')
    run(source, output)
    assert output.read_bytes().split(b"\r\n") == [
        b'{"n":1.0e2 , "text":"h\\u0061ppy", "label": "joy", "score": 0.999959}'.replace(b"0.999959", _score(output)),
        b'{"text": null, "label": "", "score": null}',
        b'{"label": "", "score": null}',
        b'{"label": "", "score": null}',
        b'{"text": "\xff", "label": "", "score": null}',
        b"",
    ]
    reasons = [row[1] for row in errors_of(output)[1:]]
    assert reasons == [
        "the text is null, not a string",
        "no key 'text'",
        "a JSON list where an object was expected",
        "undecodable bytes in the text",
    ]


def _score(output: Path) -> bytes:
    return str(json.loads(output.read_bytes().split(b"\r\n")[0])["score"]).encode()


def test_bad_rows_keep_their_place_and_are_filed(tmp_path: Path, run: Classify) -> None:
    source, output = tmp_path / "in.csv", tmp_path / "out.csv"
    source.write_bytes(
        b'text,n\nhappy,1\n  ,2\n\nbytes \xff,3\nshort\nlong,4,5\n"furious"x,6\n"\n\xe9",7\n"never closed,8\nscared,9\n'
    )
    outcome = run(source, output)
    assert (outcome.rows, outcome.errors) == (9, 7)
    labels = [row[2] for row in csv.reader(output.read_text("latin-1").splitlines())]
    assert labels == ["label", "joy", "", "", "", "", "", "", "", "fear"][: len(labels)]
    assert errors_of(output) == [
        ["line", "reason", "record"],
        ["3", "empty text", '["  ", "2"]'],
        ["5", "undecodable bytes in the text", '["bytes \\udcff", "3"]'],
        ["6", "1 fields where the header has 2", '["short"]'],
        ["7", "3 fields where the header has 2", '["long", "4", "5"]'],
        ["8", "malformed quoting: ',' expected after '\"'", '"furious"x,6'],
        ["9", "undecodable bytes in the text", '["\\n\\udce9", "7"]'],
        ["11", "malformed quoting: a quote is not closed, or a field has over 1,048,576 characters", '"never closed,8'],
    ]
    assert b"bytes \xff,3,," in output.read_bytes()


def test_stopping_at_an_error_names_it_and_writes_nothing(tmp_path: Path, run: Classify) -> None:
    source, output = tmp_path / "in.csv", tmp_path / "out.csv"
    source.write_text("text\nhappy\n \n")
    with pytest.raises(BadDataError, match="line 3: empty text"):
        run(source, output, stop_at_error=True)
    assert [path.name for path in tmp_path.iterdir()] == ["in.csv"]


def test_errors_of_an_earlier_run_go(tmp_path: Path, run: Classify) -> None:
    source, output = tmp_path / "in.csv", tmp_path / "out.csv"
    source.write_text('text\n""\n')
    run(source, output)
    assert len(errors_of(output)) == 2
    source.write_text("text\nhappy\n")
    run(source, output)
    assert not (tmp_path / "out.csv.errors.csv").exists()


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
    assert list(free) == ["text", "label", "score"]


@pytest.mark.parametrize(
    ("content", "column", "message"),
    [
        ("a,b\n1,2\n", None, "no column 'text'; its columns are: a, b"),
        ("a,text\n1,2\n", "body", "no column 'body'; its columns are: a, text"),
        ("text,text\n1,2\n", None, "more than one column 'text'"),
        ('"text\n', None, "header"),
        ("te\udcffxt\n", None, "undecodable"),
    ],
)
def test_columns_that_are_not_there(tmp_path: Path, run: Classify, content: str, column: str, message: str) -> None:
    source = tmp_path / "in.csv"
    source.write_text(content, "utf-8", "surrogateescape")
    with pytest.raises(BadDataError, match=message):
        run(source, tmp_path / "out.csv", text_column=column)
    assert [path.name for path in tmp_path.iterdir()] == ["in.csv"]


def test_a_key_that_the_first_object_lacks(tmp_path: Path, run: Classify) -> None:
    (tmp_path / "in.jsonl").write_text('{"a": 1, "b": 2}\n')
    with pytest.raises(BadDataError, match="its columns are: a, b"):
        run(tmp_path / "in.jsonl", tmp_path / "out.jsonl")


@pytest.mark.parametrize(("content", "expected"), [("", ""), ("\n\n", ""), ("text\n", "text,label,score\n")])
def test_files_without_rows(tmp_path: Path, run: Classify, content: str, expected: str) -> None:
    (tmp_path / "in.csv").write_text(content)
    assert run(tmp_path / "in.csv", tmp_path / "out.csv").rows == 0
    assert (tmp_path / "out.csv").read_text() == expected


def test_the_only_column_is_the_text(tmp_path: Path, run: Classify) -> None:
    (tmp_path / "in.csv").write_text("body\nhappy\n")
    assert run(tmp_path / "in.csv", tmp_path / "out.csv").errors == 0


@pytest.mark.parametrize("encoding", ["latin-1", "utf-16", "utf-8", "utf-8-sig", "shift-jis"])
def test_the_encoding_is_kept(tmp_path: Path, run: Classify, encoding: str) -> None:
    (tmp_path / "in.csv").write_text("text,n\nhappy,x\n", encoding)
    said = "utf-8" if encoding == "utf-8-sig" else encoding
    run(tmp_path / "in.csv", tmp_path / "out.csv", encoding=said)
    written = (tmp_path / "out.csv").read_bytes()
    assert written.decode(encoding).startswith("text,n,label,score\nhappy,x,joy,")
    assert written == written.decode(encoding).encode(encoding)


def test_packed_files(tmp_path: Path, run: Classify) -> None:
    with open_replacing(tmp_path / "in.csv.gz") as file:
        file.write(b"text\nhappy\n")
    run(tmp_path / "in.csv.gz", tmp_path / "out.csv.gz")
    assert gzip.decompress((tmp_path / "out.csv.gz").read_bytes()).startswith(b"text,label,score\nhappy,joy,")


@pytest.mark.parametrize(
    "spoil", [lambda content: content[:-6], lambda content: b"plain" + content, lambda content: content + b"more"]
)
def test_a_damaged_packed_file(tmp_path: Path, run: Classify, spoil: object) -> None:
    (tmp_path / "in.csv.gz").write_bytes(spoil(gzip.compress(b"text\n\n" + b'happy\n""\n' * 9000)))  # type: ignore[operator]
    with pytest.raises(BadDataError, match=r"not a whole \.gz"):
        run(tmp_path / "in.csv.gz", tmp_path / "out.csv")
    assert [path.name for path in tmp_path.iterdir()] == ["in.csv.gz"]


def test_more_rows_than_a_chunk_stay_in_order(tmp_path: Path, run: Classify) -> None:
    words = ["happy", "furious", "scared", ""]
    (tmp_path / "in.csv").write_text("n,text\n" + "".join(f"{n},{words[n % 4]}\n" for n in range(20_000)))
    outcome = run(tmp_path / "in.csv", tmp_path / "out.csv")
    rows = list(csv.DictReader((tmp_path / "out.csv").read_text().splitlines()))
    assert [int(row["n"]) for row in rows] == list(range(20_000))
    assert [row["label"] for row in rows] == ["joy", "anger", "fear", ""] * 5000
    assert outcome.errors == 5000


def test_chunks_are_the_same_however_long_they_take(
    tmp_path: Path, run: Classify, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rows that run with others have other last digits, which must not differ from run to run."""
    (tmp_path / "in.csv").write_text("text\n" + "happy\n" * 20_000 + f"{'happy ' * 2000}\n" * 300)
    draw = random.Random(0)  # noqa: S311  no secret
    logits = Classifier.logits

    def run_slowly(seconds: float) -> tuple[list[int], bytes]:
        sizes: list[int] = []

        def slow(classifier: Classifier, texts: list[str], stopped: threading.Event) -> NDArray[np.float32]:
            time.sleep(draw.uniform(0, seconds))
            sizes.append(len(texts))
            return logits(classifier, texts, stopped)

        monkeypatch.setattr(Classifier, "logits", slow)
        run(tmp_path / "in.csv", tmp_path / "out.csv")
        return sizes, (tmp_path / "out.csv").read_bytes()

    sizes, content = run_slowly(0)
    assert sizes == [32, 64, 128, 256, 512, 1024, 2048, 4096, 4096, 4096, 3648 + 174, 126]
    assert run_slowly(0.1) == (sizes, content)


@pytest.mark.parametrize(
    ("model_bytes", "rows"), [(5_000_000, 4096), (25_000_000, 4096), (90_000_000, 1137), (438_000_000, 256)]
)
def test_large_models_have_small_chunks(model_bytes: int, rows: int) -> None:
    assert most_rows(model_bytes) == rows


def test_an_output_that_cannot_be_written(tmp_path: Path, run: Classify) -> None:
    (tmp_path / "in.csv").write_text("text\nhappy\n")
    (tmp_path / "file").write_text("")
    with pytest.raises(CannotWriteError, match=r"cannot write .*out\.csv"):
        run(tmp_path / "in.csv", tmp_path / "file" / "out.csv")


def test_an_input_that_is_not_there(tmp_path: Path, run: Classify) -> None:
    with pytest.raises(InputMissingError, match=r"in\.csv"):
        run(tmp_path / "in.csv", tmp_path / "out.csv")
