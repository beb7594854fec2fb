"""Files in, files out: columns, rows and order are kept, label and score appended, errors filed."""

import csv
import gzip
import random
import re
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.special import softmax

from emotion.classify.blocks import max_chunk_rows
from emotion.classify.engine import classify_file
from emotion.classify.tasks import Settings, list_tasks
from emotion.errors import BadDataError, CannotWriteError, InputMissingError
from emotion.onnx.config import write_temperature
from emotion.onnx.session import Classifier
from tests.classify.conftest import LISTENER, Classify, quick
from tests.toy import single, write_model


def test_label_and_score_are_appended(tmp_path: Path, run: Classify) -> None:
    source, output = tmp_path / "in.csv", tmp_path / "out.csv"
    source.write_text('id,text,more\n1,i feel happy,x\n2,"so ""furious"",\nyes","a,b"\n')
    outcome = run(source, output)
    assert (outcome.counts.rows, outcome.counts.errors) == (2, 0)
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
    [task] = list_tasks(source, tmp_path / "scaled.csv").tasks
    classify_file(task, single(Classifier.load(folder, 1)), Settings(all_scores=True), LISTENER)
    plain, scaled = (list(csv.DictReader((tmp_path / name).open())) for name in ("plain.csv", "scaled.csv"))
    assert [row["label"] for row in scaled] == [row["label"] for row in plain]
    expected = softmax(toy.logits(texts) / 2.5, axis=1)
    found = [[float(row[f"score_{label}"]) for label in toy.labels] for row in scaled]
    np.testing.assert_allclose(found, expected, atol=1e-6)
    assert [float(row["score"]) for row in scaled] == pytest.approx(expected.max(axis=1), abs=1e-6)
    assert all(float(row["score"]) < float(plain_row["score"]) for row, plain_row in zip(scaled, plain, strict=True))


@quick
@given(st.binary(max_size=200), st.sampled_from(["csv", "tsv", "jsonl"]))
def test_any_bytes_end_well(tmp_path: Path, run: Classify, content: bytes, kind: str) -> None:
    source, output = tmp_path / f"in.{kind}", tmp_path / f"out.{kind}"
    source.write_bytes(b"" if kind == "jsonl" else b"text\n")
    with source.open("ab") as file:
        file.write(content)
    try:
        outcome = run(source, output)
    except BadDataError:
        return
    again = run(output, tmp_path / f"again.{kind}", text_column="label")
    assert again.counts.rows == outcome.counts.rows


def test_stopping_at_an_error_names_it_and_writes_nothing(tmp_path: Path, run: Classify) -> None:
    source, output = tmp_path / "in.csv", tmp_path / "out.csv"
    source.write_text("text\nhappy\n \n")
    with pytest.raises(BadDataError, match="line 3: empty text"):
        run(source, output, stop_at_error=True)
    assert [path.name for path in tmp_path.iterdir()] == ["in.csv"]


@pytest.mark.parametrize(
    "damage", [lambda content: content[:-6], lambda content: b"plain" + content, lambda content: content + b"more"]
)
def test_a_damaged_packed_file(tmp_path: Path, run: Classify, damage: object) -> None:
    (tmp_path / "in.csv.gz").write_bytes(damage(gzip.compress(b"text\n\n" + b'happy\n""\n' * 9000)))  # type: ignore[operator]
    with pytest.raises(BadDataError, match=r"not a complete \.gz|has NUL bytes"):
        run(tmp_path / "in.csv.gz", tmp_path / "out.csv")
    assert [path.name for path in tmp_path.iterdir()] == ["in.csv.gz"]


def test_more_rows_than_a_chunk_stay_in_order(tmp_path: Path, run: Classify) -> None:
    words = ["happy", "furious", "scared", ""]
    (tmp_path / "in.csv").write_text("n,text\n" + "".join(f"{n},{words[n % 4]}\n" for n in range(20_000)))
    outcome = run(tmp_path / "in.csv", tmp_path / "out.csv")
    rows = list(csv.DictReader((tmp_path / "out.csv").read_text().splitlines()))
    assert [int(row["n"]) for row in rows] == list(range(20_000))
    assert [row["label"] for row in rows] == ["joy", "anger", "fear", ""] * 5000
    assert outcome.counts.errors == 5000


