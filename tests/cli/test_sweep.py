"""`emotion sweep` as a person runs it here: ordinary runs, points that fail, more points, signals."""

import json
import os
import re
import shlex
import signal
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from emotion.cli import console
from emotion.cli.console import LogFormat
from emotion.cli.progress_reporter import ProgressReporter
from emotion.cli.sweep import _train_points
from emotion.cli.sweep_report import show_sweep
from emotion.comparison.sweep import Result, Scores
from emotion.params.grid import Point
from emotion.signals import NAMES
from tests.builders import Rows, write_dataset

EMOTION = str(Path(sys.executable).with_name("emotion"))
SMALL = ("--set", "model.embedding_dim=8", "--set", "model.hidden=[8]")
# No float32 model is as close to its export as the second value asks.
PARITIES = ("--set", "training.epochs=2", "--set", "export.parity=1e-4,1e-15")


def rows(count: int) -> Rows:
    words = ["happy", "glad", "sunny", "furious", "mad", "raging"]
    return [(f"i feel {words[row % 6]} today", "joy" if row % 6 < 3 else "anger") for row in range(count)]


class Sweeps:
    """A data set and a store; called, it sweeps the ANN to the end."""

    def __init__(self, folder: Path) -> None:
        self.store = folder / "store"
        self.data = write_dataset(folder / "data", train=rows(90), validation=rows(18), test=rows(18))

    def command(self, name: str, *more: str) -> list[str]:
        return [EMOTION, name, "ann", "--data", str(self.data), "--store", str(self.store), *SMALL, *more]

    def __call__(self, *more: str, name: str = "sweep") -> subprocess.CompletedProcess[str]:
        # A shell that trains a named run may go on to sweep.
        own = {**os.environ, "EMOTION_RUN": "mine"} if name == "sweep" else None
        return subprocess.run(self.command(name, *more), check=False, capture_output=True, text=True, env=own)

    @property
    def runs(self) -> set[str]:
        return {path.parent.name for path in (self.store / "runs" / "ann").glob("*/metrics.json")}


@pytest.fixture(scope="module")
def sweeps(tmp_path_factory: pytest.TempPathFactory) -> Sweeps:
    return Sweeps(tmp_path_factory.mktemp("sweeps"))


@pytest.fixture(scope="module")
def first(sweeps: Sweeps) -> subprocess.CompletedProcess[str]:
    """Sweep over two values, of which the second cannot succeed."""
    return sweeps(*PARITIES, "--seeds", "1")


def test_a_point_that_fails_ends_no_other_point_and_decides_the_exit_code(
    sweeps: Sweeps, first: subprocess.CompletedProcess[str]
) -> None:
    assert first.returncode == 70, first.stderr
    assert len(sweeps.runs) == 1
    assert re.search(r"│ 1e-4 +│ 1 of 1 │", first.stdout)
    assert re.search(r"│ 1e-15 +│ 0 of 1 │", first.stdout)
    assert "export.parity=1e-15, training.seed=1 has no scores: exit code 70" in first.stderr
    # The only complete settings are the best.
    assert tomllib.loads(first.stdout[first.stdout.index("[model]") :]) == {
        "training": {"epochs": 2},
        "export": {"parity": 1e-4},
        "model": {"embedding_dim": 8, "hidden": [8]},
    }


@pytest.mark.usefixtures("first")
def test_a_point_is_the_run_that_train_finds(sweeps: Sweeps) -> None:
    (run,) = sweeps.runs
    done = sweeps("--set", "training.epochs=2", "--seed", "1", name="train")
    assert done.returncode == 0, done.stderr
    assert f"ann/{run} is complete: nothing to do" in done.stderr


