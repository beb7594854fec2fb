"""How these tests classify: straight through the engine, in one process."""

from collections.abc import Callable
from pathlib import Path

import pytest

from emotion.classify.engine import FileResult, classify_file
from emotion.classify.tasks import RowListener, Settings, list_tasks
from emotion.onnx.session import Classifier

Classify = Callable[..., FileResult]


def _untold(line: int, reason: str, record: str) -> None:
    raise AssertionError(f"told of line {line}: {reason}: {record}")


LISTENER = RowListener(print, _untold)


@pytest.fixture(scope="session")
def run(toy: Classifier) -> Classify:
    """Give a function that classifies a file with the toy model and the settings that it is given."""

    def classify(source: Path, output: Path, **settings: object) -> FileResult:
        [task] = list_tasks(source, output)
        return classify_file(task, toy, Settings(**settings), LISTENER)  # type: ignore[arg-type]

    return classify
