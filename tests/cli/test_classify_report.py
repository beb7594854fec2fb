"""What a classification reports: how files are read, what is unusual, bad files, and the summary."""

import json
from collections import Counter
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest

from emotion.classify.part_files import PartResult
from emotion.classify.shard import Shard, Share
from emotion.classify.statistics import Statistics
from emotion.classify.tasks import Task, TaskList
from emotion.cli.classify_report import ClassifyReport
from emotion.cli.console import LogFormat
from emotion.composites.predictor import Member, Predictor
from emotion.composites.spec import Composite
from emotion.errors import BadDataError, EmotionError, InputMissingError

if TYPE_CHECKING:
    from emotion.onnx.session import Classifier

Capture = pytest.CaptureFixture[str]
DIALECT: dict[str, Any] = {
    "format": "csv",
    "text_column": "text",
    "columns": 2,
    "header": True,
    "index": False,
    "delimiter": ";",
    "quoting": "csv",
    "encoding": "utf-8",
    "line_end": "\n",
}
JSONL = {"format": "jsonl", "text_column": "text", "encoding": "utf-16-le", "line_end": "\n"}
CLASSIFIER = SimpleNamespace(
    graph=Path("model.onnx"),
    precision="float32",
    fallback="",
    device="cpu",
    model_digest="abc",
    verified=True,
    labels=["joy", "fear"],
    calls=1,
)
PREDICTOR = Predictor("ann/s1", (Member("ann/s1", cast("Classifier", CLASSIFIER)),))


def tasks(*names: str, errors: bool = True) -> list[Task]:
    outputs = [Path("out", name) for name in names]
    return [Task(Path(path.name), path, Path(f"{path}.errors.csv") if errors else None, "csv") for path in outputs]


def report(*names: str, log: LogFormat = LogFormat.TEXT, passed_over: int = 0) -> ClassifyReport:
    passed = [(Path(f"{number}.png"), "unknown format") for number in range(passed_over)]
    return ClassifyReport(lambda _: None, TaskList(tasks(*names), passed), log)


def counts(**changes: Any) -> Statistics:
    return Statistics(**{"rows": 3, "labels": Counter(joy=2, fear=1), "steps": Counter({900: 2, 500: 1}), **changes})


def summary(made: ClassifyReport, capsys: Capture) -> dict[str, Any]:
    capsys.readouterr()
    made.summarize(PREDICTOR, as_json=True)
    content: dict[str, Any] = json.loads(capsys.readouterr().out)
    return content


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({}, "text in column 'text' of 2, delimiter ';', utf-8"),
        ({"columns": 1, "delimiter": ","}, "text in column 'text' alone, delimiter ',', utf-8"),
        ({"delimiter": "\t", "quoting": "line"}, "of 2, delimiter tab, quotes within a line, utf-8"),
        ({"quoting": "none"}, "of 2, delimiter ';', no quotes, utf-8"),
        ({"header": False, "text_column": "2"}, "text in column '2' of 2, delimiter ';', no header, utf-8"),
        ({"text_column": None}, "a.csv: 2 columns, delimiter ';', utf-8"),
        ({"text_column": None, "columns": 1}, "a.csv: 1 column, delimiter ';', utf-8"),
        ({"index": True}, "warning: a.csv: the rows have one cell more than the header"),
        ({"text_column": "te\u200bxt"}, r"text in column 'te\u200bxt' of 2"),
        (JSONL, "JSONL in utf-16-le, the text under 'text'"),
    ],
)
def test_how_a_file_is_read_is_one_line(capsys: Capture, changes: dict[str, Any], line: str) -> None:
    report("a.csv").listener.on_open(Path("a.csv"), DIALECT | changes)
    err = capsys.readouterr().err
    assert err.startswith("a.csv: ")
    assert line in err
    assert err.count("\n") == 1 + ("index" in changes)


def test_files_that_are_read_alike_are_reported_once(capsys: Capture) -> None:
    listener = report("a.csv", "b.csv", "c.csv").listener
    for name, changes in (("a.csv", {}), ("b.csv", {}), ("c.csv", {"delimiter": ","}), ("d.csv", {})):
        listener.on_open(Path(name), DIALECT | changes)
    assert [line[:5] for line in capsys.readouterr().err.splitlines()] == ["a.csv", "c.csv", "d.csv"]


def test_logs_as_json(capsys: Capture) -> None:
    listener = report("a.csv", log=LogFormat.JSON).listener
    listener.on_open(Path("a.csv"), DIALECT)
    listener.on_error(3, "empty text", '1;"é"')
    opened, error = map(json.loads, capsys.readouterr().err.splitlines())
    assert opened == {"event": "open", "input": "a.csv", **DIALECT}
    assert error == {"event": "error", "line": 3, "reason": "empty text", "record": '1;"é"'}


def test_rows_in_error_are_printed_as_they_are(capsys: Capture) -> None:
    report("a.csv").listener.on_error(3, "empty text", "1;[red]é[/] :smile:")
    assert capsys.readouterr().err == "line 3: empty text: 1;[red]é[/] :smile:\n"


