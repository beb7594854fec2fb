"""A machine without weights, a store, and a hub that has the toy checkpoint."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from emotion.store.layout import Store
from tests.hub import CHECKPOINT, Hub, Repository, serving
from tests.weights.fetching import TOY


@pytest.fixture(autouse=True)
def _bare(no_weights: None) -> None:
    """Nothing is found unless a test puts it there."""


@pytest.fixture
def hub() -> Iterator[Hub]:
    unneeded = {"README.md": b"read me", "pytorch_model.bin": b"pickle"}
    with serving({f"/{TOY}": Repository(CHECKPOINT | unneeded)}) as hub:
        yield hub


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")
