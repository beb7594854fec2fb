"""`emotion classify` with cascades and ensembles: row by row what the models give by hand, in every way to run it."""

import csv
import gzip
import io
import json
import random
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx import numpy_helper

from emotion.composites.scores import composite_temperature, find_thresholds
from emotion.evaluation.predictions import read_predictions
from emotion.onnx.digests import write_digests
from emotion.onnx.graphs import FILES, INT8
from emotion.onnx.session import Classifier, probabilities
from emotion.store.layout import Store
from tests.classify.command import Done, emotion
from tests.composites.members import VALIDATION, draw_texts, true_labels, write_member
from tests.toy import FILLERS, LABELS, WORDS, write_int8

CHEAP, DEAR, THIRD = "ann/cheap", "lstm/dear", "bert/third"
CASCADE, ENSEMBLE = f"cascade:{CHEAP},{DEAR}", f"ensemble:{CHEAP},{DEAR},{THIRD}"
TEXTS = [text if number % 50 else "" for number, text in enumerate(draw_texts(2500))]
SCORES = [f"score_{label}" for label in LABELS]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    found = Store(tmp_path_factory.mktemp("store"))
    write_member(found, CHEAP, 1, noise=1.8, temperature=1.3)
    write_member(found, DEAR, 2, temperature=0.8)
    write_member(found, THIRD, 3, noise=1.3)
    return found


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "in.csv"
    path.write_text("n,text\n" + "".join(f"{number},{text}\n" for number, text in enumerate(TEXTS)))
    return path


def classify(store: Store, source: Path, output: Path, model: str, *options: object) -> Done:
    return emotion("classify", source, output, "--store", store.folder, "--model", model, *options)


def summary(store: Store, source: Path, model: str, *options: object) -> dict[str, object]:
    done = classify(store, source, source.with_name("summary.csv"), model, "--json", *options)
    assert done.code == 0, done.err
    content: dict[str, object] = json.loads(done.out)["model"]
    return content


def rows_of(output: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(output.open()))


def by_hand(store: Store, name: str, texts: Sequence[str]) -> list[list[float]]:
    """Calibrated probabilities of a run, each text alone."""
    classifier = Classifier.load(store.find(name).exported, 1)
    return [probabilities(classifier.logits([text]), classifier.temperature)[0].tolist() for text in texts]


def sharpened(scores: Sequence[float], temperature: float) -> list[float]:
    powers = [score ** (1 / temperature) for score in scores]
    return [power / sum(powers) for power in powers]


def validation(store: Store, name: str) -> NDArray[np.float64]:
    classifier = Classifier.load(store.find(name).exported, 1)
    logits = read_predictions(store.find(name).predictions / "validation.npz", len(LABELS)).logits
    return probabilities(logits, classifier.temperature)


def check_rows(found: Sequence[dict[str, str]], expected: Sequence[tuple[str, list[float]]]) -> None:
    """Compare the rows of an output with the models' names and scores by hand."""
    for text, row, (model, scores) in zip(TEXTS, found, expected, strict=True):
        if not text:
            assert {row[name] for name in ("label", "score", "model", *SCORES)} == {""}
            continue
        assert [float(row[name]) for name in SCORES] == pytest.approx(scores, abs=1e-6)
        assert (row["model"], row["label"]) == (model, LABELS[scores.index(max(scores))])
        assert float(row["score"]) == pytest.approx(max(scores), abs=1e-6)


