"""Fetching into the store, from a hub on the loopback interface, through the real client of the hub."""

import json
from pathlib import Path

import pytest

from emotion.store.layout import Store
from emotion.weights.catalog import PretrainedModel
from tests.hub import COMMIT, TOY_FILES, Hub, Repository, run
from tests.weights.test_from_h5 import MOBILEBERT, save
from tests.weights.toy import TOY, digest, fetch, read_manifest

LATER = "f" * 40


def test_what_is_needed_lands_in_the_store_pinned(hub: Hub, store: Store) -> None:
    done = fetch(hub, store)

    assert done.returncode == 0, done.stderr
    folder = store.pretrained(TOY)
    assert {path.name: path.read_bytes() for path in folder.iterdir() if path.name != "weights.json"} == TOY_FILES
    assert read_manifest(store) == {
        "repository": TOY,
        "revision": COMMIT,
        "asked": "main",
        "files": {name: digest(content) for name, content in TOY_FILES.items()},
        "verified": [],
        "unverified": list(TOY_FILES),
        "converted": {},
    }
    assert json.loads(done.stdout) == [{"folder": str(folder), **read_manifest(store)}]
    assert "unverified" in done.stderr
    assert hub.gets() == list(TOY_FILES)
    # Every file after the first comes from the commit that the first answer named.
    assert all(path.endswith("/config.json") for path in hub.asked if "/resolve/main/" in path)


def test_what_is_there_is_not_fetched_again(hub: Hub, store: Store) -> None:
    fetch(hub, store)
    hub.asked.clear()

    again = fetch(hub, store)

    assert again.returncode == 0
    assert "nothing to do" in again.stderr
    assert hub.asked == []
    (store.pretrained(TOY) / "vocab.txt").unlink()
    assert fetch(hub, store, home="other").returncode == 0
    assert hub.gets() == ["vocab.txt"]
    hub.asked.clear()
    assert fetch(hub, store, TOY, "--force").returncode == 0
    assert hub.gets() == list(TOY_FILES)


def test_published_digests_are_verified(hub: Hub, store: Store) -> None:
    name = "model.safetensors"
    known = PretrainedModel(TOY, COMMIT, {name: digest(TOY_FILES[name])})

    done = fetch(hub, store, known=known)

    assert done.returncode == 0, done.stderr
    assert read_manifest(store)["verified"] == [name]
    assert read_manifest(store)["unverified"] == [other for other in TOY_FILES if other != name]


def test_a_file_that_is_not_the_published_one_never_reaches_the_store(hub: Hub, store: Store) -> None:
    known = PretrainedModel(TOY, COMMIT, {"model.safetensors": "0" * 64})

    done = fetch(hub, store, known=known)

    assert done.returncode == 65
    assert "model.safetensors" in done.stderr
    assert "0" * 64 in done.stderr
    assert digest(TOY_FILES["model.safetensors"]) in done.stderr
    assert not store.folder.exists()


def test_an_unverified_file_that_changes_is_refused_and_the_old_one_stays(hub: Hub, store: Store) -> None:
    fetch(hub, store)
    hub.repositories[f"/{TOY}"].files["vocab.txt"] = b"[PAD]\nsad\n"

    done = fetch(hub, store, TOY, "--force", home="other")

    assert done.returncode == 65
    assert "vocab.txt" in done.stderr
    assert (store.pretrained(TOY) / "vocab.txt").read_bytes() == TOY_FILES["vocab.txt"]
    assert read_manifest(store)["revision"] == COMMIT


def test_another_revision_takes_its_place_only_by_force(hub: Hub, store: Store) -> None:
    fetch(hub, store)
    files = {name: content for name, content in TOY_FILES.items() if name != "vocab.txt"}
    hub.repositories[f"/{TOY}"] = Repository(files | {"tokenizer.json": b"{}"}, LATER)

    refused = fetch(hub, store, f"{TOY}@{LATER}")
    forced = fetch(hub, store, f"{TOY}@{LATER}", "--force")

    assert refused.returncode == 2
    assert "--force" in refused.stderr
    assert forced.returncode == 0, forced.stderr
    assert read_manifest(store)["revision"] == LATER
    assert not (store.pretrained(TOY) / "vocab.txt").exists()


def test_a_moving_branch_is_followed_only_by_force_and_name(hub: Hub, store: Store) -> None:
    fetch(hub, store)
    hub.repositories[f"/{TOY}"] = Repository(TOY_FILES | {"vocab.txt": b"[PAD]\nsad\n"}, LATER)

    assert fetch(hub, store, f"{TOY}@main").returncode == 0
    assert fetch(hub, store, TOY, "--force").returncode == 69
    assert read_manifest(store)["revision"] == COMMIT
    assert fetch(hub, store, f"{TOY}@main", "--force").returncode == 0
    assert read_manifest(store)["revision"] == LATER


