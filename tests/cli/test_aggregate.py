"""`emotion aggregate` as a person or a Job runs it: the table, the files, waiting, and what is left out."""

import csv
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from emotion.comparison.table import SAMPLE_NOTE
from emotion.store.layout import Store
from tests.builders import digest, make_metrics, write_run
from tests.comparison.scenes import write_full_run

EMOTION = str(Path(sys.executable).with_name("emotion"))
# The study's columns, then ours.
STUDY = ["model", "training time", "accuracy", "loss", "val. accuracy", "val. loss", "parameters (trainable)"]


@pytest.fixture
def store(tmp_path: Path) -> Store:
    store = Store(tmp_path / "store")
    write_run(store, make_metrics("ann", validation__accuracy=0.87))
    write_run(store, make_metrics("lstm", validation__accuracy=0.91, training_seconds=126.0))
    return store


def aggregate(store: Store, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [EMOTION, "aggregate", "--store", str(store.folder), *arguments]
    environment = {**os.environ, **environment}
    return subprocess.run(command, check=False, capture_output=True, text=True, timeout=60, env=environment)


def cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.replace("┃", "│").strip("│ \n").split("│")]


def test_the_table_has_the_columns_of_the_study_first(store: Store) -> None:
    done = aggregate(store)
    assert done.returncode == 0
    title, _, head, _, ann, lstm, *_ = done.stdout.splitlines()
    assert title.strip() == "Comparison on emotion"
    assert cells(head)[:7] == STUDY
    assert cells(ann)[:7] == ["ann", "12 s", "0.9050", "0.3000", "0.8700", "0.3000", "1,329,000"]
    assert cells(lstm)[:5] == ["lstm", "2.1 min", "0.9050", "0.3000", "0.9100"]
    assert cells(ann)[-1] == "s1-0a1b2c3d"
    assert "the winner is lstm/s1-0a1b2c3d" in done.stderr