def test_a_cascade_is_its_models_row_by_row(tmp_path: Path, store: Store, source: Path) -> None:
    about = summary(store, source, f"{CASCADE}@0.6")
    temperature = float(str(about["temperature"]))
    assert temperature != 1
    done = classify(store, source, tmp_path / "out.csv", f"{CASCADE}@0.6", "--all-scores", "--model-column")
    assert done.code == 0, done.err
    expected = [
        (DEAR, dear) if max(cheap) < 0.6 else (CHEAP, cheap)
        for cheap, dear in zip(by_hand(store, CHEAP, TEXTS), by_hand(store, DEAR, TEXTS), strict=True)
    ]
    passed_on = sum(name == DEAR for text, (name, _) in zip(TEXTS, expected, strict=True) if text)
    assert 300 < passed_on < 2100
    rows = [(name, sharpened(scores, temperature)) for name, scores in expected]
    check_rows(rows_of(tmp_path / "out.csv"), rows)
    assert about["members"] == [
        {
            "name": name,
            "device": "cpu",
            "file": str(store.find(name).exported / "model.onnx"),
            "precision": "float32",
            "fallback": None,
            "verified": True,
            "rows": seen,
            "share": round(seen / 2450, 6),
        }
        for name, seen in ((CHEAP, 2450), (DEAR, passed_on))
    ]
    assert f"{DEAR} classified {passed_on:,} rows ({passed_on / 2450:.1%})" in " ".join(done.err.split())
    assert f"threshold 0.6, temperature {temperature:g}" in done.err


def test_an_ensemble_is_the_mean_row_by_row(tmp_path: Path, store: Store, source: Path) -> None:
    temperature = float(str(summary(store, source, ENSEMBLE)["temperature"]))
    classify(store, source, tmp_path / "out.csv", ENSEMBLE, "--all-scores", "--model-column")
    members = zip(*(by_hand(store, name, TEXTS) for name in (CHEAP, DEAR, THIRD)), strict=True)
    means = [[sum(scores) / 3 for scores in zip(*row, strict=True)] for row in members]
    check_rows(rows_of(tmp_path / "out.csv"), [(ENSEMBLE, sharpened(mean, temperature)) for mean in means])
    assert (np.argmax(means, axis=1) != np.argmax(by_hand(store, DEAR, TEXTS), axis=1)).any()


def test_threshold_and_temperature_are_from_validation(store: Store, source: Path) -> None:
    cheap, dear, labels = validation(store, CHEAP), validation(store, DEAR), true_labels(VALIDATION)
    threshold = find_thresholds(cheap, dear, labels).near
    mixed = np.where(cheap.max(axis=1, keepdims=True) < threshold, dear, cheap)
    about = summary(store, source, CASCADE)
    assert (about["threshold"], about["temperature"]) == (threshold, composite_temperature(mixed, labels))
    assert about["name"] == f"{CASCADE}@{threshold:g}"
    named = summary(store, source, f"{CASCADE}@{threshold:g}")
    assert named == about
    mean = np.mean([cheap, dear], axis=0)
    about = summary(store, source, f"ensemble:{CHEAP},{DEAR}")
    assert (about["threshold"], about["temperature"]) == (None, composite_temperature(mean, labels))


@pytest.mark.parametrize(("threshold", "model", "seen"), [("0", CHEAP, [2450, 0]), ("1", DEAR, [2450, 2450])])
def test_thresholds_at_the_ends_leave_all_rows_to_one_model(
    tmp_path: Path, store: Store, source: Path, threshold: str, model: str, seen: list[int]
) -> None:
    about = summary(store, source, f"{CASCADE}@{threshold}", "--model-column")
    assert [member["rows"] for member in about["members"]] == seen  # type: ignore[attr-defined]
    classify(store, source, tmp_path / "alone.csv", model)
    labels = [row["label"] for row in rows_of(tmp_path / "summary.csv")]
    assert labels == [row["label"] for row in rows_of(tmp_path / "alone.csv")]
    assert {row["model"] for row in rows_of(tmp_path / "summary.csv")} == {model, ""}


