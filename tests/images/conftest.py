"""The engine, the images that `make test-images` built, and what containers are given."""

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from emotion.data.sample import generate
from tests.builders import write_dataset
from tests.images.containers import DOCKER, Container, open_to_all
from tests.toy import write_model


def _problem() -> str:
    if shutil.which(DOCKER) is None:
        return f"no {DOCKER} on this machine"
    done = subprocess.run([DOCKER, "info"], capture_output=True, text=True, check=False)
    return "" if done.returncode == 0 else f"no engine answers: {done.stderr.strip().splitlines()[-1]}"


@pytest.fixture(scope="session", autouse=True)
def engine() -> None:
    """Skip where no container can run; in CI that is a failure."""
    if problem := _problem():
        (pytest.fail if os.environ.get("CI") else pytest.skip)(problem)


@pytest.fixture(scope="session")
def train_image() -> str:
    return os.environ["TRAIN_IMAGE"]


@pytest.fixture(scope="session")
def classify_image() -> str:
    return os.environ["CLASSIFY_IMAGE"]


@pytest.fixture(params=["TRAIN_IMAGE", "CLASSIFY_IMAGE"])
def image(request: pytest.FixtureRequest) -> str:
    return os.environ[request.param]


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a small data set."""
    rows = generate()
    folder = tmp_path_factory.mktemp("images") / "small"
    folder.mkdir()
    write_dataset(folder, train=rows["train"][:1200], validation=rows["validation"][:120], test=rows["test"][:120])
    return open_to_all(folder)


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the folder of a model that knows furious, scared and happy."""
    return open_to_all(write_model(tmp_path_factory.mktemp("model")))


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """Give an empty folder that every user may write to."""
    folder = tmp_path / "store"
    folder.mkdir()
    return open_to_all(folder, 0o777)


@pytest.fixture
def start() -> Iterator[Callable[..., Container]]:
    """Start containers, which are gone after the test."""
    started: list[Container] = []

    def call(*arguments: object, **options: object) -> Container:
        started.append(Container.start(*arguments, **options))  # type: ignore[arg-type]
        return started[-1]

    yield call
    for container in started:
        container.remove()
