"""What validation decides about a composite, and models that are no composite."""

import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from emotion.classify.precision import load_predictor
from emotion.composites.find import choose_model
from emotion.composites.predictor import Predictor
from emotion.errors import BadDataError, InputMissingError
from emotion.evaluation.predictions import write_predictions
from emotion.store.layout import Store
from tests.composites.members import VALIDATION, write_member

CHEAP, DEAR = "ann/cheap", "lstm/dear"


@pytest.fixture
def store(tmp_path: Path) -> Store:
    found = Store(tmp_path / "store")
    write_member(found, CHEAP, 1, noise=1.8)
    write_member(found, DEAR, 2)
    return found


def load(store: Store, name: str) -> Predictor:
    return load_predictor(choose_model(name, store), 1, "float32", "cpu", shard=False)


def test_members_with_other_labels(store: Store) -> None:
    write_member(store, "bert/other", 3, labels=("fear", "anger", "joy"))
    for name in (f"cascade:{CHEAP},bert/other@0.9", f"ensemble:{CHEAP},{DEAR},bert/other"):
        with pytest.raises(BadDataError, match=r"bert/other have different labels: anger, fear, joy and fear, anger"):
            load(store, name)


@pytest.mark.parametrize("texts", [VALIDATION[1:], [*VALIDATION[1:], "another"], VALIDATION[::-1]])
def test_members_that_were_judged_on_other_rows(store: Store, texts: list[str]) -> None:
    write_member(store, "bert/other", 3, validation=texts)
    for name in (f"cascade:{CHEAP},bert/other@0.9", f"ensemble:{CHEAP},{DEAR},bert/other"):
        with pytest.raises(BadDataError, match="bert/other were evaluated on different validation rows"):
            load(store, name)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04damaged", b"\x93NUMPY"])
def test_damaged_predictions(store: Store, content: bytes) -> None:
    path = store.find(DEAR).predictions / "validation.npz"
    path.write_bytes(content)
    for name in (f"cascade:{CHEAP},{DEAR}@0.9", f"ensemble:{CHEAP},{DEAR}"):
        with pytest.raises(BadDataError, match=rf"{path} holds no predictions"):
            load(store, name)


def test_a_folder_without_predictions_needs_a_threshold(tmp_path: Path, store: Store) -> None:
    bare = shutil.copytree(store.find(CHEAP).exported, tmp_path / "bare")
    with pytest.raises(InputMissingError, match=rf"no threshold: {bare} is not in a run with predictions") as raised:
        load(store, f"cascade:{bare},{DEAR}")
    assert f"cascade:{bare},{DEAR}@0.9" in raised.value.hint
    for name in (f"cascade:{bare},{DEAR}@0.9", f"ensemble:{DEAR},{bare}"):
        predictor = load(store, name)
        assert (predictor.name, predictor.temperature) == (name, 1)
        assert predictor.untempered.startswith(f"{bare} is not in a run with predictions")
    # A run's folder has them, whatever it is called.
    assert load(store, f"cascade:{store.find(CHEAP).folder},{DEAR}").untempered == ""


def predict(store: Store, name: str, logits: Sequence[Sequence[float]]) -> None:
    """Replace a run's predictions for validation by three rows, whose label is the first."""
    path, texts = store.find(name).predictions / "validation.npz", VALIDATION[:3]
    write_predictions(path, texts, np.zeros(3, np.int32), np.asarray(logits, np.float32))


def test_a_threshold_is_the_cheapest_that_is_near_or_else_the_most_accurate(store: Store) -> None:
    right, sure, wrong = [2, 0, 0], [4, 0, 0], [0, 1, 0]
    # The dear model mistakes the second row, which the cheap one gets right: to pass the first on is most accurate.
    predict(store, CHEAP, [wrong, right, sure])
    predict(store, DEAR, [right, wrong, right])
    assert load(store, f"cascade:{CHEAP},{DEAR}").threshold == 0
    predict(store, DEAR, [right, right, right])
    first = load(store, f"cascade:{CHEAP},{DEAR}").threshold
    assert first is not None
    assert 0.57 < first < 0.58
    # The cheap model is as sure of a mistake as it can be: no threshold comes near the dear model.
    predict(store, CHEAP, [wrong, right, [0, 100, 0]])
    assert load(store, f"cascade:{CHEAP},{DEAR}").threshold == first


def test_the_digest_is_that_of_all_that_scores_depend_on(store: Store) -> None:
    write_member(store, "bert/other", 3)
    names = [
        CHEAP,
        f"cascade:{CHEAP},{DEAR}@0.5",
        f"cascade:{CHEAP},{DEAR}@0.6",
        f"cascade:{DEAR},{CHEAP}@0.5",
        f"cascade:{CHEAP},bert/other@0.5",
        f"ensemble:{CHEAP},{DEAR}",
        f"ensemble:{CHEAP},bert/other",
    ]
    digests = [load(store, name).digest for name in names]
    assert len(set(digests)) == len(names)
    assert digests == [load(store, name).digest for name in names]
    # Without predictions the temperature is 1, and not a part of what differs.
    (store.find(DEAR).predictions / "validation.npz").unlink()
    digests += [load(store, name).digest for name in names[1:3]]
    assert len(set(digests)) == len(names) + 2
