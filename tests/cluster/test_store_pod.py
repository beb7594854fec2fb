"""The pod with the store: commands after a lost connection, a full store, and options that make no pod."""

from pathlib import Path

import pytest

from tests.cluster.api import ApiServer
from tests.cluster.conftest import Emotion

pytestmark = pytest.mark.usefixtures("lent_store")


def test_a_lost_connection_is_tried_again(api: ApiServer, emotion: Emotion, source: Path) -> None:
    # kubectl tries SPDY after a refused WebSocket, so every attempt sends two requests.
    # The command that holds the pod's lock begins first.
    api.refuse(
        "GET", "Pod/exec", 503, "ServiceUnavailable", "the server is currently unable to handle the request", times=4
    )
    done = emotion("put", source / "train.txt", "mine")
    assert done.returncode == 0, done.stderr
    assert (api.store / "data" / "mine" / "train.txt").read_bytes() == (source / "train.txt").read_bytes()


def test_a_full_store_is_reported_with_73(api: ApiServer, emotion: Emotion, source: Path, small_disk: Path) -> None:
    api.store = small_disk
    done = emotion("put", source, "mine")
    assert done.returncode == 73, done.stderr
    assert "the store cannot be written" in done.stderr
    assert not api.all("Job")


def test_an_overlay_that_does_not_exist_is_refused(api: ApiServer, emotion: Emotion, source: Path) -> None:
    done = emotion("put", source, "mine", "--overlay", "nowhere")
    assert done.returncode == 66
    assert "nowhere has no kustomization.yaml" in done.stderr
    assert not api.all("Job")