def test_chunks_are_the_same_however_long_they_take(
    tmp_path: Path, run: Classify, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rows that run with others have other last digits, which must not differ from run to run."""
    (tmp_path / "in.csv").write_text("text\n" + "happy\n" * 20_000 + f"{'happy ' * 2000}\n" * 300)
    draw = random.Random(0)  # noqa: S311  no secret
    logits_and_cut = Classifier.logits_and_cut

    def run_slowly(seconds: float) -> tuple[list[int], bytes]:
        sizes: list[int] = []

        def slow(
            classifier: Classifier, texts: list[str], stopped: threading.Event
        ) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
            time.sleep(draw.uniform(0, seconds))
            sizes.append(len(texts))
            return logits_and_cut(classifier, texts, stopped)

        monkeypatch.setattr(Classifier, "logits_and_cut", slow)
        run(tmp_path / "in.csv", tmp_path / "out.csv")
        return sizes, (tmp_path / "out.csv").read_bytes()

    sizes, content = run_slowly(0)
    first, second = sizes[:10], sizes[10:]
    assert first == [32, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 3660]
    # The long rows: the second piece has 512 KiB, the others 1 MiB.
    assert second == [44, 88, 88, 68]
    assert run_slowly(0.1) == (sizes, content)


@pytest.mark.parametrize("threads", [1, 3, 16])
def test_calls_at_once_change_no_byte(
    tmp_path: Path, run: Classify, toy_model: Path, monkeypatch: pytest.MonkeyPatch, threads: int
) -> None:
    words = ["happy", "furious and caf\u00e9", "scared", "", '"so\nhappy"']
    (tmp_path / "in.csv").write_text("n,text\n" + "".join(f"{n},{words[n % 5]}\n" for n in range(30_000)))
    run(tmp_path / "in.csv", tmp_path / "one.csv")
    draw = random.Random(1)  # noqa: S311  no secret
    logits_and_cut = Classifier.logits_and_cut

    def slow(
        classifier: Classifier, texts: list[str], stopped: threading.Event
    ) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        time.sleep(draw.uniform(0, 0.1))
        return logits_and_cut(classifier, texts, stopped)

    monkeypatch.setattr(Classifier, "logits_and_cut", slow)
    classifier = Classifier.load(toy_model, threads, concurrent=True)
    assert classifier.calls == min(threads, 4)
    [task] = list_tasks(tmp_path / "in.csv", tmp_path / "many.csv").tasks
    classify_file(task, single(classifier), Settings(), LISTENER)
    assert (tmp_path / "many.csv").read_bytes() == (tmp_path / "one.csv").read_bytes()


def test_a_call_that_fails_ends_the_others(tmp_path: Path, toy_model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "in.csv").write_text("text\n" + "happy\n" * 30_000)
    calls: list[int] = []

    def fail(
        _classifier: Classifier, texts: list[str], stopped: threading.Event
    ) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        calls.append(len(texts))
        if len(calls) == 1:
            raise BadDataError("the model cannot be run")
        stopped.wait(60)
        raise AssertionError("nobody asks for this")

    monkeypatch.setattr(Classifier, "logits_and_cut", fail)
    [task] = list_tasks(tmp_path / "in.csv", tmp_path / "out.csv").tasks
    with pytest.raises(BadDataError, match="the model cannot be run"):
        classify_file(task, single(Classifier.load(toy_model, 3, concurrent=True)), Settings(), LISTENER)
    assert not (tmp_path / "out.csv").exists()
    assert len(calls) <= 4


@pytest.mark.parametrize(
    ("model_bytes", "rows"), [(5_000_000, 16384), (25_000_000, 16384), (90_000_000, 1137), (438_000_000, 256)]
)
def test_large_models_have_small_chunks(model_bytes: int, rows: int) -> None:
    assert max_chunk_rows(model_bytes) == rows


def test_an_output_that_cannot_be_written(tmp_path: Path, run: Classify) -> None:
    (tmp_path / "in.csv").write_text("text\nhappy\n")
    (tmp_path / "file").write_text("")
    with pytest.raises(CannotWriteError, match=r"cannot write .*out\.csv"):
        run(tmp_path / "in.csv", tmp_path / "file" / "out.csv")


def test_an_input_that_is_not_there(tmp_path: Path, run: Classify) -> None:
    with pytest.raises(InputMissingError, match=r"in\.csv"):
        run(tmp_path / "in.csv", tmp_path / "out.csv")
