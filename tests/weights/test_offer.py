"""What the hub, or the cache of its client, has of a checkpoint: through broken connections and without any."""

import json
import time
from pathlib import Path

import pytest

from emotion.store.layout import Store
from tests.hub import CHECKPOINT, COMMIT, Hub, Repository, run
from tests.weights.fetching import TOY, digest, fetch, read_manifest
from tests.weights.test_from_h5 import MOBILEBERT, save


def test_a_broken_connection_is_taken_up_where_it_broke(hub: Hub, store: Store) -> None:
    # The client reads 10 MB at once, and keeps those that are whole.
    model = CHECKPOINT["model.safetensors"] * 24
    hub.repositories[f"/{TOY}"].files["model.safetensors"] = model
    hub.cut["model.safetensors"] = len(model) - 1000

    done = fetch(hub, store)

    assert done.returncode == 0, done.stderr
    assert hub.gets().count("model.safetensors") == 2
    assert (store.checkpoint(TOY) / "model.safetensors").read_bytes() == model
    assert hub.sent["model.safetensors"] < 1.5 * len(model)


def test_an_interrupted_fetch_goes_on_with_what_is_missing(hub: Hub, store: Store) -> None:
    hub.lost.add("model.safetensors")

    broken = fetch(hub, store)

    assert broken.returncode == 69
    assert not store.folder.exists()
    hub.lost.clear()
    hub.asked.clear()
    done = fetch(hub, store)
    assert done.returncode == 0, done.stderr
    assert hub.gets() == ["model.safetensors"]


def test_offline_the_client_s_cache_is_enough_and_nothing_is_asked(hub: Hub, store: Store, tmp_path: Path) -> None:
    nothing = fetch(hub, store, HF_HUB_OFFLINE="1")
    fetch(hub, Store(tmp_path / "first"))
    hub.asked.clear()

    done = fetch(hub, store, HF_HUB_OFFLINE="1")

    assert nothing.returncode == 69
    assert "HF_HUB_OFFLINE" in nothing.stderr
    assert done.returncode == 0, done.stderr
    assert hub.asked == []
    assert read_manifest(store)["revision"] == COMMIT


def test_out_of_reach_is_said_soon_and_with_a_way_out(store: Store) -> None:
    started = time.monotonic()

    done = fetch(Hub(endpoint="http://127.0.0.1:9"), store)

    assert done.returncode == 69
    assert time.monotonic() - started < 20
    assert "HF_ENDPOINT" in done.stderr
    assert str(store.checkpoint(TOY)) in done.stderr
    assert not store.folder.exists()


@pytest.mark.parametrize(
    ("repository", "said"),
    [("org/absent", "Repository"), (f"{TOY}@v9", "Revision")],
)
def test_what_the_hub_does_not_have(hub: Hub, store: Store, repository: str, said: str) -> None:
    done = fetch(hub, store, repository)

    assert done.returncode == 69
    assert said in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"pytorch_model.bin": b"pickle"}, "pickle"),
        ({"model.safetensors.index.json": b"{}", "tf_model.h5": b""}, "several files"),
        ({}, "no model.safetensors"),
    ],
)
def test_a_repository_that_cannot_be_read(hub: Hub, store: Store, files: dict[str, bytes], said: str) -> None:
    small = {name: content for name, content in CHECKPOINT.items() if name != "model.safetensors"}
    hub.repositories[f"/{TOY}"] = Repository(small | files)

    done = fetch(hub, store)

    assert done.returncode == 69
    assert said in done.stderr
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


def test_progress_counts_every_byte_once(hub: Hub, store: Store) -> None:
    script = (
        "import contextlib, json\nfrom pathlib import Path\nfrom emotion.store.layout import Store\n"
        "from emotion.weights.fetch import fetch_weights\nfrom emotion.weights.reference import Reference\n"
        "counts = []\n"
        "@contextlib.contextmanager\ndef progress(what, total):\n    counts.append(total)\n    yield counts.append\n"
        f"store = Store(Path({str(store.folder)!r}))\n"
        f"fetch_weights(Reference('{TOY}'), store, force=False, tell=lambda _: None, progress=progress)\n"
        "print(json.dumps(counts)); raise SystemExit"
    )

    done = run(hub.endpoint, store.folder.parent / "cache", script=script)

    total, *counts = json.loads(done.stdout)
    assert total == sum(counts) == sum(map(len, CHECKPOINT.values()))


class TestTensorFlow:
    """A repository that has tf_model.h5 and no model.safetensors."""

    @pytest.fixture(autouse=True)
    def h5(self, hub: Hub, tmp_path: Path) -> bytes:
        content = save(tmp_path / "tf_model.h5", MOBILEBERT).read_bytes()
        small = {name: content for name, content in CHECKPOINT.items() if name != "model.safetensors"}
        hub.repositories[f"/{TOY}"] = Repository(small | {"tf_model.h5": content})
        return content

    def test_it_is_converted_on_its_way(self, hub: Hub, store: Store, h5: bytes) -> None:
        from safetensors.numpy import load_file

        done = fetch(hub, store)

        assert done.returncode == 0, done.stderr
        folder = store.checkpoint(TOY)
        assert "mobilebert.encoder.layer.0.attention.self.query.weight" in load_file(folder / "model.safetensors")
        assert not (folder / "tf_model.h5").exists()
        assert read_manifest(store)["converted"] == {"tf_model.h5": digest(h5)}

    def test_it_is_not_fetched_again_for_another_file(self, hub: Hub, store: Store, h5: bytes) -> None:
        fetch(hub, store)
        (store.checkpoint(TOY) / "vocab.txt").unlink()
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
        assert not (store.checkpoint(TOY) / "weights.json").exists()
