"""Which model classifies when it is named, and when it is not."""

import json
from pathlib import Path

import pytest

from emotion.composites.find import Chosen, choose_model
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
