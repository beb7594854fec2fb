"""What a training says about weights that are incomplete, damaged or not the published ones."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from emotion.errors import BadDataError, InputMissingError
from emotion.store.layout import Store
from emotion.weights.verify import write_manifest
from tests.builders import write_files
from tests.hub import COMMIT, TOY_FILES
from tests.weights.toy import DIGESTS, TOY, find, make_manifest

OTHER = "0" * 64


def test_a_wrong_digest_names_the_file_both_digests_and_the_way_out(store: Store, know: Callable[..., None]) -> None:
    folder = write_files(store.pretrained(TOY), TOY_FILES)
    know(revision=COMMIT, digests={"tokenizer.json": OTHER})

    with pytest.raises(BadDataError) as caught:
        find(store)

    assert all(
        part in caught.value.message for part in (str(folder / "tokenizer.json"), OTHER, DIGESTS["tokenizer.json"])
    )
    assert f"emotion weights fetch {TOY} --force --store {store.folder}" in caught.value.hint


@pytest.mark.parametrize("damage", ["truncated", "absent"])
def test_what_was_fetched_is_pinned(store: Store, damage: str) -> None:
    folder = write_files(store.pretrained(TOY), TOY_FILES)
    write_manifest(folder, make_manifest())
    if damage == "truncated":
        (folder / "model.safetensors").write_bytes(TOY_FILES["model.safetensors"][:-1])
    else:
        (folder / "vocab.txt").unlink()

    with pytest.raises(
        BadDataError, match=r"model\.safetensors" if damage == "truncated" else r"vocab\.txt is missing"
    ):
        find(store)


@pytest.mark.parametrize(
    ("drop", "add", "message"),
    [
        (["config.json"], [], "has no config.json"),
        (["tokenizer.json", "vocab.txt"], [], "has no tokenizer"),
        (["model.safetensors"], [], "has no model.safetensors"),
        (["model.safetensors"], ["pytorch_model.bin"], "pickles can run any code"),
        (["model.safetensors"], ["model.safetensors.index.json"], "into several files"),
        (["model.safetensors"], ["tf_model.h5"], "only tf_model.h5"),
    ],
)
def test_a_folder_that_lacks_files(store: Store, tmp_path: Path, drop: list[str], add: list[str], message: str) -> None:
    files = {name: content for name, content in TOY_FILES.items() if name not in drop}
    folder = write_files(tmp_path / "mine", files | dict.fromkeys(add, b"content"))

    with pytest.raises(InputMissingError, match=message) as caught:
        find(store, str(folder))

    assert str(folder) in caught.value.message
    assert caught.value.hint


@pytest.mark.parametrize(
    "content",
    ["{", "[]", "{}", json.dumps(make_manifest().model_dump() | {"files": {"../../x": OTHER}})],
)
def test_a_damaged_manifest(store: Store, content: str) -> None:
    folder = write_files(store.pretrained(TOY), TOY_FILES)
    (folder / "weights.json").write_text(content)

    with pytest.raises(BadDataError, match=r"weights\.json") as caught:
        find(store)
    assert "--force" in caught.value.hint
