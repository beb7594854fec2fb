"""Hints of commands that run in a cluster's Job: they name what its submitter can do, in its namespace."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from emotion.reader import JOB_NAMESPACE, runs_command
from emotion.store.atomic import write_json
from emotion.store.layout import Store
from tests.builders import make_metrics, write_dataset, write_run

EMOTION = str(Path(sys.executable).with_name("emotion"))
HintIn = Callable[..., str]


@pytest.fixture
def hint_in(tmp_path: Path) -> HintIn:
    """Give a function that runs a command which fails, in a namespace's Job or in none, and gives its hint."""

    def run(namespace: str, code: int, *arguments: object, **variables: str) -> str:
        own = {name: value for name, value in os.environ.items() if not name.startswith(("EMOTION_", "HF_"))}
        job = {JOB_NAMESPACE: namespace} if namespace else {}
        places = {"EMOTION_STORE": str(tmp_path / "store"), "HF_HOME": str(tmp_path / "cache")}
        done = subprocess.run(
            [EMOTION, *map(str, arguments)],
            env={**own, **job, **places, "CUDA_VISIBLE_DEVICES": "", **variables},
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )
        assert done.returncode == code, done.stderr
        _, mark, hint = done.stderr.partition("  try: ")
        assert mark, done.stderr
        return hint

    return run


@pytest.fixture
def data(tmp_path: Path) -> Path:
    rows = [(f"word{number} {label}", label) for number in range(20) for label in ("joy", "fear")]
    return write_dataset(tmp_path / "data", train=rows, validation=rows[:10], test=rows[:10])


def test_a_missing_gpu(hint_in: HintIn, data: Path) -> None:
    arguments = ["train", "ann", "--data", data, "--device", "gpu"]
    submitter = hint_in("team", 69, *arguments)
    assert "--gpus 0" in submitter
    assert not any(word in submitter for word in ("prefetch", "--set", "pip"))
    here = hint_in("", 69, *arguments)
    assert "--set resources.device=cpu" in here
    assert "--gpus" not in here


def test_missing_weights_of_a_model(hint_in: HintIn, data: Path) -> None:
    arguments = ["train", "bert", "--data", data]
    submitter = hint_in("team", 69, *arguments, HF_HUB_OFFLINE="1")
    assert "`emotion submit prefetch -n team`" in submitter
    put = "emotion put store/weights/google-bert/bert-base-uncased weights/google-bert/bert-base-uncased -n team"
    assert put in submitter
    assert "prefetch" not in hint_in("", 69, *arguments, HF_HUB_OFFLINE="1")


def test_missing_weights_that_prefetch_does_not_bring(hint_in: HintIn, data: Path) -> None:
    other = ["--set", 'model.checkpoint="someone/else"']
    submitter = hint_in("team", 69, "train", "bert", "--data", data, *other, HF_HUB_OFFLINE="1")
    assert "emotion put store/weights/someone/else weights/someone/else -n team" in submitter
    assert "prefetch" not in submitter


@pytest.mark.parametrize("arguments", [["--no-weights"], ["bert", "--no-data"]])
def test_prefetch_recommends_no_prefetch(hint_in: HintIn, arguments: list[str]) -> None:
    hub = "http://127.0.0.1:9"
    submitter = hint_in("team", 69, "prefetch", *arguments, HF_ENDPOINT=hub)
    assert "HF_ENDPOINT in the ConfigMap hub" in submitter
    assert "emotion put " in submitter
    assert "-n team" in submitter
    assert "prefetch" not in submitter
    assert "ConfigMap" not in hint_in("", 69, "prefetch", *arguments, HF_ENDPOINT=hub)


def test_a_run_that_was_made_otherwise(hint_in: HintIn, data: Path, tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    write_json(store.run("ann", "mine").params, {"digest": "other"})
    arguments = ["train", "ann", "--data", data, "--run", "mine"]
    assert "emotion runs rm ann/mine --cluster -n team" in hint_in("team", 78, *arguments)
    assert f"emotion runs rm ann/mine --store {store.folder}" in hint_in("", 78, *arguments)


def test_columns_that_the_data_lacks(hint_in: HintIn, data: Path) -> None:
    (data / "train.csv").write_text("review,stars\nfine,5\n")
    arguments = ["train", "ann", "--data", data]
    assert "--set data.text_column=NAME" in hint_in("team", 65, *arguments)
    assert "--text-column and --label-column" in hint_in("", 65, *arguments)


def test_no_data(hint_in: HintIn, tmp_path: Path) -> None:
    hint = hint_in("team", 66, "train", "ann", "--data", tmp_path / "reviews")
    assert hint == "put a data set there: emotion put DIR reviews -n team\n"


def test_nothing_to_compare_and_no_winner(hint_in: HintIn, tmp_path: Path) -> None:
    assert hint_in("team", 66, "aggregate") == "train one first: emotion submit ann -n team\n"
    (tmp_path / "in.csv").write_text("text\nhello\n")
    write_run(Store(tmp_path / "store"), make_metrics("ann", "done"))
    classify = ["classify", tmp_path / "in.csv", tmp_path / "out.csv"]
    assert "`emotion submit aggregate -n team`" in hint_in("team", 66, *classify)
    assert f"`emotion aggregate --store {tmp_path / 'store'}`" in hint_in("", 66, *classify)


def test_no_such_run_and_nothing_to_classify(hint_in: HintIn, tmp_path: Path) -> None:
    assert hint_in("team", 66, "runs", "show", "nosuch") == "emotion runs list --cluster -n team\n"
    missing = hint_in("team", 66, "classify", tmp_path / "inbox", tmp_path / "out")
    assert "emotion put DIR inputs/NAME -n team" in missing


def test_a_store_with_a_space_is_quoted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(JOB_NAMESPACE, raising=False)
    assert runs_command("list", Path("my store")) == "emotion runs list --store 'my store'"
