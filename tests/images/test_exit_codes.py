"""Exit codes through `docker run`, for what goes wrong in and around a container."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.images.containers import TMP, Container, run, tiny

SMALL_STORE = ("--mount", "type=tmpfs,destination=/store,tmpfs-size=400k,tmpfs-mode=1777")
pytestmark = pytest.mark.images


def train(image: str, mounts: dict[str, Path], *changes: str, more: tuple[str, ...] = TMP) -> tuple[int, str]:
    arguments = ["train", "ann", "--data", "/data/small", "--run", "r", *tiny(*changes)]
    done = run(image, mounts, *arguments, more=more)
    assert "Traceback" not in done.stderr
    return done.returncode, done.stderr


def test_help_and_usage(image: str) -> None:
    assert run(image, {}).returncode == 0
    assert run(image, {}, "classify", "--nonsense").returncode == 2


def test_bad_data(train_image: str, store: Path) -> None:
    (store / "bad.csv").write_text("text,label\n")
    done = run(train_image, {"/store": store}, "train", "ann", "--data", "/store/bad.csv")
    assert done.returncode == 65, done.stderr


def test_an_input_that_is_not_mounted(classify_image: str, model: Path, store: Path) -> None:
    arguments = ["classify", "/input/in.csv", "/store/out.csv", "--model", "/model"]
    done = run(classify_image, {"/model:ro": model, "/store": store}, *arguments)
    assert done.returncode == 66, done.stderr
    assert "/input/in.csv" in done.stderr


def test_a_gpu_that_is_not_there(train_image: str, classify_image: str, model: Path, data: Path, store: Path) -> None:
    mounts = {"/store": store, "/data/small:ro": data, "/model:ro": model}
    code, words = train(train_image, mounts, "resources.device=gpu")
    assert (code, "no GPU" in words) == (69, True)
    (store / "in.csv").write_text("text\nhappy\n")
    arguments = ["classify", "/store/in.csv", "/store/out.csv", "--model", "/model", "--device", "gpu"]
    assert run(classify_image, mounts, *arguments).returncode == 69


@pytest.mark.parametrize("store_mount", ["/store:ro", None], ids=["read-only", "not mounted"])
def test_a_store_that_cannot_be_written(train_image: str, data: Path, store: Path, store_mount: str | None) -> None:
    mounts = {"/data/small:ro": data} | ({store_mount: store} if store_mount else {})
    code, words = train(train_image, mounts)
    assert code == 73
    assert "cannot write /store" in words


def test_a_store_that_fills_up(train_image: str, data: Path) -> None:
    code, words = train(train_image, {"/data/small:ro": data}, "model.embedding_dim=64", more=(*TMP, *SMALL_STORE))
    assert code == 73
    assert "No space left on device" in words


@pytest.mark.parametrize("temporary", [("--tmpfs", "/tmp:size=64k"), ()], ids=["small", "none"])
def test_a_temporary_folder_that_cannot_be_written(
    train_image: str, data: Path, store: Path, temporary: tuple[str, ...]
) -> None:
    code, words = train(train_image, {"/store": store, "/data/small:ro": data}, more=temporary)
    assert code == 73
    assert "--tmpfs /tmp" in words


def test_a_full_disk_where_classifying_writes(classify_image: str, model: Path, store: Path) -> None:
    (store / "in.csv").write_text("text\n" + "i feel so happy\n" * 40_000)
    mounts = {"/input:ro": store, "/model:ro": model}
    arguments = ["classify", "/input/in.csv", "/store/out.csv", "--model", "/model"]
    done = run(classify_image, mounts, *arguments, more=(*TMP, *SMALL_STORE))
    assert done.returncode == 73, done.stderr


def test_a_run_that_another_container_holds(
    train_image: str, data: Path, store: Path, start: Callable[..., Container]
) -> None:
    mounts = {"/store": store, "/data/small:ro": data}
    arguments = ["train", "ann", "--data", "/data/small", "--run", "r", *tiny("training.epochs=4000")]
    holder = start(train_image, mounts, *arguments)
    holder.until(lambda: bool(list(store.rglob("lease-*.json"))))
    code, words = train(train_image, mounts, "training.epochs=4000", "resources.wait=1")
    assert code == 75
    assert "held" in words or "holds" in words


def test_bad_parameters(train_image: str, data: Path, store: Path) -> None:
    code, words = train(train_image, {"/store": store, "/data/small:ro": data}, "training.epochs=none")
    assert code == 78
    assert "training" in words
