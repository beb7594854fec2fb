"""Students through the command line: a real teacher, refusals, provenance, and trainings that are cut off."""

import json
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from emotion.data.sample import generate
from emotion.errors import ExitCode
from emotion.evaluation.metrics_file import read_metrics
from emotion.models.registry import params_file
from emotion.onnx.graphs import find_graph
from emotion.onnx.model_files import read_files
from emotion.params.toml import load_params
from emotion.runs.plan import plan_job
from emotion.store.atomic import sha256
from emotion.store.layout import Run, Store
from tests.builders import write_dataset, write_rows
from tests.runs.jobs import wait_for

EMOTION = "from emotion.cli.main import main; main()"
SMALL = ("model.embedding_dim=8", "model.hidden=[8]", "training.epochs=3", "training.batch_size=16")
MADE = "training.teacher.made=2"
TEACHER = ("--teacher", "lstm/teacher")
TRAIN = 120
SIZES = {"train": TRAIN, "validation": 60, "test": 60}
# A command that writes progress.json at every step: a test can choose the step to kill after.
CLOSELY = """
from emotion.cli.main import main
from emotion.runs import recorder

recorder.PAUSE_SECONDS = 0.0
main()
"""
# A command that labels slowly, in small parts: a test can stop it between two.
SLOWLY = """
import time
from emotion.cli.main import main
from emotion.distillation import answers

answers.PART = 16
read = answers._Part.write
def write(part, logits):
    read(part, logits)
    time.sleep(0.3)
answers._Part.write = write
main()
"""


def command(data: Path, store: Path, *arguments: str, run: str = "student", model: str = "ann") -> list[str]:
    """Make the words of a training's command; arguments with = are settings."""
    words = ["train", model, "--data", str(data), "--store", str(store), "--run", run, "--deterministic"]
    for argument in (*SMALL, *arguments):
        words += ["--set", argument] if "=" in argument else [argument]
    return words


def train(*arguments: Any, **options: Any) -> "subprocess.CompletedProcess[str]":
    words = [sys.executable, "-c", EMOTION, *command(*arguments, **options)]
    return subprocess.run(words, check=False, capture_output=True, text=True, timeout=300)


def start(script: str, *arguments: Any, **options: Any) -> "subprocess.Popen[str]":
    words = [sys.executable, "-c", script, *command(*arguments, **options)]
    return subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def results(run: Run) -> dict[str, bytes]:
    """The files of a run that hold what it learned, by name."""
    return {path.name: path.read_bytes() for path in (*run.weights.iterdir(), *run.predictions.iterdir())}


def parts(run: Run) -> dict[str, bytes]:
    """The teacher's answers, by name."""
    return {path.name: path.read_bytes() for path in run.answers.glob("[0-9]*.npz")}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    train, validation, test = (rows[: SIZES[name]] for name, rows in generate().items())
    return write_dataset(tmp_path_factory.mktemp("data") / "data", train=train, validation=validation, test=test)


@pytest.fixture(scope="module")
def taught(tmp_path_factory: pytest.TempPathFactory, data: Path) -> Store:
    """A store with a teacher."""
    store = Store(tmp_path_factory.mktemp("taught"))
    assert train(data, store.folder, run="teacher", model="lstm").returncode == 0
    return store


@pytest.fixture
def store(tmp_path: Path, taught: Store) -> Store:
    """A store with a copy of the teacher."""
    store = Store(tmp_path / "store")
    shutil.copytree(taught.run("lstm", "teacher").folder, store.run("lstm", "teacher").folder)
    return store


@pytest.fixture(scope="module")
def undisturbed(taught: Store, data: Path) -> Run:
    """A student, beside its teacher."""
    done = train(data, taught.folder, *TEACHER, MADE)
    assert done.returncode == 0, done.stderr
    assert f"learning from lstm/teacher: {TRAIN} train texts, {2 * TRAIN} made texts" in done.stderr
    return taught.run("ann", "student")


def test_a_student_says_what_it_learned_from(undisturbed: Run, taught: Store) -> None:
    model = read_files(find_graph(taught.run("lstm", "teacher").exported, "float32")).digest
    source = read_metrics(undisturbed.metrics).teacher
    assert source is not None
    assert (source.run, source.sha256) == ("lstm/teacher", model)
    assert (source.made_texts, source.unlabelled_texts) == (2 * TRAIN, 0)
    params = json.loads(undisturbed.params.read_text())
    assert params["teacher"] == {"model": model}
    assert params["params"]["training"]["teacher"]["run"] == "lstm/teacher"
    card = (undisturbed.exported / "README.md").read_text()
    assert "learned from lstm/teacher" in card
    assert model in card
    assert f"{2 * TRAIN:,} texts made from train's" in card


