"""How these tests classify: straight through the engine, in one process."""

import csv
import gzip
import io
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings

from emotion.classify.engine import FileResult, classify_file
from emotion.classify.manifest import SEAL, seal
from emotion.classify.part_files import PartResult, classify_part
from emotion.classify.shard import Shard, Share
from emotion.classify.tasks import RowListener, Settings, list_tasks
from emotion.onnx.session import Classifier
from emotion.records.dialect import DialectOptions
from tests.classify.command import Command, classify_content
from tests.toy import single

Classify = Callable[..., FileResult]
Part = Callable[..., PartResult]
quick = hypothesis_settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])

ROWS = ["i feel happy", '"so ""furious"",\n yes"', "", "scared", "a,b", "\udcff", '"never closed', "happy"]
CSV = "text,n\n" + "".join(f"{row},{number}\n" for number, row in enumerate(ROWS * 9))


def _unexpected(line: int, reason: str, record: str) -> None:
    raise AssertionError(f"an error in line {line}: {reason}: {record}")


LISTENER = RowListener(print, print, _unexpected)


@pytest.fixture(scope="session")
def run(toy: Classifier) -> Classify:
    """Give a function that classifies a file with the toy model and the settings that it is given."""

    def classify(source: Path, output: Path, **settings: object) -> FileResult:
        [task] = list_tasks(source, output).tasks
        options = settings.pop("options", DialectOptions(encoding=str(settings.pop("encoding", "utf-8"))))
        return classify_file(task, single(toy), Settings(options=options, **settings), LISTENER)  # type: ignore[arg-type]

    return classify


def errors_of(output: Path) -> list[list[str]]:
    """Rows of the errors file beside `output`."""
    path = output.with_name(output.name + ".errors.csv")
    return list(csv.reader(io.StringIO(path.read_text("utf-8", "surrogateescape"), newline="")))


@pytest.fixture
def command(tmp_path: Path, toy_model: Path) -> Command:
    """Give `emotion classify` with the toy model, for a file of the content that it is given."""
    return partial(classify_content, tmp_path, toy_model)


@pytest.fixture
def part(toy: Classifier) -> Part:
    """Give a function that makes one part of a file."""

    def make(source: Path, output: Path, text: str, classifier: Classifier = toy, **settings: object) -> PartResult:
        [task] = list_tasks(source, output).tasks
        return classify_part(Share(task, Shard.parse(text)), single(classifier), Settings(**settings), LISTENER)  # type: ignore[arg-type]

    return make


def write(path: Path, content: str) -> Path:
    """Write a file, packed if its name says so, with the bytes that surrogates stand for."""
    raw = content.encode("utf-8", "surrogateescape")
    path.write_bytes(gzip.compress(raw) if path.suffix == ".gz" else raw)
    return path


def resealed(manifest: dict[str, Any]) -> dict[str, Any]:
    """A manifest that was edited by somebody who knows the seal."""
    content = {key: value for key, value in manifest.items() if key != SEAL}
    return content | {SEAL: seal(content)}
