"""The temporary folder: looked at before it is written to, and left as it was."""

import shutil
import tempfile
from pathlib import Path
from types import SimpleNamespace

import pytest

from emotion.errors import CannotWriteError
from emotion.store.scratch import scratch_folder


def test_it_is_gone_afterwards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with scratch_folder() as folder:
        (folder / "model.h5").write_text("weights")
        assert folder.parent == tmp_path
    assert list(tmp_path.iterdir()) == []


def test_too_little_room_is_told_before_anything_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=999))
    with scratch_folder(999):
        pass
    with pytest.raises(CannotWriteError, match=f"to {tmp_path}.*: No space left"), scratch_folder(1000):
        pytest.fail("there is no room")
    assert list(tmp_path.iterdir()) == []


def test_no_folder_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "absent"))
    with pytest.raises(CannotWriteError, match="No such file") as caught, scratch_folder():
        pytest.fail("there is no folder")
    assert "TMPDIR" in caught.value.hint
