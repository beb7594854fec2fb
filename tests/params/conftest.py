"""A parameter file, and the mistakes in it."""

from pathlib import Path

import pytest

from emotion.errors import BadParametersError
from emotion.params.toml import load_params


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "params.toml"
    path.write_text("")
    return path


def mistakes(model: str, file: Path, overrides: list[str] | None = None) -> list[str]:
    """Give the lines of the error, which has the contract's exit code 78."""
    with pytest.raises(BadParametersError) as caught:
        load_params(model, file, overrides or [])
    assert caught.value.exit_code == 78
    assert caught.value.hint
    return [line.strip() for line in caught.value.message.splitlines()[1:]]
