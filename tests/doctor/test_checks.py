"""The check of TensorFlow's GPUs, with programs in the place of the one that imports TensorFlow."""

from pathlib import Path

import pytest

from emotion.doctor import checks
from emotion.doctor.checks import Check


def test_its_gpus_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "LIST_GPUS", "print('noise'); print('[\"gpu:0\", \"gpu:1\"]')")

    assert checks.tensorflow_gpus() == Check("GPU for training", "gpu:0, gpu:1")


@pytest.mark.parametrize("program", ["raise ImportError('no libcuda')", "print('no libcuda')"])
def test_one_that_does_not_start_is_a_failure(monkeypatch: pytest.MonkeyPatch, program: str) -> None:
    monkeypatch.setattr(checks, "LIST_GPUS", program)

    check = checks.tensorflow_gpus()

    assert check.state is checks.State.FAILURE
    assert "does not start" in check.found


@pytest.mark.parametrize("driver", [True, False])
def test_a_gpu_that_it_does_not_see_is_a_warning_where_there_is_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, driver: bool
) -> None:
    monkeypatch.setattr(checks, "LIST_GPUS", "print('[]')")
    monkeypatch.setattr(checks, "DRIVER", tmp_path if driver else tmp_path / "none")

    check = checks.tensorflow_gpus()

    assert (check.state is checks.State.WARNING) == driver
    assert check.found == ("TensorFlow does not see the GPU" if driver else "none: TensorFlow trains on the CPU")


def test_without_tensorflow_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)

    check = checks.tensorflow_gpus()

    assert (check.state, check.todo) == (checks.State.WARNING, "to train: pip install 'emotion[train]'")


def test_the_real_one_answers() -> None:
    assert checks.tensorflow_gpus().state is not checks.State.FAILURE