def test_the_answers_stay_in_the_run(undisturbed: Run) -> None:
    (name,) = parts(undisturbed)
    with np.load(undisturbed.answers / name, allow_pickle=False) as file:
        assert file["logits"].shape == (3 * TRAIN, 6)
    assert not [path for path in undisturbed.folder.rglob(".*") if path.is_file()]


def test_an_epoch_has_all_texts_and_train_keeps_its_scores(undisturbed: Run) -> None:
    metrics = read_metrics(undisturbed.metrics)
    assert metrics.train.rows == TRAIN
    progress = json.loads(undisturbed.progress.read_text())
    assert progress["steps"] == 3 * -(-3 * TRAIN // 16)


def test_the_name_tells_the_teacher(store: Store, data: Path) -> None:
    """Without --run: other teachers, weights and files make other runs, and the same command finds the same run."""
    shutil.copytree(store.run("lstm", "teacher").folder, store.run("lstm", "twin").folder)
    asked = [
        plan("training.teacher.run=lstm/teacher"),
        plan("training.teacher.run=lstm/twin"),
        plan("training.teacher.run=lstm/teacher", "training.teacher.weight=0.25"),
        plan(),
    ]
    names = [plan_job(params, data, store, None).run.name for params in asked]
    assert len(set(names)) == 4
    assert plan_job(asked[0], data, store, None).run.name == names[0]
    (store.run("lstm", "teacher").exported / "SHA256SUMS").unlink()
    change_temperature(store)
    assert plan_job(asked[0], data, store, None).run.name != names[0]


def plan(*changes: str) -> Any:
    return load_params("ann", params_file("ann"), changes)


def change_temperature(store: Store) -> None:
    """Make another model of the teacher, with its digests."""
    run = store.run("lstm", "teacher")
    config = run.exported / "config.json"
    config.write_text(config.read_text().replace('"calibration_temperature": ', '"calibration_temperature": 1'))
    metrics = json.loads(run.metrics.read_text())
    metrics["onnx"]["digests"]["config.json"] = sha256(config)
    run.metrics.write_text(json.dumps(metrics))


def test_another_seed_has_the_answers_of_the_first(store: Store, data: Path, undisturbed: Run) -> None:
    shutil.copytree(undisturbed.folder, store.run("ann", "student").folder)
    done = train(data, store.folder, *TEACHER, MADE, "training.seed=2", run="second")
    assert done.returncode == 0, done.stderr
    assert f"the teacher answered {3 * TRAIN} texts for other runs: copied" in done.stderr
    assert "the teacher answers" not in done.stderr
    second = store.run("ann", "second")
    assert parts(second) == parts(undisturbed)
    assert results(second) != results(undisturbed)


def test_several_runs_teach_together(store: Store, data: Path) -> None:
    """An ensemble as the teacher: its members must fit the data, and all of them are part of the run."""
    shutil.copytree(store.run("lstm", "teacher").folder, store.run("lstm", "twin").folder)
    ensemble = ("--teacher", "ensemble:lstm/teacher,lstm/twin")
    done = train(data, store.folder, *ensemble, MADE)
    assert done.returncode == 0, done.stderr
    assert "learning from ensemble:lstm/teacher,lstm/twin" in done.stderr
    metrics = read_metrics(store.run("ann", "student").metrics)
    assert metrics.title == "ann taught by 2 lstm"
    metrics_of_twin = store.run("lstm", "twin").metrics
    metrics_of_twin.rename(metrics_of_twin.with_suffix(".away"))
    done = train(data, store.folder, *ensemble, MADE)
    assert done.returncode == ExitCode.BAD_PARAMETERS
    assert "the teacher lstm/twin is incomplete" in done.stderr


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("lstm", "name a run as MODEL/RUN, or several as ensemble:A,B,C"),
        ("ensemble:lstm/teacher", "name a run as MODEL/RUN, or several as ensemble:A,B,C"),
        ("ensemble:lstm/teacher,lstm/teacher", "repeats a member"),
        ("cascade:lstm/teacher,lstm/other@2", "is not a threshold"),
    ],
)
def test_the_name_of_a_teacher_that_is_none(store: Store, data: Path, name: str, problem: str) -> None:
    done = train(data, store.folder, "--teacher", name)
    assert done.returncode == ExitCode.BAD_PARAMETERS
    assert problem in done.stderr