def test_a_damaged_file_of_the_store_is_fetched_again(hub: Hub, store: Store) -> None:
    fetch(hub, store)
    model = store.pretrained(TOY) / "model.safetensors"
    model.write_bytes(TOY_FILES["model.safetensors"][:1000])

    done = fetch(hub, store, home="other")

    assert done.returncode == 0, done.stderr
    assert model.read_bytes() == TOY_FILES["model.safetensors"]


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
    """Fill the cache of the hub's client, so that the next fetch writes only to the store."""
    assert fetch(hub, Store(tmp_path / "first")).returncode == 0
    return tmp_path / "cache"


def test_a_full_store(hub: Hub, cache: Path, small_disk: Path) -> None:
    done = run(hub.endpoint, cache, "weights", "fetch", TOY, "--store", str(small_disk))

    assert done.returncode == 73
    assert f"cannot write {small_disk}" in done.stderr
    assert "No space left" in done.stderr or "too large" in done.stderr
    assert not list(small_disk.rglob("weights.json"))


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"pytorch_model.bin": b"pickle"}, "pickle"),
        ({"model.safetensors.index.json": b"{}", "tf_model.h5": b""}, "several files"),
        ({}, "no model.safetensors"),
    ],
)
def test_a_repository_that_cannot_be_read(hub: Hub, store: Store, files: dict[str, bytes], message: str) -> None:
    small = {name: content for name, content in TOY_FILES.items() if name != "model.safetensors"}
    hub.repositories[f"/{TOY}"] = Repository(small | files)

    done = fetch(hub, store)

    assert done.returncode == 69
    assert message in done.stderr
    assert hub.gets() == []


def test_a_damaged_file_of_the_cache_is_found_out_and_replaced_by_force(hub: Hub, store: Store, tmp_path: Path) -> None:
    fetch(hub, Store(tmp_path / "first"))
    (blob,) = (path for path in (tmp_path / "cache" / "hub").rglob("blobs/*") if path.stat().st_size > 100_000)
    blob.write_bytes(blob.read_bytes()[:-1] + b"x")

    refused = fetch(hub, store)
    forced = fetch(hub, store, TOY, "--force")

    assert refused.returncode == 65
    assert "--force" in refused.stderr
    assert forced.returncode == 0, forced.stderr


class TestTensorFlow:
    """A repository that has tf_model.h5 and no model.safetensors."""

    @pytest.fixture(autouse=True)
    def h5(self, hub: Hub, tmp_path: Path) -> bytes:
        content = save(tmp_path / "tf_model.h5", MOBILEBERT).read_bytes()
        small = {name: content for name, content in TOY_FILES.items() if name != "model.safetensors"}
        hub.repositories[f"/{TOY}"] = Repository(small | {"tf_model.h5": content})
        return content

    def test_it_is_converted_on_its_way(self, hub: Hub, store: Store, h5: bytes) -> None:
        from safetensors.numpy import load_file

        done = fetch(hub, store)

        assert done.returncode == 0, done.stderr
        folder = store.pretrained(TOY)
        assert "mobilebert.encoder.layer.0.attention.self.query.weight" in load_file(folder / "model.safetensors")
        assert not (folder / "tf_model.h5").exists()
        assert read_manifest(store)["converted"] == {"tf_model.h5": digest(h5)}

    def test_it_is_not_fetched_again_for_another_file(self, hub: Hub, store: Store, h5: bytes) -> None:
        fetch(hub, store)
        (store.pretrained(TOY) / "vocab.txt").unlink()
        hub.asked.clear()

        done = fetch(hub, store, home="other")

        assert done.returncode == 0, done.stderr
        assert hub.gets() == ["vocab.txt"]
        assert read_manifest(store)["converted"] == {"tf_model.h5": digest(h5)}

    def test_one_that_changes_is_refused(self, hub: Hub, store: Store, tmp_path: Path) -> None:
        fetch(hub, store)
        hub.repositories[f"/{TOY}"].files["tf_model.h5"] = save(
            tmp_path / "other.h5", dict([*MOBILEBERT.items()][:1])
        ).read_bytes()

        done = fetch(hub, store, TOY, "--force", home="other")

        assert done.returncode == 65
        assert "tf_model.h5" in done.stderr

    def test_one_that_is_damaged_is_bad_data(self, hub: Hub, store: Store) -> None:
        hub.repositories[f"/{TOY}"].files["tf_model.h5"] = b"no HDF5"

        done = fetch(hub, store)

        assert done.returncode == 65
        assert not (store.pretrained(TOY) / "weights.json").exists()