@pytest.mark.usefixtures("first")
def test_a_sweep_with_more_seeds_trains_only_the_new_points(sweeps: Sweeps) -> None:
    (before,) = sweeps.runs
    done = sweeps("--set", "training.epochs=2,1", "--seeds", "1-2", "--json", "--log-format", "json")
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("nothing to do") == 1
    assert len(sweeps.runs) == 4
    content = json.loads(done.stdout)
    assert len(content["candidates"]) == 2
    assert {run["run"] for one in content["candidates"] for run in one["runs"]} == {f"ann/{run}" for run in sweeps.runs}
    for candidate in content["candidates"]:
        scores = [
            json.loads((sweeps.store / "runs" / run["run"] / "metrics.json").read_text()) for run in candidate["runs"]
        ]
        assert [score["seed"] for score in scores] == [1, 2]
        accuracies = [score["validation"]["accuracy"] for score in scores]
        assert candidate["validation_accuracy"] == pytest.approx(sum(accuracies) / 2)
    assert content["best"]["training"]["epochs"] in (1, 2)
    assert before in sweeps.runs


def lines(process: "subprocess.Popen[str]") -> Iterator[str]:
    assert process.stderr is not None
    yield from process.stderr


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_stops_the_point_at_work_with_a_checkpoint(tmp_path: Path, number: int, code: int) -> None:
    sweeps = Sweeps(tmp_path)
    command = sweeps.command("sweep", "--set", "training.epochs=9999", "--seeds", "1-2")
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        said = lines(process)
        assert any(re.match("epoch +2/", line) for line in said)
        process.send_signal(number)
        rest = "".join(said)
    assert process.returncode == code
    *_, fact, stopped, hint = rest.splitlines()
    name = NAMES[signal.Signals(number)]
    assert re.match(rf"stopped by {name} at step ([\d,]+) of [\d,]+; the checkpoint has all \1 steps$", fact)
    assert (stopped, hint) == (f"the sweep was stopped by {name}", f"  resume: {shlex.join(['emotion', *command[1:]])}")
    assert "[2/2]" not in rest
    (run,) = (sweeps.store / "runs" / "ann").iterdir()
    assert json.loads((run / "progress.json").read_text())["state"] == "stopped"
    assert list((run / "checkpoints").iterdir())


# Ends the moment between the start of a training and the first wait for it with a signal, and names the training.
STARTS = """
import os, signal, subprocess, sys
class Signalled(subprocess.Popen):
    def __init__(self, *arguments, **options):
        super().__init__(*arguments, **options)
        print("training", self.pid, file=sys.stderr, flush=True)
        os.kill(os.getpid(), signal.SIGTERM)
subprocess.Popen = Signalled
from emotion.cli.main import main
main()
"""


def test_a_signal_that_arrives_while_a_point_starts_leaves_no_training_behind(tmp_path: Path) -> None:
    sweeps = Sweeps(tmp_path)
    command = [sys.executable, "-c", STARTS, *sweeps.command("sweep", "--set", "training.epochs=9999")[1:]]
    log = tmp_path / "log"
    # A pipe would be open until the end of a training that is left behind.
    with log.open("w") as file:
        done = subprocess.run(command, check=False, stderr=file, stdout=subprocess.DEVNULL)
    said = re.search(r"training (\d+)", log.read_text())
    assert done.returncode == 143
    assert said is not None
    with pytest.raises(ProcessLookupError):
        os.kill(int(said[1]), signal.SIGKILL)


def test_a_point_that_does_not_fit_the_data_ends_no_other_point(sweeps: Sweeps) -> None:
    done = sweeps("--set", "training.epochs=2", "--set", "training.class_weights={absent=2.0},none", "--json")
    assert done.returncode == 78
    wrong, right = sorted(json.loads(done.stdout)["candidates"], key=lambda one: one["validation_accuracy"] or 0)
    assert wrong["runs"][0]["problem"] == "exit code 78 (bad parameters)"
    assert right["runs"][0]["problem"] is None