@pytest.mark.parametrize("model", [f"{CASCADE}@0.6", ENSEMBLE])
def test_shards_streams_and_packed_files_have_the_same_bytes(
    tmp_path: Path, store: Store, source: Path, model: str
) -> None:
    options = ("--all-scores", "--model-column")
    whole = summary(store, source, model, *options)
    content = (tmp_path / "summary.csv").read_bytes()
    for index in (2, 0, 1):
        done = classify(store, source, tmp_path / "parts.csv", model, *options, "--json", "--shard", f"{index}/3")
    assert (tmp_path / "parts.csv").read_bytes() == content
    # The parts' counts add up to the whole's.
    seen = json.loads(done.out)["outputs"][0]["whole"]["seen"]
    assert seen == [member["rows"] for member in whole["members"]]  # type: ignore[attr-defined]
    packed = tmp_path / "in.csv.gz"
    packed.write_bytes(gzip.compress(source.read_bytes()))
    for index in range(2):
        classify(store, packed, tmp_path / "packed.csv.gz", model, *options, "--shard", f"{index}/2")
    assert gzip.decompress((tmp_path / "packed.csv.gz").read_bytes()) == content
    given = ("classify", "-", tmp_path / "stream.csv", "--store", store.folder, "--model", model, *options)
    emotion(*given, stdin=source.read_bytes())
    assert (tmp_path / "stream.csv").read_bytes() == content


COMMAND = """
from emotion.classify import pieces
pieces.FIRST_PIECE = pieces.LARGEST_PIECE = 2000
if __name__ == "__main__":
    from emotion.cli.main import main
    main()
"""


@pytest.mark.parametrize("model", [CASCADE, ENSEMBLE])
def test_several_processes_write_the_same_bytes(tmp_path: Path, store: Store, source: Path, model: str) -> None:
    whole = summary(store, source, model, "--all-scores", "--model-column")
    script, output = tmp_path / "command.py", tmp_path / "several.csv"
    script.write_text(COMMAND)
    arguments = ["classify", source, output, "--store", store.folder, "--model", model, "--threads", "3", "--json"]
    command = [sys.executable, script, *arguments, "--all-scores", "--model-column"]
    done = subprocess.run([str(word) for word in command], capture_output=True, check=True, timeout=120)
    assert output.read_bytes() == (tmp_path / "summary.csv").read_bytes()
    assert json.loads(done.stdout)["model"] == whole


def test_the_rows_beside_a_row_change_nothing(tmp_path: Path, store: Store, source: Path) -> None:
    classify(store, source, tmp_path / "whole.csv", CASCADE, "--all-scores", "--model-column")
    header, *lines = source.read_text().splitlines(keepends=True)
    order = random.Random(3).sample(range(len(lines)), 700)  # noqa: S311  no secret
    source.write_text(header + "".join(lines[number] for number in order))
    classify(store, source, tmp_path / "some.csv", CASCADE, "--all-scores", "--model-column")
    whole = (tmp_path / "whole.csv").read_text().splitlines()[1:]
    assert (tmp_path / "some.csv").read_text().splitlines()[1:] == [whole[number] for number in order]


def test_every_member_has_the_precision_that_it_can(tmp_path: Path, store: Store, source: Path) -> None:
    shutil.copytree(store.folder, tmp_path / "store")
    other = Store(tmp_path / "store")
    write_digests(write_int8(other.find(DEAR).exported), [*FILES, INT8])
    about = summary(other, source, CASCADE, "--precision", "auto")
    found = [(member["precision"], member["fallback"]) for member in about["members"]]  # type: ignore[attr-defined]
    cheap = other.find(CHEAP).exported
    assert found == [("float32", f"{cheap} has no {INT8}"), ("int8", None)]
    assert about["threshold"] == summary(store, source, CASCADE)["threshold"]
    done = classify(other, source, tmp_path / "out.csv", CASCADE, "--precision", "int8")
    assert done.code == 66
    assert f"no {INT8} in {cheap}" in "".join(done.err.split("\n"))


