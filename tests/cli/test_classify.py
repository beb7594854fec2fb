"""`emotion classify` as a person or a Job runs it: streams, exit codes, signals, full disks."""

import csv
import gzip
import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from emotion.cli.app import app
from emotion.onnx.session import Classifier
from tests.disks import wait_for_bytes
from tests.toy import write_float16, write_int8, write_model

EMOTION = str(Path(sys.executable).with_name("emotion"))
HEAVY = {"tensorflow", "keras", "transformers", "pandas", "sklearn", "onnx", "pyarrow", "tf2onnx"}


def classify(*arguments: object, **options: Any) -> subprocess.CompletedProcess[str]:
    """Run the command and wait for it."""
    command = [EMOTION, "classify", *map(str, arguments)]
    return subprocess.run(command, check=False, capture_output=True, text=True, timeout=300, **options)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Give a file of three good rows and a bad one."""
    path = tmp_path / "in.csv"
    path.write_text("id,text\n1,i feel happy\n2,furious\n3,\n4,scared\n")
    return path


@pytest.fixture
def large(tmp_path: Path) -> Path:
    """Give a file that takes seconds to classify."""
    path = tmp_path / "large.csv"
    path.write_text("id,text\n" + "".join(f"{number},i feel so very happy today\n" for number in range(400_000)))
    return path


def names(folder: Path) -> list[str]:
    """List a folder."""
    return sorted(path.name for path in folder.iterdir())


def test_a_file(tmp_path: Path, source: Path, toy_model: Path) -> None:
    done = classify(source, tmp_path / "out.csv", "--model", toy_model)
    assert (done.returncode, done.stdout) == (0, "")
    assert "1 of 4 rows" in done.stderr
    assert "out.csv.errors.csv" in done.stderr
    rows = list(csv.DictReader((tmp_path / "out.csv").read_text().splitlines()))
    assert [row["label"] for row in rows] == ["joy", "anger", "", "fear"]
    assert names(tmp_path) == ["in.csv", "out.csv", "out.csv.errors.csv"]


def test_the_quantised_model_is_taken_where_it_is_asked_for(tmp_path: Path, source: Path) -> None:
    model = write_model(tmp_path / "model")
    arguments = (source, tmp_path / "out.csv", "--model", model, "--json", "--precision")
    done = classify(*arguments, "int8")
    assert done.returncode == 66
    assert f"no model.int8.onnx in {model}" in done.stderr
    assert "use --precision float32" in " ".join(done.stderr.split())
    assert not (tmp_path / "out.csv").exists()
    write_int8(model)
    for precision, name in (("int8", "model.int8.onnx"), ("float32", "model.onnx")):
        assert json.loads(classify(*arguments, precision).stdout)["model"]["file"] == str(model / name)
    done = classify(source, tmp_path / "out.csv", "--model", model, "--precision", "int8")
    assert f"with {model / 'model.int8.onnx'}" in " ".join(done.stderr.split())


def test_the_cpu_is_taken_where_there_is_no_gpu(tmp_path: Path, source: Path, toy_model: Path) -> None:
    written = []
    for device in ((), ("--device", "auto"), ("--device", "cpu")):
        done = classify(source, tmp_path / "out.csv", "--model", toy_model, "--all-scores", "--json", *device)
        assert json.loads(done.stdout)["device"] == "cpu"
        assert "GPU" not in done.stderr
        written.append((tmp_path / "out.csv").read_bytes())
    assert written == written[:1] * 3


def test_a_gpu_that_is_absent(tmp_path: Path, source: Path, toy_model: Path) -> None:
    done = classify(source, tmp_path / "out.csv", "--model", toy_model, "--device", "gpu")
    assert (done.returncode, done.stdout) == (69, "")
    assert "has no CUDA and cannot use a GPU" in done.stderr
    assert "or --device cpu" in " ".join(done.stderr.split())
    assert names(tmp_path) == ["in.csv"]


def test_the_gpu_is_reported(tmp_path: Path, source: Path, toy: Classifier, monkeypatch: pytest.MonkeyPatch) -> None:
    """The classifier only claims to be on a GPU."""
    on_gpu = replace(toy, device="gpu")
    monkeypatch.setattr(Classifier, "load", lambda *_, **__: on_gpu)
    done = CliRunner().invoke(app, ["classify", str(source), str(tmp_path / "out.csv"), "--model", ".", "--json"])
    assert json.loads(done.stdout)["device"] == "gpu"
    assert done.stderr.startswith("classifying on the GPU\n")


def test_the_summary_is_json(tmp_path: Path, source: Path, toy_model: Path) -> None:
    done = classify(source, tmp_path / "out.csv", "--model", toy_model, "--json")
    summary = json.loads(done.stdout)
    assert (summary["rows"], summary["errors"], len(summary["model"]["digest"])) == (4, 1, 64)
    counts = {
        "rows": 4,
        "errors": 1,
        "cut": 0,
        "labels": {"joy": 1, "anger": 1, "fear": 1},
        "reasons": {"empty text": 1},
    }
    assert {name: summary[name] for name in counts} == counts
    [entry] = summary["outputs"]
    assert {name: entry[name] for name in counts} == counts
    assert list(summary["scores"]) == ["p5", "p25", "p50", "p75", "p95"]
    assert (entry["input"], entry["output"]) == (str(source), str(tmp_path / "out.csv"))
    assert entry["errors_file"] == f"{tmp_path}/out.csv.errors.csv"
    assert (entry["dialect"]["delimiter"], entry["dialect"]["text_column"]) == (",", "text")
    assert (summary["failed"], summary["passed_over"]) == ([], {"count": 0, "files": []})


def test_streams(source: Path, toy_model: Path) -> None:
    done = classify("-", "-", "--model", toy_model, input=source.read_text())
    assert done.stdout.splitlines()[0] == "id,text,label,score"
    assert len(done.stdout.splitlines()) == 5
    assert "line 4: empty text: 3," in done.stderr
    done = classify("-", "-", "--model", toy_model, "--format", "jsonl", "--log-format", "json", input='{"text": 1}\n')
    assert json.loads(done.stdout) == {"text": 1, "label": "", "score": None}
    assert done.returncode == 65
    opened, event = map(json.loads, done.stderr.splitlines()[:2])
    assert (opened["event"], opened["format"], opened["text_column"]) == ("open", "jsonl", "text")
    assert (event["event"], event["line"], event["record"]) == ("error", 1, '{"text": 1}')


def test_errors_of_a_stream_in_a_file(tmp_path: Path, source: Path, toy_model: Path) -> None:
    done = classify(source, "-", "--model", toy_model, "--errors", tmp_path / "errors.csv")
    assert done.returncode == 0
    assert (tmp_path / "errors.csv").read_text() == 'line,reason,record\n4,empty text,"3,"\n'


def test_a_folder(tmp_path: Path, toy_model: Path) -> None:
    (tmp_path / "in" / "sub").mkdir(parents=True)
    (tmp_path / "in" / "a.csv").write_text("text\nhappy\n")
    (tmp_path / "in" / "sub" / "b.jsonl.gz").write_bytes(gzip.compress(b'{"text": "furious"}\n'))
    done = classify(tmp_path / "in", tmp_path / "out", "--model", toy_model, "--json")
    assert [entry["rows"] for entry in json.loads(done.stdout)["outputs"]] == [1, 1]
    found = json.loads(gzip.decompress((tmp_path / "out" / "sub" / "b.jsonl.gz").read_bytes()))
    assert (found["text"], found["label"]) == ("furious", "anger")


def test_the_best_run_of_the_store(tmp_path: Path, source: Path) -> None:
    run = tmp_path / "store" / "runs" / "ann" / "s1-abc"
    write_model(run / "model")
    done = classify(source, tmp_path / "out.csv", cwd=tmp_path)
    assert done.returncode == 66
    assert "emotion aggregate" in done.stderr
    (tmp_path / "store" / "comparison").mkdir()
    (tmp_path / "store" / "comparison" / "best.json").write_text('{"run": "ann/s1-abc"}')
    (run / "metrics.json").write_text("{}")
    assert classify(source, tmp_path / "out.csv", cwd=tmp_path).returncode == 0
    environment = {**os.environ, "EMOTION_STORE": str(tmp_path / "store")}
    assert classify(source, tmp_path / "out.csv", env=environment).returncode == 0


@pytest.fixture
def variables(tmp_path: Path, source: Path, toy_model: Path) -> dict[str, str]:
    """Give the environment of a pod that classifies."""
    return {
        **os.environ,
        "EMOTION_INPUT": str(source),
        "EMOTION_OUTPUT": str(tmp_path / "out.csv"),
        "EMOTION_MODEL": str(toy_model),
        "EMOTION_DEVICE": "cpu",
        "EMOTION_LOG_FORMAT": "json",
    }


def test_options_are_read_from_the_environment_as_in_a_pod(tmp_path: Path, variables: dict[str, str]) -> None:
    done = classify("--shard", "0/1", env=variables)
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    assert len((tmp_path / "out.csv").read_text().splitlines()) == 5
    done = classify(env={**variables, "EMOTION_OUTPUT": "-"})
    assert len(done.stdout.splitlines()) == 5
    assert [json.loads(line)["event"] for line in done.stderr.splitlines()[:2]] == ["open", "error"]


def test_the_command_line_wins_over_the_environment(
    tmp_path: Path, source: Path, toy_model: Path, variables: dict[str, str]
) -> None:
    wrong = {
        "EMOTION_INPUT": "nowhere.csv",
        "EMOTION_OUTPUT": str(source),
        "EMOTION_MODEL": "nowhere",
        "EMOTION_DEVICE": "gpu",
    }
    for name, value in wrong.items():
        assert classify(env={**variables, name: value}).returncode != 0, name
    options = ("--model", toy_model, "--device", "cpu")
    done = classify(source, tmp_path / "mine.csv", *options, env={**variables, **wrong})
    assert done.returncode == 0, done.stderr
    assert names(tmp_path) == ["in.csv", "mine.csv", "mine.csv.errors.csv"]
    done = classify(source, "-", "--log-format", "text", env=variables)
    assert "line 4: empty text" in done.stderr


@pytest.mark.parametrize(("missing", "argument"), [("EMOTION_INPUT", "IN"), ("EMOTION_OUTPUT", "OUT")])
def test_an_argument_that_neither_is_given_nor_a_variable_is_missing(
    variables: dict[str, str], missing: str, argument: str
) -> None:
    for value in ({}, {missing: ""}):
        rest = {name: text for name, text in variables.items() if name != missing}
        done = classify(env={**rest, **value})
        assert done.returncode == 2
        assert f"Missing argument '{argument}'" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("nowhere.csv", "out.csv"), 66, "no such file"),
        (("in.csv", "in.csv"), 2, "the same file"),
        (("in.csv", "out.csv", "--shard", "8/8"), 2, "I from 0 to N-1"),
        (("-", "out.csv", "--shard", "0/8"), 2, "every shard opens the input"),
        (("in.csv", "-", "--json"), 2, "both write to standard output"),
        (("in.csv", "out.csv", "--text-column", "body"), 65, "its columns are: id, text"),
        (("in.csv", "out.csv", "--on-error", "fail"), 65, "line 4: empty text"),
        (("in.csv", "out.csv", "--encoding", "rot13"), 2, "unknown encoding"),
        (("in.csv", "out.csv", "--model", "nowhere"), 66, "no model folder nowhere"),
        (("in.csv", "in.csv/out.csv"), 73, "cannot write"),
        (("in.csv", "out.csv", "--precision", "int4"), 2, "'int4' is not one of"),
        (("in.csv", "out.csv", "--precision", "int8", "--device", "gpu"), 2, "a GPU cannot run int8"),
        (("in.csv", "out.csv", "--precision", "float16", "--device", "cpu"), 2, "float16 needs a GPU"),
        (("in.csv", "out.csv", "--precision", "float16"), 66, "no model.float16.onnx"),
        (("in.csv", "out.csv", "--device", "tpu"), 2, "'tpu' is not one of"),
    ],
)
def test_exit_codes(
    tmp_path: Path, source: Path, toy_model: Path, arguments: tuple[str, ...], code: int, message: str
) -> None:
    done = classify("--model", toy_model, *arguments, cwd=tmp_path, input="")
    assert (done.returncode, done.stdout) == (code, "")
    assert message in " ".join(done.stderr.replace("│", "").split())
    assert "Traceback" not in done.stderr
    assert names(tmp_path) == [source.name]


@pytest.mark.parametrize("device", ["auto", "gpu"])
def test_float16_without_a_gpu_is_69(tmp_path: Path, source: Path, device: str) -> None:
    model = write_float16(write_model(tmp_path / "model"))
    done = classify(source, tmp_path / "out.csv", "--model", model, "--precision", "float16", "--device", device)
    assert (done.returncode, done.stdout) == (69, "")
    assert "cannot use a GPU" in done.stderr
    assert names(tmp_path) == [source.name, "model"]


def test_a_reader_that_stops_early(large: Path, toy_model: Path) -> None:
    command = f"set -o pipefail; {EMOTION} classify {large} - --model {toy_model} | head -n 1"
    done = subprocess.run(["bash", "-c", command], check=False, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (0, "id,text,label,score\n")
    assert done.stderr == f"{large}: text in column 'text' of 2, delimiter ',', utf-8\n"


def test_a_full_disk(large: Path, toy_model: Path, small_disk: Path) -> None:
    done = classify(large, small_disk / "out.csv", "--model", toy_model)
    assert done.returncode == 73
    assert "cannot write" in done.stderr
    assert "Traceback" not in done.stderr
    assert names(small_disk) == []


def test_a_full_device_on_standard_output(source: Path, toy_model: Path) -> None:
    with Path("/dev/full").open("wb") as full:
        command = [EMOTION, "classify", str(source), "-", "--model", str(toy_model)]
        done = subprocess.run(command, check=False, stdout=full, stderr=subprocess.PIPE, text=True, timeout=60)
    assert done.returncode == 73
    assert "Exception" not in done.stderr


def test_nothing_is_told_to_anybody(source: Path, toy_model: Path, tmp_path: Path) -> None:
    """Unless asked not to, onnxruntime makes an identifier in the home folder, and reports to its makers."""
    home = tmp_path / "home"
    home.mkdir()
    plain = {name: value for name, value in os.environ.items() if name not in {"CI", "ORT_DISABLE_TELEMETRY"}}
    command = [EMOTION, "classify", str(source), str(tmp_path / "out.csv"), "--model", str(toy_model)]
    folders = {"HOME": str(home), "XDG_CACHE_HOME": str(home / "cache"), "TMPDIR": str(home)}
    subprocess.run(command, check=True, capture_output=True, env=plain | folders)
    assert list(home.iterdir()) == []


def test_devices_are_written_to_and_not_replaced(source: Path, toy_model: Path) -> None:
    done = classify(source, "/dev/null", "--model", toy_model)
    assert done.returncode == 0
    assert "line 4: empty text" in done.stderr
    assert Path("/dev/null").is_char_device()


def start(*arguments: object) -> subprocess.Popen[str]:
    """Start the command and do not wait."""
    command = [EMOTION, "classify", *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_signals_leave_nothing_behind(
    tmp_path: Path, large: Path, toy_model: Path, number: signal.Signals, code: int
) -> None:
    process = start(large, tmp_path / "out.csv", "--model", toy_model)
    wait_for_bytes(process.pid, tmp_path)
    process.send_signal(number)
    _, errors = process.communicate(timeout=30)
    assert process.returncode == code
    assert "Traceback" not in errors
    assert names(tmp_path) == ["large.csv"]


def test_a_killed_shard_is_made_again(tmp_path: Path, large: Path, toy_model: Path) -> None:
    output = tmp_path / "out.csv"
    process = start(large, output, "--model", toy_model, "--shard", "0/2")
    wait_for_bytes(process.pid, tmp_path)
    process.kill()
    process.communicate()
    assert not list(tmp_path.glob("*.parts/*.json"))
    assert classify(large, output, "--model", toy_model, "--shard", "1/2").returncode == 0
    assert not output.exists()
    assert classify(large, output, "--model", toy_model, "--shard", "0/2").returncode == 0
    classify(large, tmp_path / "whole.csv", "--model", toy_model)
    assert output.read_bytes() == (tmp_path / "whole.csv").read_bytes()


def test_the_same_shard_twice_at_once(tmp_path: Path, source: Path, toy_model: Path) -> None:
    arguments = (source, tmp_path / "out.csv", "--model", toy_model, "--shard")
    twins = [start(*arguments, f"{index}/2") for index in (0, 0, 1, 1)]
    for twin in twins:
        twin.communicate(timeout=60)
    assert [twin.returncode for twin in twins] == [0] * 4
    classify(source, tmp_path / "whole.csv", "--model", toy_model)
    assert (tmp_path / "out.csv").read_bytes() == (tmp_path / "whole.csv").read_bytes()
    assert not list(tmp_path.rglob(".*"))


def test_shards_say_what_they_did(tmp_path: Path, source: Path, toy_model: Path) -> None:
    arguments = (source, tmp_path / "out.csv", "--model", toy_model, "--shard")
    first, again = (classify(*arguments, "0/2").stderr for _ in range(2))
    assert "1 of 2 parts" in first
    assert "rows/s" in first
    assert "exists already" in again
    assert "nothing to do: all parts exist, 2 rows" in again
    assert "rows/s" not in again
    last = classify(*arguments, "1/2", "--json")
    assert "joined 2 parts in" in last.stderr
    [part] = json.loads(last.stdout)["outputs"]
    assert (part["rows"], part["skipped"], part["missing"]) == (2, False, [])


def test_help_has_examples() -> None:
    done = classify("--help")
    assert done.returncode == 0
    for word in ("--text-column", "--shard", "emotion classify tweets.csv labelled.csv"):
        assert word in done.stdout


def test_nothing_heavy_is_imported(tmp_path: Path, source: Path, toy_model: Path) -> None:
    code = (
        "import sys\n"
        "from emotion.cli.main import main\n"
        "sys.argv[0] = 'emotion'\n"
        "try:\n    main()\n"
        "finally:\n    print(*{name.partition('.')[0] for name in sys.modules})\n"
    )
    command = [
        sys.executable,
        "-c",
        code,
        "classify",
        str(source),
        str(tmp_path / "out.csv"),
        "--model",
        str(toy_model),
    ]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)
    assert "onnxruntime" in done.stdout.split()
    assert HEAVY & set(done.stdout.split()) == set()
