"""A container's memory limit: batches are split to fit, and a kill for memory is told apart from other ends."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from emotion.data.sample import generate
from tests.builders import Rows, write_dataset
from tests.images.containers import TMP, Container, open_to_all
from tests.pretrained import write_pretrained

# TensorFlow alone takes half of it, and a whole batch's activations twice of it.
LIMIT = ("--memory", "1200m", "--memory-swap", "1200m")
SIZES = {
    "hidden_size": 256,
    "num_hidden_layers": 4,
    "num_attention_heads": 4,
    "intermediate_size": 1024,
    "max_position_embeddings": 256,
}
PARAMETERS = """
[model]
name = "bert"
checkpoint = "/store/pretrained"
[text]
max_length = 256
[training]
batch_size = 64
epochs = 1
"""
BATCH = 64
Start = Callable[..., Container]
pytestmark = pytest.mark.images


def long(rows: Rows, count: int) -> Rows:
    return [(" ".join([text] * 25), label) for text, label in rows[:count]]


@pytest.fixture
def mounts(store: Path) -> dict[str, Path]:
    rows = generate()
    (store / "data").mkdir()
    train = long(rows["train"], 2 * BATCH)
    write_dataset(store / "data", train=train, validation=long(rows["validation"], 20), test=long(rows["test"], 20))
    write_pretrained(store / "pretrained", "bert", [text for text, _ in train], **SIZES)
    (store / "pretrained" / "model.safetensors").chmod(0o644)
    (store / "params.toml").write_text(PARAMETERS)
    for folder in (store / "data", store / "pretrained"):
        open_to_all(folder)
    return {"/store": store}


def command(*changes: str) -> list[str]:
    sets = [part for change in changes for part in ("--set", change)]
    return ["train", "bert", "--params", "/store/params.toml", "--data", "/store/data", "--run", "r", *sets]


def micro_batch(store: Path) -> int:
    return int(json.loads((store / "runs" / "bert" / "r" / "metrics.json").read_text())["micro_batch"])


def test_batches_are_split_to_fit_the_limit(
    train_image: str, store: Path, mounts: dict[str, Path], start: Start
) -> None:
    container = start(train_image, mounts, *command(), more=(*TMP, *LIMIT))
    assert container.wait() == 0, container.words()
    assert "available from the container's limit of 1.3 GB" in container.words()
    assert 0 < micro_batch(store) < BATCH / 2


def test_a_kill_for_memory_is_told_apart_and_the_next_attempt_splits_further(
    train_image: str, mounts: dict[str, Path], start: Start
) -> None:
    whole = command(f"resources.micro_batch={BATCH}")
    container = start(train_image, mounts, *whole, more=(*TMP, *LIMIT))
    assert container.wait() == 137
    assert container.killed_for_memory
    again = start(train_image, mounts, *whole, more=(*TMP, *LIMIT))
    again.until(lambda: "split into parts of" in again.words())
    assert f"split into parts of {BATCH // 2} (the previous attempt ended unexpectedly" in again.words()


def test_another_kill_is_not_taken_for_one_for_memory(
    train_image: str, store: Path, mounts: dict[str, Path], start: Start
) -> None:
    container = start(train_image, mounts, *command("resources.micro_batch=16"))
    container.until((store / "runs" / "bert" / "r" / "progress.json").exists)
    container.kill("KILL")
    assert container.wait() == 137
    assert not container.killed_for_memory
    again = start(train_image, mounts, *command("resources.micro_batch=16"))
    again.until(lambda: "split into parts of" in again.words())
    assert "split into parts of 16 (as set in the parameters)" in again.words()
