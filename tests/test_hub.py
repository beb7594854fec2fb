"""The real client of the Hugging Face hub: through broken connections, without any, and what its errors become."""

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from emotion.store.layout import Store
from tests.hub import COMMIT, TOY_FILES, Hub, run
from tests.weights.toy import TOY, fetch, read_manifest, serving_toy


@pytest.fixture
def hub() -> Iterator[Hub]:
    with serving_toy() as hub:
        yield hub


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


def test_a_broken_connection_is_taken_up_where_it_broke(hub: Hub, store: Store) -> None:
    # The client reads 10 MB at once, and keeps those that are whole.
    model = TOY_FILES["model.safetensors"] * 24
    hub.repositories[f"/{TOY}"].files["model.safetensors"] = model
    hub.cut["model.safetensors"] = len(model) - 1000

    done = fetch(hub, store)

    assert done.returncode == 0, done.stderr
    assert hub.gets().count("model.safetensors") == 2
    assert (store.pretrained(TOY) / "model.safetensors").read_bytes() == model
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
    assert str(store.pretrained(TOY)) in done.stderr
    assert not store.folder.exists()


@pytest.mark.parametrize(
    ("repository", "message"),
    [("org/absent", "Repository"), (f"{TOY}@v9", "Revision")],
)
def test_what_the_hub_does_not_have(hub: Hub, store: Store, repository: str, message: str) -> None:
    done = fetch(hub, store, repository)

    assert done.returncode == 69
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_progress_counts_every_byte_once(hub: Hub, store: Store) -> None:
    script = (
        "import contextlib, json\nfrom pathlib import Path\nfrom emotion.store.layout import Store\n"
        "from emotion.weights.fetch import fetch_weights\nfrom emotion.weights.catalog import Reference\n"
        "counts = []\n"
        "@contextlib.contextmanager\ndef progress(what, total):\n    counts.append(total)\n    yield counts.append\n"
        f"store = Store(Path({str(store.folder)!r}))\n"
        f"fetch_weights(Reference('{TOY}'), store, force=False, tell=lambda _: None, progress=progress)\n"
        "print(json.dumps(counts)); raise SystemExit"
    )

    done = run(hub.endpoint, store.folder.parent / "cache", script=script)

    total, *counts = json.loads(done.stdout)
    assert total == sum(counts) == sum(map(len, TOY_FILES.values()))
