"""The layout of shared storage: names, finding runs, and JSON that somebody else may have half written."""

from pathlib import Path

import pytest

from emotion.errors import BadDataError, InputMissingError, UsageError
from emotion.store.layout import Store, read_json


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


def make(store: Store, *runs: str) -> None:
    for run in runs:
        (store.folder / "runs" / run).mkdir(parents=True)


@pytest.mark.parametrize("name", ["a", "7", "s1-0a1b2c3d", "a" * 40, "a--b"])
def test_a_dns_label_is_a_runs_name(store: Store, name: str) -> None:
    run = store.run("ann", name)
    assert run.folder == store.folder / "runs" / "ann" / name
    assert str(run) == f"ann/{name}"


@pytest.mark.parametrize(
    "name",
    ["", ".", "..", "../x", "a/b", "/etc", "S1", "a_b", "a.b", "-a", "a-", "a" * 41, "a b", "a\n", "é", "٣"],
)
def test_anything_else_is_refused_as_a_name_of_run_or_model(store: Store, name: str) -> None:
    for model, run, what in (("ann", name, "run"), (name, "s1", "model")):
        with pytest.raises(UsageError, match=f"is not a {what} name") as caught:
            store.run(model, run)
        assert caught.value.exit_code == 2
        assert repr(name) in caught.value.message


def test_a_run_is_complete_once_its_metrics_are_there(store: Store) -> None:
    run = store.run("ann", "s1")
    make(store, "ann/s1")
    assert not run.complete
    run.progress.write_text("{}")
    assert not run.complete
    run.metrics.write_text("{}")
    assert run.complete


def test_everything_of_a_run_is_within_its_folder(store: Store) -> None:
    run = store.run("ann", "s1")
    assert run.metrics == run.folder / "metrics.json"
    assert run.params == run.folder / "params.json"
    assert run.progress == run.folder / "progress.json"
    assert run.history == run.folder / "history.csv"
    assert run.exported == run.folder / "model"
    assert run.weights == run.folder / "weights"
    assert run.predictions == run.folder / "predictions"
    assert run.architecture == run.folder / "architecture.json"
    assert run.report == run.folder / "report.txt"
    assert store.best == store.folder / "comparison" / "best.json"


def test_runs_come_by_model_and_name_and_foreign_folders_are_passed_over(store: Store) -> None:
    make(store, "lstm/s1", "ann/s2", "ann/s1", ".cache/s1", "ann/Copy of s1", "ann/.s1.tmp", "Old/s1")
    (store.folder / "runs" / "notes").write_text("a file among the models")
    (store.folder / "runs" / "ann" / "notes").write_text("a file among the runs")
    assert [str(run) for run in store.runs()] == ["ann/s1", "ann/s2", "lstm/s1"]


def test_a_store_that_is_not_there_has_no_runs(store: Store) -> None:
    assert list(store.runs()) == []


def test_a_run_is_found_by_model_and_name_or_by_its_name_alone(store: Store) -> None:
    make(store, "ann/s1", "lstm/s1", "lstm/s2")
    assert str(store.find("lstm/s1")) == "lstm/s1"
    assert str(store.find("s2")) == "lstm/s2"


def test_a_name_that_several_models_have_is_ambiguous(store: Store) -> None:
    make(store, "ann/s1", "lstm/s1")
    with pytest.raises(UsageError, match="ann/s1, lstm/s1") as caught:
        store.find("s1")
    assert caught.value.exit_code == 2


@pytest.mark.parametrize("text", ["", "/", "s9", "ann", "ann/", "ann/s9", "bert/s1", "../ann/s1", "runs/ann/s1"])
def test_a_run_that_is_not_there_is_missing(store: Store, text: str) -> None:
    make(store, "ann/s1")
    with pytest.raises(InputMissingError) as caught:
        store.find(text)
    assert caught.value.exit_code == 66
    assert str(store.folder) in caught.value.message


def test_json_is_read(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text('{"label": "café"}', encoding="utf-8")
    assert read_json(tmp_path / "a.json") == {"label": "café"}


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "not complete JSON"),
        (b'{"epoch": 3, "lo', "not complete JSON"),
        (b'{"label": "caf\xe9"}', "not complete JSON"),
        (b"[" * 100_000, "not complete JSON"),
        (b"[1, 2]", "list"),
        (b"null", "NoneType"),
    ],
)
def test_json_that_is_not_a_whole_object(tmp_path: Path, content: bytes, reason: str) -> None:
    path = tmp_path / "a.json"
    path.write_bytes(content)
    with pytest.raises(BadDataError, match=reason) as caught:
        read_json(path)
    assert caught.value.exit_code == 65
    assert str(path) in caught.value.message


@pytest.mark.parametrize("name", ["absent.json", ".", "file/a.json"])
def test_json_that_is_not_there(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").write_text("{}")
    with pytest.raises(InputMissingError) as caught:
        read_json(tmp_path / name)
    assert caught.value.exit_code == 66
