"""history.csv as training writes it is read back; what is damaged is told."""

import math
import subprocess
import sys
from pathlib import Path

import pytest

from emotion.errors import BadDataError, InputMissingError
from emotion.evaluation.history import read_history
from emotion.training.progress import Epoch, history_csv


def epoch(number: int, accuracy: float, *, loss: float = 0.5, best: bool = True) -> Epoch:
    return Epoch(number, loss, accuracy - 0.1, loss / 2, accuracy, 5000.0, 2.0 * number, 4.0, best=best)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "history.csv"


def refused(path: Path) -> str:
    with pytest.raises(BadDataError) as caught:
        read_history(path)
    assert caught.value.exit_code == 65
    assert str(path) in caught.value.message
    return caught.value.message


def test_what_training_wrote_is_read_back(path: Path) -> None:
    path.write_text(history_csv([epoch(1, 0.7), epoch(2, 0.8), epoch(3, 0.75, loss=1 / 3, best=False)]))
    found = read_history(path)
    assert found.loss == [0.5, 0.5, 1 / 3]
    assert found.accuracy == [0.7 - 0.1, 0.8 - 0.1, 0.75 - 0.1]
    assert found.validation_loss == [0.25, 0.25, 1 / 6]
    assert found.validation_accuracy == [0.7, 0.8, 0.75]
    assert found.best == 2


def test_the_last_of_several_best_epochs_was_kept(path: Path) -> None:
    path.write_text(history_csv([epoch(n, n / 10, best=n in {1, 3, 4}) for n in range(1, 7)]))
    assert read_history(path).best == 4


def test_without_a_best_epoch_the_last_was_kept(path: Path) -> None:
    path.write_text(history_csv([epoch(n, 0.5, best=False) for n in (1, 2, 3)]))
    assert read_history(path).best == 3


def test_a_training_that_diverged_has_a_history(path: Path) -> None:
    path.write_text(
        history_csv([epoch(1, 0.7), epoch(2, 0.2, loss=math.inf, best=False), epoch(3, 0.2, loss=math.nan)])
    )
    found = read_history(path)
    assert found.loss[1] == math.inf
    assert math.isnan(found.loss[2])


def test_columns_of_a_later_version_are_passed_over(path: Path) -> None:
    lines = history_csv([epoch(1, 0.7)]).splitlines()
    path.write_text(f"learning_rate,{lines[0]}\n0.001,{lines[1]}\n")
    assert read_history(path).validation_accuracy == [0.7]


def test_a_history_that_is_not_there(path: Path) -> None:
    with pytest.raises(InputMissingError, match=r"history\.csv"):
        read_history(path)
    path.mkdir()
    with pytest.raises(InputMissingError, match=r"history\.csv"):
        read_history(path)


@pytest.mark.parametrize("content", ["", history_csv([]), history_csv([])[:20]])
def test_a_training_without_an_epoch(path: Path, content: str) -> None:
    path.write_text(content)
    with pytest.raises(InputMissingError, match="no epoch"):
        read_history(path)


GOOD = history_csv([epoch(1, 0.7), epoch(2, 0.8)])


@pytest.mark.parametrize(
    "content",
    [
        GOOD[:-30].encode(),
        GOOD[: GOOD.index("\n") + 20].encode(),
        GOOD.replace("0.8", "high").encode(),
        GOOD.replace("validation_accuracy", "accuracy_on_validation").encode(),
        GOOD.replace("best", "worst").encode(),
        GOOD.replace("0.8", "\xff").encode("latin-1"),
        b"text,label\na,b\n",
        b"\x89PNG\r\n\x1a\n" + bytes(range(256)),
        b'loss,"' + b"x" * 200_000 + b'"\n1,2\n',
    ],
)
def test_a_damaged_history(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    assert "not a training history" in refused(path)


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_without_any_accuracy_there_is_nothing_to_draw(path: Path, value: float) -> None:
    path.write_text(history_csv([epoch(1, value), epoch(2, value)]))
    assert "no finite accuracy" in refused(path)


def test_reading_it_takes_no_training_framework() -> None:
    program = (
        "import sys, emotion.evaluation.history, emotion.training.progress;"
        " sys.exit(any(name in sys.modules for name in ('tensorflow', 'keras', 'matplotlib')))"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