def test_cut_texts_are_those_of_the_model_that_decides(tmp_path: Path, store: Store, source: Path) -> None:
    shutil.copytree(store.folder, tmp_path / "store")
    other = Store(tmp_path / "store")
    path = other.find(DEAR).exported / "tokenizer.json"
    content = json.loads(path.read_text())
    content["truncation"]["max_length"] = 10
    path.write_text(json.dumps(content))
    write_digests(path.parent, FILES)
    long = [len(text.split()) > 10 for text in TEXTS]
    for model in (f"{CASCADE}@0.6", ENSEMBLE):
        done = classify(other, source, tmp_path / "out.csv", model, "--model-column", "--json")
        deciders = [row["model"] for row in rows_of(tmp_path / "out.csv")]
        cut = [is_long and decider in (DEAR, ENSEMBLE) for is_long, decider in zip(long, deciders, strict=True)]
        assert 100 < json.loads(done.out)["cut"] == sum(cut)
    assert sum(cut) == sum(long)


def without_today(store: Store, folder: Path, name: str) -> Path:
    """Copy a run to a model whose scores of a text with the word today are NaN."""
    shutil.copytree(store.find(name).folder, folder)
    path = folder / "model" / "model.onnx"
    model = onnx.load(str(path))
    [vectors] = [array for array in model.graph.initializer if array.name == "vectors"]
    values = numpy_helper.to_array(vectors).copy()
    values[2 + len(WORDS) + FILLERS.index("today")] = np.nan
    vectors.CopyFrom(numpy_helper.from_array(values, "vectors"))
    onnx.save(model, str(path))
    write_digests(folder / "model", FILES)
    return folder


def test_rows_that_a_model_cannot_score(tmp_path: Path, store: Store) -> None:
    source = tmp_path / "in.csv"
    source.write_text("text\nhappy happy happy\nhappy today\nscared scared\n")
    cheap, dear = (without_today(store, tmp_path / name, run) for name, run in (("cheap", CHEAP), ("dear", DEAR)))
    # The dear model of the first cascade takes the row, and nobody in the others.
    for model, labelled in (
        (f"cascade:{cheap},{DEAR}@0.01", 3),
        (f"cascade:{cheap},{dear}@0.01", 2),
        (f"cascade:{CHEAP},{dear}@1", 2),
        (f"ensemble:{CHEAP},{dear}", 2),
    ):
        done = classify(store, source, tmp_path / "out.csv", model, "--model-column", "--json")
        content, (first, second, third) = json.loads(done.out), rows_of(tmp_path / "out.csv")
        assert (content["rows"], content["errors"]) == (3, 3 - labelled), model
        assert all(row["label"] and row["model"] for row in (first, third)), model
        if labelled == 3:
            assert second["model"] == DEAR
            assert [member["rows"] for member in content["model"]["members"]] == [3, 1]
        else:
            assert (second["label"], second["score"], second["model"]) == ("", "", "")
            assert "the model has no score for this text" in (tmp_path / "out.csv.errors.csv").read_text()


@pytest.mark.parametrize("name", ["in.csv", "in.tsv", "in.jsonl"])
def test_the_model_column_comes_after_the_score(tmp_path: Path, store: Store, name: str) -> None:
    source, output = tmp_path / name, tmp_path / f"out{Path(name).suffix}"
    texts = ["happy happy", "i feel so", ""]
    if name == "in.jsonl":
        source.write_text("".join(json.dumps({"text": text}) + "\n" for text in texts))
    else:
        source.write_text("text\n" + "".join(f'"{text}"\n' for text in texts))
    for model, deciders in ((f"{CASCADE}@0.9", {CHEAP, DEAR}), (ENSEMBLE, {ENSEMBLE}), (DEAR, {DEAR})):
        done = classify(store, source, output, model, "--model-column", "--all-scores")
        assert done.code == 0, done.err
        if name == "in.jsonl":
            found = [json.loads(line) for line in output.read_text().splitlines()]
        else:
            delimiter = "," if name == "in.csv" else "\t"
            found = list(csv.DictReader(io.StringIO(output.read_text()), delimiter=delimiter))
        assert [list(row) for row in found] == [["text", "label", "score", "model", *SCORES]] * 3
        assert {row["model"] for row in found[:2]} <= deciders
        assert found[2]["model"] == ""