def test_the_parameter_file_of_the_shell_is_checked_and_trained(sweeps: Sweeps, tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text("[training]\nepochs = 0\n")
    done = subprocess.run(
        sweeps.command("sweep", "--dry-run"),
        check=False,
        capture_output=True,
        text=True,
        env={**os.environ, "EMOTION_PARAMS": str(file)},
    )
    assert done.returncode == 78
    assert f"{file}: [training] epochs" in done.stderr


def test_a_mistake_in_any_point_is_reported_before_the_first_training(sweeps: Sweeps) -> None:
    done = sweeps("--set", "training.learning_rate=1e-3,fast")
    assert done.returncode == 78
    assert "learning_rate" in done.stderr
    assert "[1/2]" not in done.stderr


def test_the_points_after_a_mistake_that_all_share_are_not_trained(sweeps: Sweeps, tmp_path: Path) -> None:
    done = sweeps("--set", "training.epochs=1,2", "--data", str(tmp_path / "absent"))
    assert done.returncode == 66
    assert "[2/2]" not in done.stderr
    assert "the sweep stops at this error; not trained: 1 point" in done.stderr
    assert "training.epochs=2 has no scores: not trained" in done.stderr


def test_a_dry_run_prints_the_points(sweeps: Sweeps) -> None:
    done = sweeps("--set", "training.epochs=1,2", "--seeds", "1-2", "--dry-run")
    common = "model.embedding_dim=8, model.hidden=[8]"
    assert done.stdout.splitlines() == [
        f"{common}, training.epochs={epochs}, training.seed={seed}" for seed in (1, 2) for epochs in (1, 2)
    ]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["sweep", "gpt", "--data", "x"], "gpt is not a model"),
        (["sweep", "ann"], "no data is named"),
        (["sweep", "ann", "--cluster", "--params", "mine.toml"], "--params is a file on this machine"),
        (["train", "ann", "--data", "x", "--point", "3"], "--point needs --points"),
    ],
)
def test_a_wrong_command_line_is_a_usage_error(arguments: list[str], message: str) -> None:
    own = {name: value for name, value in os.environ.items() if not name.startswith("EMOTION_")}
    done = subprocess.run([EMOTION, *arguments], check=False, capture_output=True, text=True, env=own)
    assert done.returncode == 2
    assert message in done.stderr


def test_of_several_parameters_the_first_column_names_all(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(console.out, "width", 50)
    settings = [(f"training.epochs={epochs}", f"model.units={units}") for epochs in (3, 4) for units in (64, 128)]
    show_sweep("lstm", [Result(Point(pair), "lstm/x", Scores(0.9, 0.5, 90.0)) for pair in settings])
    printed = capsys.readouterr().out
    for pair in settings:
        # The table is split, and every part names its rows.
        assert printed.count(f"│ {', '.join(pair)} ") > 1


def test_an_error_that_all_points_share_ends_the_sweep_after_one_that_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    codes = iter([70, 73])

    def train(_: str, point: Point, __: list[str]) -> tuple[Result, int]:
        code = next(codes)
        return Result(point, "", problem=f"exit code {code}"), code

    monkeypatch.setattr("emotion.cli.sweep._train_point", train)
    points = [Point((f"training.epochs={epochs}",)) for epochs in (1, 2, 3, 4)]
    results, code = _train_points("ann", points, [], ProgressReporter(LogFormat.TEXT))
    assert code == 70
    assert [result.problem for result in results] == ["exit code 70", "exit code 73", "not trained", "not trained"]


def test_the_table_has_a_column_for_what_differs_and_the_toml_is_for_the_parameter_file(
    capsys: pytest.CaptureFixture[str],
) -> None:
    fixed = 'data.text_column="a, b"'
    results = [
        Result(
            Point((fixed, f"training.learning_rate={rate}"), seed), "lstm/x", Scores(accuracy + seed / 100, 0.5, 90.0)
        )
        for rate, accuracy in (("1e-3", 0.8), ("2e-3", 0.9))
        for seed in (1, 2)
    ]
    show_sweep("lstm", results)
    printed = capsys.readouterr()
    table, _, toml = printed.out.partition("\n[data]")
    assert "text_column" not in table
    first, second = (line for line in table.splitlines() if "e-3" in line)
    assert [cell.strip() for cell in first.split("│")[1:-1]] == ["2e-3", "2 of 2", "0.9150", "0.0071", "0.5000", "90 s"]
    assert "0.8150" in second
    assert tomllib.loads("[data]" + toml) == {
        "data": {"text_column": "a, b"},
        "training": {"learning_rate": 2e-3},
    }
    assert "jobs/lstm/params.toml" in printed.err
