"""Fixtures of the comparison's tests."""

from pathlib import Path

import pytest

from emotion.store.layout import Store


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """Give an empty store."""
    return Store(tmp_path / "store")
