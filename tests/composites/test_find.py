"""Which model classifies when it is named, and when it is not."""

import json
from pathlib import Path

import pytest

from emotion.composites.find import Chosen, choose_model
from emotion.composites.spec import Composite
from emotion.errors import BadDataError, InputMissingError, UsageError
from emotion.store.layout import Run, Store


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """Give a store with two complete runs and one that is not."""
    store = Store(tmp_path / "store")
    for model, name in (("ann", "s1-a"), ("lstm", "s1-a"), ("lstm", "s2-b"), ("bert", "s3-c")):
        run = store.run(model, name)
        run.folder.mkdir(parents=True)
        if model != "bert":
            run.metrics.write_text("{}")
    return store


def _best(store: Store, content: str) -> None:
    store.comparison.mkdir()
    store.best.write_text(content)


def exported(store: Store, model: str, name: str) -> Path:
    run: Run = store.run(model, name)
    return run.exported


def test_the_best_run_is_the_default(store: Store) -> None:
    _best(store, json.dumps({"run": "lstm/s2-b"}))
    assert choose_model(None, store) == Chosen("lstm/s2-b", {"lstm/s2-b": exported(store, "lstm", "s2-b")})


def test_runs_and_folders_by_name(store: Store, tmp_path: Path) -> None:
    for name, folder in (
        ("ann/s1-a", exported(store, "ann", "s1-a")),
        ("s2-b", exported(store, "lstm", "s2-b")),
        (str(tmp_path), tmp_path),
    ):
        assert choose_model(name, store) == Chosen(name, {name: folder})
    with pytest.raises(UsageError, match="several models"):
        choose_model("s1-a", store)
    with pytest.raises(InputMissingError, match="no model folder nowhere, and no such run"):
        choose_model("nowhere", store)


def test_no_comparison_yet(store: Store) -> None:
    with pytest.raises(InputMissingError) as raised:
        choose_model(None, store)
    assert "emotion aggregate" in raised.value.hint


def test_a_run_that_is_not_complete(store: Store) -> None:
    with pytest.raises(InputMissingError, match=r"bert/s3-c .* is not complete"):
        choose_model("bert/s3-c", store)
    _best(store, json.dumps({"run": "ann/gone"}))
    with pytest.raises(InputMissingError, match=r"ann/gone .* is not complete"):
        choose_model(None, store)


@pytest.mark.parametrize(
    "content",
    ["", "[]", "{}", '{"run": 3}', '{"run": "lstm"}', '{"run": "../../etc"}', '{"run": "a/b/c"}', '{"run": "a/.."}'],
)
def test_a_damaged_best(store: Store, content: str) -> None:
    _best(store, content)
    with pytest.raises(BadDataError, match=r"best\.json"):
        choose_model(None, store)


def test_composites_have_the_folders_of_their_members(store: Store, tmp_path: Path) -> None:
    name = f"cascade:ann/s1-a,{tmp_path}@0.9"
    folders = {"ann/s1-a": exported(store, "ann", "s1-a"), str(tmp_path): tmp_path}
    assert choose_model(name, store) == Chosen(name, folders, Composite("cascade", ("ann/s1-a", str(tmp_path)), 0.9))
    for missing, error in (("nowhere", "no model folder nowhere"), ("bert/s3-c", r"bert/s3-c .* is not complete")):
        with pytest.raises(InputMissingError, match=error):
            choose_model(f"ensemble:ann/s1-a,{missing}", store)
    with pytest.raises(UsageError, match="the same model under two names"):
        choose_model("ensemble:s2-b,lstm/s2-b", store)


def test_a_folder_of_that_very_name_comes_first(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    name = "cascade:ann/s1-a,lstm/s2-b"
    assert choose_model(name, store).composite is not None
    (tmp_path / name).mkdir(parents=True)
    assert choose_model(name, store) == Chosen(name, {name: Path(name)})


def test_a_composite_may_be_longer_than_a_file_name(store: Store) -> None:
    with pytest.raises(InputMissingError, match="no such run"):
        choose_model("ensemble:" + ",".join(f"{letter * 40}" for letter in "abcdefgh"), store)
