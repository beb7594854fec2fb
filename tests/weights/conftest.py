"""A machine without weights, a store, and a hub that has the toy weights."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from emotion.store.layout import Store
from emotion.weights.catalog import PRETRAINED, PretrainedModel
from tests.hub import Hub
from tests.weights.toy import TOY, serving_toy


@pytest.fixture(autouse=True)
def _bare(no_weights: None) -> None:
    """Hide all weights of this machine, so that a test finds only what it makes."""


@pytest.fixture
def hub() -> Iterator[Hub]:
    with serving_toy() as hub:
        yield hub


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


@pytest.fixture
def know(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Put the toy weights into the catalog."""

    def know(**facts: object) -> None:
        monkeypatch.setitem(PRETRAINED, TOY, PretrainedModel(TOY, **facts))  # type: ignore[arg-type]

    return know
