"""Fetching into the store, from a hub on the loopback interface, through the real client of the hub."""

import json
from pathlib import Path

import pytest

from emotion.store.layout import Store
from emotion.weights.known import PretrainedModel
from tests.hub import CHECKPOINT, COMMIT, Hub, Repository, run
from tests.weights.fetching import TOY, digest, fetch, read_manifest

LATER = "f" * 40


def test_what_is_needed_lands_in_the_store_pinned(hub: Hub, store: Store) -> None:
    done = fetch(hub, store)

    assert done.returncode == 0, done.stderr
    folder = store.checkpoint(TOY)
    assert {path.name: path.read_bytes() for path in folder.iterdir() if path.name != "weights.json"} == CHECKPOINT
    assert read_manifest(store) == {
        "repository": TOY,
        "revision": COMMIT,
        "asked": "main",
        "files": {name: digest(content) for name, content in CHECKPOINT.items()},
        "verified": [],
        "unverified": list(CHECKPOINT),
        "converted": {},
    }
    assert json.loads(done.stdout) == [{"folder": str(folder), **read_manifest(store)}]
    assert "unverified" in done.stderr
    assert hub.gets() == list(CHECKPOINT)
    # All but the first of the commit that the first answer named.
    assert all(path.endswith("/config.json") for path in hub.asked if "/resolve/main/" in path)


def test_what_is_there_is_not_fetched_again(hub: Hub, store: Store) -> None:
    fetch(hub, store)
    hub.asked.clear()

    again = fetch(hub, store)

    assert again.returncode == 0
    assert "nothing to do" in again.stderr
    assert hub.asked == []
    (store.checkpoint(TOY) / "vocab.txt").unlink()
    assert fetch(hub, store, home="other").returncode == 0
    assert hub.gets() == ["vocab.txt"]
    hub.asked.clear()
    assert fetch(hub, store, TOY, "--force").returncode == 0
    assert hub.gets() == list(CHECKPOINT)


def test_published_digests_are_verified(hub: Hub, store: Store) -> None:
    name = "model.safetensors"
    known = PretrainedModel(TOY, COMMIT, {name: digest(CHECKPOINT[name])})

    done = fetch(hub, store, known=known)

    assert done.returncode == 0, done.stderr
    assert read_manifest(store)["verified"] == [name]
    assert read_manifest(store)["unverified"] == [other for other in CHECKPOINT if other != name]


def test_a_file_that_is_not_the_published_one_never_reaches_the_store(hub: Hub, store: Store) -> None:
    known = PretrainedModel(TOY, COMMIT, {"model.safetensors": "0" * 64})

    done = fetch(hub, store, known=known)

    assert done.returncode == 65
    assert "model.safetensors" in done.stderr
    assert "0" * 64 in done.stderr
    assert digest(CHECKPOINT["model.safetensors"]) in done.stderr
    assert not store.folder.exists()


def test_an_unverified_file_that_changes_is_refused_and_the_old_one_stays(hub: Hub, store: Store) -> None:
    fetch(hub, store)
    hub.repositories[f"/{TOY}"].files["vocab.txt"] = b"[PAD]\nsad\n"

    done = fetch(hub, store, TOY, "--force", home="other")

    assert done.returncode == 65
    assert "vocab.txt" in done.stderr
    assert (store.checkpoint(TOY) / "vocab.txt").read_bytes() == CHECKPOINT["vocab.txt"]
    assert read_manifest(store)["revision"] == COMMIT


def test_another_revision_takes_its_place_only_by_force(hub: Hub, store: Store) -> None:
    fetch(hub, store)
    files = {name: content for name, content in CHECKPOINT.items() if name != "vocab.txt"}
    hub.repositories[f"/{TOY}"] = Repository(files | {"tokenizer.json": b"{}"}, LATER)

    refused = fetch(hub, store, f"{TOY}@{LATER}")
    forced = fetch(hub, store, f"{TOY}@{LATER}", "--force")

    assert refused.returncode == 2
    assert "--force" in refused.stderr
    assert forced.returncode == 0, forced.stderr
    assert read_manifest(store)["revision"] == LATER
    assert not (store.checkpoint(TOY) / "vocab.txt").exists()


def test_a_moving_branch_is_followed_only_by_force_and_name(hub: Hub, store: Store) -> None:
    fetch(hub, store)
    hub.repositories[f"/{TOY}"] = Repository(CHECKPOINT | {"vocab.txt": b"[PAD]\nsad\n"}, LATER)

    assert fetch(hub, store, f"{TOY}@main").returncode == 0
    assert fetch(hub, store, TOY, "--force").returncode == 69
    assert read_manifest(store)["revision"] == COMMIT
    assert fetch(hub, store, f"{TOY}@main", "--force").returncode == 0
    assert read_manifest(store)["revision"] == LATER


def test_a_damaged_file_of_the_store_is_fetched_again(hub: Hub, store: Store) -> None:
    fetch(hub, store)
    model = store.checkpoint(TOY) / "model.safetensors"
    model.write_bytes(CHECKPOINT["model.safetensors"][:1000])

    done = fetch(hub, store, home="other")

    assert done.returncode == 0, done.stderr
    assert model.read_bytes() == CHECKPOINT["model.safetensors"]


def test_a_training_fetches_what_it_lacks(hub: Hub, store: Store) -> None:
    script = (
        "from pathlib import Path\nfrom emotion.store.layout import Store\n"
        "from emotion.weights.find import find_weights\n"
        f"print(find_weights('{TOY}', '', Store(Path({str(store.folder)!r})), lambda _: None).source); raise SystemExit"
    )

    first, second = (run(hub.endpoint, store.folder.parent / "cache", script=script) for _ in range(2))

    assert (first.stdout, second.stdout) == ("hub\n", "store\n"), first.stderr


def test_a_store_that_cannot_be_written_is_found_out_before_the_download(hub: Hub, store: Store) -> None:
    store.folder.write_text("not a folder")

    done = fetch(hub, store)

    assert done.returncode == 73
    assert hub.gets() == []


def test_a_read_only_store(hub: Hub, read_only: Path) -> None:
    done = fetch(hub, Store(read_only))

    assert done.returncode == 73
    assert "Traceback" not in done.stderr
    assert hub.gets() == []


@pytest.fixture
def cache(hub: Hub, tmp_path: Path) -> Path:
    """Give the cache of the hub's client with the checkpoint in it, so that only the store is written to."""
    assert fetch(hub, Store(tmp_path / "first")).returncode == 0
    return tmp_path / "cache"


def test_a_full_store(hub: Hub, cache: Path, small_disk: Path) -> None:
    done = run(hub.endpoint, cache, "weights", "fetch", TOY, "--store", str(small_disk))

    assert done.returncode == 73
    assert f"cannot write {small_disk}" in done.stderr
    assert "No space left" in done.stderr or "too large" in done.stderr
    assert not list(small_disk.rglob("weights.json"))
