"""The backend: loads quietly, says what is missing, seeds every generator."""

import os
import subprocess
import sys

import numpy as np
import pytest

from emotion.errors import UnavailableError
from emotion.models.backend import load_keras, prepare


def test_loading_prints_nothing_and_leaves_stderr_open() -> None:
    code = "import sys; from emotion.models.backend import load_keras; load_keras(); print('heard', file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("", "heard\n")


def test_keras_runs_on_tensorflow_whatever_the_environment_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    assert load_keras().backend.backend() == "tensorflow"
    assert os.environ["KERAS_BACKEND"] == "tensorflow"


@pytest.mark.parametrize("package", ["keras", "tensorflow"])
def test_a_missing_package_is_named_with_how_to_get_it(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], package: str
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(UnavailableError) as caught:
        load_keras()
    assert caught.value.exit_code == 69
    assert package in caught.value.message
    assert "pip install" in caught.value.hint
    os.write(2, b"still heard\n")
    assert capfd.readouterr().err == "still heard\n"


def test_the_seed_decides_what_is_drawn() -> None:
    keras = load_keras()

    def draw(seed: int) -> list[float]:
        prepare(seed, 0)
        return [*np.asarray(keras.random.normal((4,))), *np.random.normal(size=2)]

    assert draw(3) == draw(3)
    assert draw(3)[:4] != draw(4)[:4]
    assert draw(3)[4:] != draw(4)[4:]


def test_threads_are_those_of_the_job() -> None:
    code = (
        "from emotion.models.backend import prepare; prepare(1, 3)\n"
        "import tensorflow as tf; print(tf.config.threading.get_intra_op_parallelism_threads())"
    )
    assert subprocess.check_output([sys.executable, "-c", code], text=True) == "3\n"