def test_what_is_unusual_about_an_output_is_said(capsys: Capture) -> None:
    made = report("a.csv", "b.csv")
    first, second = tasks("a.csv", "b.csv")
    made.add(first, counts(), prefixed=False)
    assert capsys.readouterr().err == ""
    made.add(first, Statistics(), prefixed=False)
    assert capsys.readouterr().err == "no rows in a.csv\n"
    made.add(second, counts(rows=1200, errors=1199, reasons=Counter(short=199, empty=1000)), prefixed=True)
    assert capsys.readouterr().err.splitlines() == [
        "b.csv has columns with these names: the new columns are called predicted_...",
        "warning: 1,199 of 1,200 rows of b.csv could not be classified: empty (1,000), short (199);"
        f" see {second.errors}",
    ]
    [task] = tasks("-", errors=False)
    made.add(task, counts(errors=1, reasons=Counter(short=1)), prefixed=False)
    assert capsys.readouterr().err.endswith("see the lines above\n")


@pytest.mark.parametrize(
    ("skipped", "missing", "expected"),
    [
        (False, [1, 2], "missing: 2 of 3 parts of out/a.csv"),
        (True, [2], "part 0 of 3 exists already"),
        (False, [], "joined 3 parts in out/a.csv"),
    ],
)
def test_parts_are_reported(capsys: Capture, *, skipped: bool, missing: list[int], expected: str) -> None:
    made = report("a.csv")
    [task] = tasks("a.csv")
    part = Path("out/a.csv.parts/0")
    whole = None if missing else counts(rows=9)
    result = PartResult(part, counts(), prefixed=False, skipped=skipped, missing=missing, whole=whole)
    made.add_part(Share(task, Shard(0, 3)), result, joined=True)
    assert expected in capsys.readouterr().err
    [output] = summary(made, capsys)["outputs"]
    assert (output["skipped"], output["missing"], output["rows"]) == (skipped, missing, 3)
    assert (output["whole"] and output["whole"]["rows"]) == (None if missing else 9)


BAD = BadDataError("a.csv has no column 'text'", "name it")


def test_the_error_of_the_only_file_ends_the_command_at_once() -> None:
    with pytest.raises(BadDataError) as caught:
        report("a.csv").add_failure(Path("a.csv"), BAD)
    assert caught.value is BAD


def test_the_error_of_the_only_file_waits_for_the_summary_of_its_output(capsys: Capture) -> None:
    made = report("a.csv")
    made.add(tasks("a.csv")[0], counts(rows=1, errors=1, reasons=Counter(short=1)), prefixed=False)
    made.add_failure(Path("a.csv"), BAD)
    assert summary(made, capsys)["failed"] == [{"input": "a.csv", "error": BAD.message}]
    with pytest.raises(BadDataError) as caught:
        made.raise_failure()
    assert caught.value is BAD


def test_bad_files_of_a_folder_are_named_at_the_end(capsys: Capture) -> None:
    names = [f"{number}.csv" for number in range(13)]
    made = report(*names)
    made.raise_failure()
    made.add_failure(Path("0.csv"), InputMissingError("cannot read 0.csv"))
    assert capsys.readouterr().err == "warning: cannot read 0.csv\n"
    for name in names[1:12]:
        made.add_failure(Path(name), BadDataError(f"{name} is bad", "mend it"))
    assert "warning: 11.csv is bad (mend it)\n" in capsys.readouterr().err
    with pytest.raises(EmotionError) as caught:
        made.raise_failure()
    assert caught.value.exit_code == 65
    assert caught.value.message.startswith("bad files, 12 of 13: cannot read 0.csv; 1.csv is bad; ")
    assert caught.value.message.endswith("9.csv is bad; and 2 more")
    assert len(summary(made, capsys)["failed"]) == 12


def test_files_that_are_passed_over_are_named_up_to_ten(capsys: Capture) -> None:
    made = report("a.csv", passed_over=12)
    err = capsys.readouterr().err
    assert err.startswith("warning: skipping 12 files: 0.png (unknown format), 1.png")
    assert err.endswith("9.png (unknown format), and 2 more\n")
    content = summary(made, capsys)["passed_over"]
    assert (content["count"], len(content["files"])) == (12, 10)
    assert content["files"][0] == {"file": "0.png", "reason": "unknown format"}


def test_the_summary_adds_up_all_outputs(capsys: Capture) -> None:
    made = report("a.csv", "b.csv")
    first, second = tasks("a.csv", "b.csv")
    made.listener.on_open(Path("a.csv"), DIALECT)
    made.add(first, counts(), prefixed=False)
    made.listener.on_open(Path("b.csv"), JSONL)
    made.add(second, counts(rows=4, errors=1, cut=2, reasons=Counter(short=1)), prefixed=False)
    content = summary(made, capsys)
    assert (content["rows"], content["errors"], content["cut"]) == (7, 1, 2)
    assert content["labels"] == {"joy": 4, "fear": 2}
    assert content["model"] == {
        "name": "ann/s1",
        "file": "model.onnx",
        "digest": "abc",
        "labels": ["joy", "fear"],
        "precision": "float32",
        "fallback": None,
        "verified": True,
    }
    assert [output["dialect"] for output in content["outputs"]] == [DIALECT, JSONL]
    assert [output["errors_file"] for output in content["outputs"]] == [None, str(second.errors)]