def test_a_model_column_that_is_taken_gets_a_prefix(tmp_path: Path, store: Store) -> None:
    source, output = tmp_path / "in.csv", tmp_path / "out.csv"
    source.write_text("model,text\nT,happy\n")
    classify(store, source, output, CASCADE, "--model-column")
    assert output.read_text().splitlines()[0] == "model,text,predicted_label,predicted_score,predicted_model"
    classify(store, source, output, CASCADE)
    assert output.read_text().splitlines()[0] == "model,text,label,score"


def test_a_name_that_a_file_without_quotes_cannot_hold(tmp_path: Path, store: Store) -> None:
    source = tmp_path / "in.csv"
    source.write_text("n,text\n1,happy\n")
    done = classify(store, source, tmp_path / "out.csv", ENSEMBLE, "--model-column", "--quoting", "none")
    assert done.code == 65
    assert "need quotes" in " ".join(done.err.split())


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ((f"{CASCADE}@0.7",), (f"{CASCADE}@0.6",)),
        ((f"cascade:{CHEAP},{DEAR}@0.7",), (f"cascade:{DEAR},{CHEAP}@0.7",)),
        ((f"ensemble:{CHEAP},{DEAR}",), (f"ensemble:{CHEAP},{DEAR},{THIRD}",)),
        ((f"{CASCADE}@0",), (CHEAP,)),
        ((f"{CASCADE}@0.7", "--model-column"), (f"{CASCADE}@0.7",)),
        ((f"{CASCADE}@0.7", "--model-column"), (f"cascade:cheap,{DEAR}@0.7", "--model-column")),
    ],
)
def test_parts_of_different_composites_are_not_joined(
    tmp_path: Path, store: Store, source: Path, first: tuple[str, ...], second: tuple[str, ...]
) -> None:
    assert classify(store, source, tmp_path / "out.csv", *first, "--shard", "0/2").code == 0
    done = classify(store, source, tmp_path / "out.csv", *second, "--shard", "1/2", "--json")
    assert json.loads(done.out)["outputs"][0]["missing"] == [0]
    assert not (tmp_path / "out.csv").exists()


def test_a_manifest_names_the_members(tmp_path: Path, store: Store, source: Path) -> None:
    classify(store, source, tmp_path / "out.csv", f"{CASCADE}@0.7", "--shard", "0/2")
    manifest = json.loads((tmp_path / "out.csv.parts" / "part-00000-of-00002.csv.json").read_text())
    assert [(model["name"], model["precision"]) for model in manifest["models"]] == [
        (CHEAP, "float32"),
        (DEAR, "float32"),
    ]
    assert 0 < manifest["counts"]["seen"]["1"] < manifest["counts"]["seen"]["0"] < len(TEXTS)


@pytest.mark.parametrize("content", ["", "text\n", 'text\n""\n'])
def test_a_file_without_a_text(tmp_path: Path, store: Store, content: str) -> None:
    source = tmp_path / "in.csv"
    source.write_text(content)
    for model in (CASCADE, ENSEMBLE):
        done = classify(store, source, tmp_path / "out.csv", model)
        assert done.code == (65 if '"' in content else 0)
        assert f"{DEAR} classified 0 rows (0.0%)" in done.err
        assert (tmp_path / "out.csv").read_text() == content.replace("text", "text,label,score").replace('""', '"",,')


def test_a_member_that_changed_since_its_export(tmp_path: Path, store: Store, source: Path) -> None:
    shutil.copytree(store.folder, tmp_path / "store")
    other = Store(tmp_path / "store")
    graph = other.find(DEAR).exported / "model.onnx"
    graph.write_bytes((store.find(THIRD).exported / "model.onnx").read_bytes())
    done = classify(other, source, tmp_path / "out.csv", CASCADE)
    assert done.code == 65
    assert f"{graph} changed since its export" in "".join(done.err.split("\n"))
    assert not (tmp_path / "out.csv").exists()