def test_a_run_of_another_teacher_is_refused_and_named(store: Store, data: Path, undisturbed: Run) -> None:
    shutil.copytree(undisturbed.folder, store.run("ann", "student").folder)
    change_temperature(store)
    done = train(data, store.folder, *TEACHER, MADE)
    assert done.returncode == ExitCode.BAD_PARAMETERS
    assert re.search(r"  teacher\.model: [0-9a-f]{64} there, [0-9a-f]{64} here", done.stderr)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_answers_that_are_cut_off_go_on_and_give_the_same_student(
    store: Store, data: Path, undisturbed: Run, number: signal.Signals
) -> None:
    run = store.run("ann", "student")
    process = start(SLOWLY, data, store.folder, *TEACHER, MADE)
    wait_for(lambda: len(parts(run)) >= 2, process)
    process.send_signal(number)
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == {signal.SIGTERM: 143}.get(number, -number)
    assert "Traceback" not in stderr
    kept = parts(run)
    assert 2 <= len(kept) < 3 * TRAIN // 16
    process = start(SLOWLY, data, store.folder, *TEACHER, MADE)
    _, stderr = process.communicate(timeout=200)
    assert process.returncode == 0, stderr
    assert f"the teacher answers {3 * TRAIN - 16 * len(kept):,} texts" in stderr
    assert kept.items() <= parts(run).items()
    assert results(run) == results(undisturbed)


def test_a_training_that_is_killed_goes_on_to_the_same_student(store: Store, data: Path, undisturbed: Run) -> None:
    run = store.run("ann", "student")
    options = (*TEACHER, MADE, "resources.checkpoint_every=5 steps")
    process = start(CLOSELY, data, store.folder, *options)
    wait_for(lambda: run.progress.exists() and json.loads(run.progress.read_text())["step"] > 20, process)
    process.kill()
    process.communicate()
    done = train(data, store.folder, *options, "resources.micro_batch=16")
    assert done.returncode == 0, done.stderr
    assert "resuming from the checkpoint" in done.stderr
    assert "the teacher answers" not in done.stderr
    assert results(run) == results(undisturbed)


def test_unlabelled_texts_are_learned_from_and_part_of_the_run(store: Store, data: Path, tmp_path: Path) -> None:
    test = generate()["test"][0][0]
    file = write_rows(tmp_path / "more.jsonl", [("i feel so happy", ""), (test, ""), ("\u200b", ""), ("i rage", "")])
    options = (*TEACHER, "--unlabelled", str(file), "training.teacher.made=0", "training.class_weights=balanced")
    done = train(data, store.folder, *options)
    assert done.returncode == 0, done.stderr
    assert "warning: " + f"{file}: left out 1 row without a text" in done.stderr
    assert "left out 1 text from validation or test" in done.stderr
    assert f"{TRAIN} train texts, 2 unlabelled texts" in done.stderr
    source = read_metrics(store.run("ann", "student").metrics).teacher
    assert source is not None
    assert (source.made_texts, source.unlabelled_texts) == (0, 2)
    file.write_text('{"text": "another"}\n')
    again = train(data, store.folder, *options)
    assert again.returncode == ExitCode.BAD_PARAMETERS
    assert "teacher.unlabelled: " in again.stderr


def test_a_teacher_that_is_not_there(store: Store, data: Path) -> None:
    done = train(data, store.folder, "--teacher", "lstm/absent")
    assert done.returncode == ExitCode.INPUT_MISSING
    assert "no run 'lstm/absent'" in done.stderr


def test_a_file_of_texts_that_is_not_there(store: Store, data: Path) -> None:
    done = train(data, store.folder, *TEACHER, "--unlabelled", "absent.csv")
    assert done.returncode == ExitCode.INPUT_MISSING
    assert "absent.csv" in done.stderr


def test_texts_without_a_teacher(store: Store, data: Path) -> None:
    done = train(data, store.folder, "--unlabelled", "more.csv")
    assert done.returncode == ExitCode.BAD_PARAMETERS
    assert "teacher.run: field required" in done.stderr


def test_an_incomplete_teacher(store: Store, data: Path) -> None:
    store.run("lstm", "teacher").metrics.unlink()
    done = train(data, store.folder, *TEACHER)
    assert done.returncode == ExitCode.BAD_PARAMETERS
    assert "the teacher lstm/teacher is incomplete" in done.stderr


@pytest.mark.parametrize("split", ["train", "validation", "test"])
def test_a_teacher_of_other_data(store: Store, data: Path, tmp_path: Path, split: str) -> None:
    other = Path(shutil.copytree(data, tmp_path / "other"))
    with (other / f"{split}.csv").open("a") as file:
        file.write("one more,joy\n")
    done = train(other, store.folder, *TEACHER)
    assert done.returncode == ExitCode.BAD_PARAMETERS
    assert f"was trained on other data: its {split} differ" in done.stderr


def test_a_teacher_of_other_labels(store: Store, data: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    for file in data.glob("*.csv"):
        (other / file.name).write_text(file.read_text().replace(",joy", ",delight"))
    done = train(other, store.folder, *TEACHER)
    assert done.returncode == ExitCode.BAD_PARAMETERS
    assert "has other labels: " in done.stderr


def test_a_changed_teacher(store: Store, data: Path) -> None:
    config = store.run("lstm", "teacher").exported / "config.json"
    config.write_text(config.read_text() + " ")
    done = train(data, store.folder, *TEACHER)
    assert done.returncode == ExitCode.BAD_DATA
    assert "changed since its export" in done.stderr