def test_one_of_a_kind_is_in_the_singular(capsys: Capture) -> None:
    made = report("a.csv", passed_over=1)
    [task] = tasks("a.csv")
    one = counts(rows=1, errors=1, cut=1, reasons=Counter(short=1))
    result = PartResult(Path("out/a.csv.parts/0"), one, prefixed=False, skipped=False, missing=[], whole=one)
    made.add_part(Share(task, Shard(0, 2)), result, joined=True)
    made.summarize(PREDICTOR, as_json=False)
    passed, errors, joined, whole, rows, *_, cut = capsys.readouterr().err.splitlines()
    assert passed.startswith("warning: skipping 1 file: ")
    assert "1 of 1 row of a.csv could not" in errors
    assert joined.startswith("joined 2 parts in out/a.csv; ")
    assert whole == "all parts: 1 row, 1 without a label"
    assert rows.startswith("1 row in ")
    assert cut == "cut to the model's longest input: 1 text"


def test_the_dialect_of_an_empty_file_is_its_own(capsys: Capture) -> None:
    made = report("a.csv", "b.csv")
    empty = DIALECT | {"columns": 0, "text_column": None}
    for task, dialect in zip(tasks("a.csv", "b.csv"), (DIALECT, empty), strict=True):
        made.listener.on_open(task.source, dialect)
        made.add(task, counts(), prefixed=False)
    assert "b.csv: " not in capsys.readouterr().err
    assert [output["dialect"] for output in summary(made, capsys)["outputs"]] == [DIALECT, empty]


def test_the_summary_for_people_says_what_came_out(capsys: Capture) -> None:
    made = report("a.csv")
    labels = Counter({f"label {number}": 12 - number for number in range(12)})
    made.add(tasks("a.csv")[0], counts(rows=78, labels=labels, cut=1500), prefixed=False)
    made.summarize(PREDICTOR, as_json=False)
    done = capsys.readouterr()
    first, shares, scores, cut = done.err.splitlines()
    assert done.out == ""
    assert first.startswith("78 rows in ")
    assert first.endswith(" with model.onnx, float32")
    assert shares.startswith("labels: label 0 15.4%, label 1 14.1%, ")
    assert shares.endswith("label 9 3.8%, and 2 more")
    assert scores == "scores: median 0.900, 5 % are at most 0.500, 95 % are at most 0.900"
    assert cut.startswith("cut to the model's longest input: 1,500 texts")


def test_control_characters_of_a_record_do_not_reach_the_terminal(capsys: Capture) -> None:
    report("a.csv").listener.on_error(2, "empty text", "\x1b]0;title\x07," + "x" * 10_000)
    shown = capsys.readouterr().err
    assert shown.startswith("line 2: empty text: \\x1b]0;title\\x07,x")
    assert len(shown) < 1000


@pytest.mark.parametrize("untempered", ["", "a has no predictions"])
def test_the_summary_of_a_cascade_has_its_members(capsys: Capture, untempered: str) -> None:
    members = (*PREDICTOR.members, Member("lstm/s1", cast("Classifier", CLASSIFIER)))
    composite = Composite("cascade", ("ann/s1", "lstm/s1"), 0.83)
    predictor = Predictor(str(composite), members, composite, 1.25, untempered)
    made = report("a.csv", "b.csv")
    for task in tasks("a.csv", "b.csv"):
        made.add(task, counts(rows=400, seen=Counter({0: 400, 1: 50})), prefixed=False)
    made.summarize(predictor, as_json=False)
    rows, cheap, dear, settings, *_ = capsys.readouterr().err.splitlines()
    assert rows.endswith("with cascade:ann/s1,lstm/s1@0.83")
    assert cheap == "ann/s1 classified 800 rows (100.0%): model.onnx, float32"
    assert dear == "lstm/s1 classified 100 rows (12.5%): model.onnx, float32"
    assert settings == "threshold 0.83, temperature 1.25" + (f": {untempered}" if untempered else "")
    made.summarize(predictor, as_json=True)
    content = json.loads(capsys.readouterr().out)
    assert [output["seen"] for output in content["outputs"]] == [[400, 50]] * 2
    about = content["model"]
    assert (about["kind"], about["threshold"], about["temperature"]) == ("cascade", 0.83, 1.25)
    assert (about["untempered"], about["name"]) == (untempered or None, "cascade:ann/s1,lstm/s1@0.83")
    assert [(member["name"], member["rows"], member["share"]) for member in about["members"]] == [
        ("ann/s1", 800, 1),
        ("lstm/s1", 100, 0.125),
    ]