def test_a_pipe_gets_no_colours_and_no_folded_cells(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    name = "a" * 40
    write_run(store, make_metrics("ann", name, data__name="long " * 15))
    for environment in ({}, {"COLUMNS": "40"}, {"NO_COLOR": "1"}):
        done = aggregate(store, **environment)
        assert "\x1b" not in done.stdout + done.stderr
        assert name in done.stdout
        assert [line.count("─") > 0 for line in done.stdout.splitlines()].count(True) == 1


def test_no_color_is_obeyed_where_colours_are_forced(store: Store) -> None:
    store.run("ann", "began").folder.mkdir()
    assert "\x1b[33m" in aggregate(store, FORCE_COLOR="1").stderr
    plain = aggregate(store, FORCE_COLOR="1", NO_COLOR="1")
    assert not [code for code in ("[31m", "[33m", "[1;31m") if code in plain.stdout + plain.stderr]


def test_the_files_tell_the_same_as_the_table(store: Store) -> None:
    aggregate(store)
    files = {path.name for path in store.comparison.iterdir()}
    assert files >= {"comparison.csv", "comparison.md", "comparison.json", "best.json"}
    table = list(csv.DictReader((store.comparison / "comparison.csv").read_text().splitlines()))
    assert list(table[0])[:7] == [
        "model",
        "training_seconds",
        "train_accuracy",
        "train_loss",
        "validation_accuracy",
        "validation_loss",
        "parameters_trainable",
    ]
    heading = next(
        line
        for line in (store.comparison / "comparison.md").read_text().splitlines()
        if "| ---" not in line and line.startswith("|")
    )
    assert [cell.strip() for cell in heading.strip("| ").split("|")][:7] == STUDY
    assert json.loads((store.comparison / "best.json").read_text())["run"] == "lstm/s1-0a1b2c3d"


def test_the_choices_are_told_and_composites_json_names_them(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    for model in ("ann", "lstm", "minilm"):
        write_full_run(store, model)
    done = aggregate(store, "--json")
    (comparison,) = json.loads(done.stdout)
    content = json.loads((store.comparison / "composites.json").read_text())
    assert comparison["composites"] == content
    told = aggregate(store).stdout
    titles = {
        "best_single": "Best single model",
        "best_value": "Best for the money",
        "most_accurate": "Most accurate",
    }
    for rule, title in titles.items():
        name = content["choices"][rule]["name"]
        assert f"* {title}: {name}. " in told
        assert f"`emotion classify IN OUT --model {name}`" in told
    assert f"* {content['candidates']['total']} candidates: 3 single models" in told


def test_json_is_the_comparison_and_nothing_else(store: Store) -> None:
    done = aggregate(store, "--json")
    (comparison,) = json.loads(done.stdout)
    assert comparison == json.loads((store.comparison / "comparison.json").read_text())
    assert [run["model"] for run in comparison["runs"]] == ["ann", "lstm"]


def test_all_shows_every_run(store: Store) -> None:
    write_run(store, make_metrics("ann", "s2", finished_at="2026-02-01T00:00:00+00:00"))

    def runs(*arguments: str) -> list[Any]:
        return [run["run"] for run in json.loads(aggregate(store, "--json", *arguments).stdout)[0]["runs"]]

    assert runs() == ["s2", "s1-0a1b2c3d"]
    assert runs("--all") == ["s1-0a1b2c3d", "s2", "s1-0a1b2c3d"]


def test_runs_of_two_data_sets_have_a_table_each(store: Store) -> None:
    other = {"data__name": "reviews", "data__digests__test": digest("reviews"), "run": "s9"}
    write_run(store, make_metrics("ann", **other))
    done = aggregate(store)
    assert done.stdout.count("Comparison on ") == 2
    assert "Comparison on reviews" in done.stdout
    assert "2 different data sets" in done.stderr
    assert len(json.loads(aggregate(store, "--json").stdout)) == 2


def test_expected_models_that_are_missing(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    write_run(store, make_metrics("ann"))
    done = aggregate(store, "--expect", "ann, lstm")
    assert (done.returncode, done.stdout) == (66, "")
    assert "no complete run of lstm in" in done.stderr
    assert not store.comparison.exists()


def test_expected_models_that_are_there(store: Store) -> None:
    assert aggregate(store, "--expect", "lstm,ann,").returncode == 0


def test_waiting_ends_when_the_run_appears(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    command = [EMOTION, "aggregate", "--store", str(store.folder), "--expect", "ann", "--wait", "9m"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        assert process.stderr.readline() == "waiting for ann\n"
        write_run(store, make_metrics("ann"))
        output, _ = process.communicate(timeout=300)
        assert process.returncode == 0
    assert "ann" in output


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--wait", "soon"], "'soon' is not a time"),
        (["--wait", "-5s"], "'-5s' is not a time"),
        (["--wait", "5 weeks"], "is not a time"),
        (["--wait", ""], "is not a time"),
        (["--expect", "ann,gpt"], "unknown model 'gpt'"),
        (["--expect", "../ann"], "unknown model '../ann'"),
    ],
)
def test_what_makes_no_sense(store: Store, arguments: list[str], message: str) -> None:
    done = aggregate(store, *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert message in done.stderr
    assert not store.comparison.exists()


def test_incomplete_and_damaged_runs_are_named_and_passed_over(store: Store) -> None:
    store.run("ann", "began").folder.mkdir()
    for name, content in (("cut", '{"model": "ann", '), ("foreign", '{"loss": 1}'), ("list", "[1]"), ("empty", "")):
        run = store.run("lstm", name)
        run.folder.mkdir()
        run.metrics.write_text(content)
    write_run(store, make_metrics("lstm", "moved")).folder.rename(store.run("lstm", "here").folder)
    done = aggregate(store, "--all")
    assert done.returncode == 0
    assert "warning: ann/began is incomplete" in done.stderr
    for name in ("cut", "foreign", "list", "empty", "here"):
        assert f"warning: lstm/{name} is unreadable" in done.stderr
        assert name not in done.stdout


@pytest.mark.parametrize("sample", [True, False])
def test_figures_on_the_sample_say_so(tmp_path: Path, *, sample: bool) -> None:
    store = Store(tmp_path / "store")
    write_run(store, make_metrics("ann", data__sample=sample))
    assert (SAMPLE_NOTE in aggregate(store).stdout) is sample


def test_a_store_without_a_complete_run(tmp_path: Path) -> None:
    done = aggregate(Store(tmp_path / "none"))
    assert done.returncode == 66
    assert "no complete run" in done.stderr
