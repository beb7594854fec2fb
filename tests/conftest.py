"""Fixtures that tests of several packages share."""

from pathlib import Path

import pytest

from emotion.onnx.session import Classifier
from tests.toy import write_model


@pytest.fixture(scope="session")
def toy_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the folder of a model that knows furious, scared and happy."""
    return write_model(tmp_path_factory.mktemp("toy"))


@pytest.fixture(scope="session")
def toy(toy_model: Path) -> Classifier:
    """Give that model, loaded."""
    return Classifier.load(toy_model, 1)
