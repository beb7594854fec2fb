"""How these tests classify: straight through the engine, in one process."""

from collections.abc import Callable
from pathlib import Path

import pytest

from emotion.classify.engine import Outcome, classify_file
from emotion.classify.tasks import Listener, Settings, plan
from emotion.onnx.session import Classifier

Classify = Callable[..., Outcome]


def _untold(line: int, reason: str, record: str) -> None:
    raise AssertionError(f"told of line {line}: {reason}: {record}")


LISTENER = Listener(print, _untold)


@pytest.fixture(scope="session")
def run(toy: Classifier) -> Classify:
    """Give a function that classifies a file with the toy model and the settings that it is given."""

    def classify(source: Path, output: Path, **settings: object) -> Outcome:
        [task] = plan(source, output)
        return classify_file(task, toy, Settings(**settings), LISTENER)  # type: ignore[arg-type]

    return classify
