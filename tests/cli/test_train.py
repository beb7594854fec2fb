"""`emotion train` as a person runs it: what is written, what is printed where, and what is done again."""

import csv
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from emotion.cli.app import app
from emotion.cli.console import LogFormat
from emotion.cli.progress_reporter import ProgressReporter
from emotion.cli.train import _report
from emotion.data.dataset import Split
from emotion.errors import InputMissingError
from emotion.params.schema import TransformerParams, WordParams
from emotion.runs.plan import TrainingJob
from emotion.store.layout import Store
from emotion.training.divergence import MOST_SKIPPED
from tests.builders import ODD_DIALECT, Rows, make_metrics, write_dataset, write_odd_dataset, write_rows
from tests.events import read_scalars
from tests.pretrained import write_pretrained

EMOTION = str(Path(sys.executable).with_name("emotion"))
WORDS = {"Freude": "happy glad sunny", "größte Wut": "furious mad raging", "страх": "scared afraid panicked"}
SMALL = ("--set", "model.embedding_dim=8", "--set", "model.hidden=[8]", "--set", "training.epochs=3")
FIGURES = ("architecture", "calibration", "confusion", "precision_recall", "training")
LAYOUT = {
    "architecture.json",
    "history.csv",
    "metrics.json",
    "model/README.md",
    "model/SHA256SUMS",
    "model/config.json",
    "model/model.onnx",
    "model/tokenizer.json",
    "params.json",
    "predictions/mistakes.json",
    "predictions/test.npz",
    "predictions/validation.npz",
    "progress.json",
    "report.txt",
    "weights/model.weights.h5",
    *(f"figures/{name}.{kind}" for name in FIGURES for kind in ("png", "svg")),
}
KEYS = {
    "": {"model", "run", "training_seconds", "epochs", "peak_memory_bytes", "samples_per_second"}
    | {"max_length", "precision", "weights", "micro_batch", "resumes", "temperature"},
    "parameters": {"total", "trainable"},
    "train": {"accuracy", "loss"},
    "validation": {"accuracy", "loss", "macro_f1"},
    "test": {"accuracy", "loss", "macro_f1", "accuracy_ci95", "ece", "ece_scaled", "per_class"},
    "onnx": {"bytes", "max_abs_logit_diff", "label_agreement", "int8", "float16", "digests"},
}


@dataclass
class Trained:
    """A finished command, how it was called, and the folder of its run."""

    arguments: list[str]
    done: subprocess.CompletedProcess[str]
    store: Path

    @property
    def folder(self) -> Path:
        (folder,) = (self.store / "runs").glob("*/*")
        return folder

    def read(self, name: str) -> dict[str, Any]:
        content: dict[str, Any] = json.loads((self.folder / name).read_text())
        return content


def rows(count: int) -> Rows:
    words = [(word, label) for label, known in WORDS.items() for word in known.split()]
    return [(f"i feel {words[index % 9][0]} today", words[index % 9][1]) for index in range(count)]


def train(*arguments: object, **variables: object) -> subprocess.CompletedProcess[str]:
    """Run the command to its end, with more variables in the environment."""
    command = [EMOTION, "train", *map(str, arguments)]
    environment = {**os.environ, **{name: str(value) for name, value in variables.items()}}
    return subprocess.run(command, check=False, capture_output=True, text=True, timeout=300, env=environment)


@pytest.fixture(scope="module")
def ann(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """Train the ANN on three CSV files; JSON on both streams."""
    folder = tmp_path_factory.mktemp("ann")
    data = write_dataset(folder / "data", train=rows(90), validation=rows(18), test=rows(27))
    arguments = ["ann", "--data", str(data), "--store", str(folder / "store"), *SMALL, "--json", "--log-format", "json"]
    arguments += ["--deterministic", "--max-memory", "64G", "--checkpoint-every", "2 steps"]
    return Trained(arguments, train(*arguments), folder / "store")


@pytest.fixture(scope="module")
def lstm(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """Train the LSTM on one packed TSV file of two labels, with words that occur once and long texts."""
    folder = tmp_path_factory.mktemp("lstm")
    lines = [(f"once{number} so very {'good' if number % 2 else 'bad'}", str(number % 2)) for number in range(60)]
    data = write_rows(folder / "reviews.tsv.gz", lines)
    arguments = ["lstm", "--data", str(data), "--store", str(folder / "store"), "--seed", "42", *SMALL]
    arguments += ["--set", "text.max_length=3", "--set", "model.units=4"]
    return Trained(arguments, train(*arguments), folder / "store")


@pytest.fixture(params=["ann", "lstm"])
def trained(request: pytest.FixtureRequest) -> Trained:
    found: Trained = request.getfixturevalue(request.param)
    assert found.done.returncode == 0, found.done.stderr
    return found


def test_the_files_are_those_of_the_store(trained: Trained) -> None:
    files = {str(path.relative_to(trained.folder)) for path in trained.folder.rglob("*") if path.is_file()}
    assert files >= LAYOUT
    assert [path for path in trained.store.rglob(".*") if path.is_file()] == []


def test_metrics_have_every_key_of_the_contract(trained: Trained) -> None:
    metrics = trained.read("metrics.json")
    for part, keys in KEYS.items():
        assert keys <= set(metrics[part] if part else metrics)
    assert metrics["onnx"]["max_abs_logit_diff"] <= 1e-4
    assert metrics["onnx"]["label_agreement"] == 1.0
    assert metrics["onnx"]["bytes"] == (trained.folder / "model" / "model.onnx").stat().st_size
    assert metrics["run"] == trained.folder.name
    assert metrics["model"] == trained.folder.parent.name
    assert metrics["peak_memory_bytes"] > 50e6


def test_the_time_of_training_is_that_of_fitting_alone(trained: Trained) -> None:
    metrics = trained.read("metrics.json")
    with (trained.folder / "history.csv").open() as file:
        last = list(csv.DictReader(file))[-1]
    assert metrics["training_seconds"] == pytest.approx(float(last["seconds"]), abs=0.5)
    assert set(metrics["seconds"]) == {"load", "export", "evaluation"}
    assert all(seconds > 0 for seconds in metrics["seconds"].values())


def test_history_and_progress(trained: Trained) -> None:
    with (trained.folder / "history.csv").open() as file:
        history = list(csv.DictReader(file))
    assert [row["epoch"] for row in history] == ["1", "2", "3"]
    progress = trained.read("progress.json")
    assert (progress["state"], progress["last_epoch"]["epoch"], progress["epochs"]) == ("complete", 3, 3)
    assert progress["epoch"] == 3
    assert progress["step"] == progress["steps"] == progress["checkpoint_step"] > 0
    assert (progress["resumes"], progress["lost_steps"], progress["seconds_left"]) == (0, 0, 0)
    best = trained.read("metrics.json")["best_epoch"]
    scores = [(float(row["validation_accuracy"]), -float(row["validation_loss"])) for row in history]
    assert scores[best - 1] == max(scores)


def test_tensorboard_finds_the_epochs_of_the_history_and_every_step(trained: Trained) -> None:
    found = read_scalars(trained.folder / "tensorboard")
    with (trained.folder / "history.csv").open() as file:
        history = list(csv.DictReader(file))
    for name in ("loss", "accuracy", "validation_loss", "validation_accuracy"):
        values = {step: value for tag, step, value in found if tag == f"epoch/{name}"}
        assert values == pytest.approx({int(row["epoch"]): float(row[name]) for row in history}, rel=1e-6)
    steps = range(1, trained.read("progress.json")["steps"] + 1)
    for name in ("loss", "accuracy", "learning_rate", "rows_per_second"):
        assert [step for tag, step, _ in found if tag == f"step/{name}"] == list(steps)


@pytest.mark.parametrize("split", ["validation", "test"])
def test_predictions_reproduce_the_accuracy(trained: Trained, split: str) -> None:
    with np.load(trained.folder / "predictions" / f"{split}.npz", allow_pickle=False) as file:
        logits, labels, digests = file["logits"], file["label"], file["row"]
    metrics = trained.read("metrics.json")
    assert (logits.argmax(axis=1) == labels).mean() == pytest.approx(metrics[split]["accuracy"])
    assert len(digests) == len(labels) == metrics[split]["rows"]


def test_params_tell_how_the_run_was_made(trained: Trained) -> None:
    params = trained.read("params.json")
    assert params["params"]["model"]["hidden"] == [8]
    assert params["params"]["model"]["embedding_dim"] == 8
    assert {"emotion", "python", "keras", "onnxruntime"} <= set(params["versions"])
    assert {"tensorflow", "tensorflow-cpu"} & set(params["versions"])
    assert {"revision", "image", "hardware"} <= set(params)
    assert params["data"]["digests"] == trained.read("metrics.json")["data"]["digests"]
    architecture = trained.read("architecture.json")
    assert architecture["parameters"] == trained.read("metrics.json")["parameters"]
    assert architecture["layers"][-1]["output_shape"][-1] == len(trained.read("model/config.json")["id2label"])


def test_the_name_tells_seed_and_digest(ann: Trained, lstm: Trained) -> None:
    assert re.fullmatch(r"s1-[0-9a-f]{8}", ann.folder.name)
    assert re.fullmatch(r"s42-[0-9a-f]{8}", lstm.folder.name)
    assert lstm.read("params.json")["digest"].startswith(lstm.folder.name[4:])


def test_json_on_stdout_is_the_metrics_and_stderr_has_a_json_line_an_epoch(ann: Trained) -> None:
    assert json.loads(ann.done.stdout) == ann.read("metrics.json")
    events = [json.loads(line) for line in ann.done.stderr.splitlines()]
    epochs = [event for event in events if event["event"] == "epoch"]
    assert [event["epoch"] for event in epochs] == [1, 2, 3]
    assert [event["step"] for event in events if event["event"] == "checkpoint"] == [2, 3]


def test_doubts_about_the_data_are_warned_of_before_training_starts(ann: Trained) -> None:
    events = [json.loads(line) for line in ann.done.stderr.splitlines()]
    names = [event["event"] for event in events]
    assert names.index("start") < names.index("warning") < names.index("epoch")
    assert [event["message"] for event in events if event["event"] == "warning"] == [
        "texts of validation in train: 18 of 18 (100.00%), 0 of them with another label",
        "texts of test in train: 27 of 27 (100.00%), 0 of them with another label",
        "texts of test in validation: 27 of 27 (100.00%), 0 of them with another label",
    ]


def test_a_person_gets_a_table_on_stdout_and_progress_on_stderr(lstm: Trained) -> None:
    assert "test" in lstm.done.stdout
    assert "epoch" not in lstm.done.stdout.replace("best epoch", "")
    assert len(re.findall(r"^epoch \d/3 .* loss ", lstm.done.stderr, re.MULTILINE)) == 3
    assert str(lstm.folder) in lstm.done.stdout
    assert "exporting to ONNX" in lstm.done.stderr
    assert "evaluating the exported model on 60 rows" in lstm.done.stderr
    assert "\x1b" not in lstm.done.stdout + lstm.done.stderr


@pytest.mark.parametrize("kept", [True, False])
def test_a_person_is_told_of_float16(tmp_path: Path, capsys: pytest.CaptureFixture[str], *, kept: bool) -> None:
    figures = {"bytes": 45_200_000, "label_agreement": 0.9995, "accuracy_change": -0.001, "device": "gpu"}
    metrics = make_metrics("bert", onnx__float16={**figures, "kept": kept, "reason": "" if kept else "a reaches 7e+04"})
    _report(metrics, tmp_path, ProgressReporter(LogFormat.TEXT), as_json=False)
    told = " ".join(capsys.readouterr().out.replace("│", "").split())
    line = "45.2 MB, on the GPU, 99.95% of labels equal, accuracy -0.0010 on validation"
    assert f"ONNX float16 {line if kept else 'not kept: a reaches 7e+04'} " in told


def test_unknown_words_and_cut_rows_are_warned_of(lstm: Trained) -> None:
    assert re.search(r"warning: 2\d\.\d% of validation's tokens are unknown", lstm.done.stderr)
    assert "warning: 100.0% of validation's rows are cut" in lstm.done.stderr


def test_one_file_is_split_and_any_labels_are_good(ann: Trained, lstm: Trained) -> None:
    sizes = [lstm.read("metrics.json")[split]["rows"] for split in ("train", "validation", "test")]
    assert sizes == [48, 6, 6]
    assert lstm.read("metrics.json")["data"]["labels"] == ["0", "1"]
    assert set(ann.read("metrics.json")["test"]["per_class"]) == set(WORDS)
    assert "größte Wut" in (ann.folder / "report.txt").read_text()


def test_the_same_command_again_does_nothing(trained: Trained) -> None:
    def state() -> dict[Path, int]:
        return {path: path.stat().st_mtime_ns for path in trained.folder.rglob("*")}

    before = state()
    again = train(*trained.arguments)
    assert again.returncode == 0
    assert "is complete: nothing to do" in again.stderr
    assert again.stdout == trained.done.stdout
    assert state() == before


def test_options_are_parameters(ann: Trained) -> None:
    params = ann.read("params.json")["params"]
    assert params["training"]["deterministic"] is True
    assert (params["resources"]["max_memory"], params["resources"]["checkpoint_every"]) == ("64G", "2 steps")
    (line,) = [line for line in ann.done.stderr.splitlines() if '"memory"' in line]
    assert "from max_memory: batches of 90 stay whole" in line


@pytest.mark.parametrize(("option", "value"), [("--max-memory", "6GB"), ("--checkpoint-every", "often")])
def test_an_option_that_makes_no_sense_is_told(ann: Trained, option: str, value: str) -> None:
    done = train(*ann.arguments, option, value)
    assert done.returncode == 78
    assert f"--set resources.{option[2:].replace('-', '_')}: " in done.stderr


def test_a_run_without_metrics_is_trained_again(ann: Trained, tmp_path: Path) -> None:
    store = Path(shutil.copytree(ann.store, tmp_path / "store"))
    (metrics,) = store.glob("runs/ann/*/metrics.json")
    metrics.unlink()
    again = train(*ann.arguments, "--store", store)
    assert again.returncode == 0, again.stderr
    assert json.loads(metrics.read_text())["test"] == ann.read("metrics.json")["test"]


def test_a_training_that_diverges_ends_with_70(tmp_path: Path) -> None:
    data = write_dataset(tmp_path / "data", train=rows(90), validation=rows(18), test=rows(27))
    sizes = ("model.embedding_dim=128", "model.hidden=[128, 128]", "training.batch_size=4", "training.average=0")
    changes = [word for change in ("training.learning_rate=1.0", *sizes) for word in ("--set", change)]
    done = train("ann", "--data", data, "--store", tmp_path / "store", *changes)
    assert done.returncode == 70
    assert re.search(r"error: the training diverged: the loss of step \d+ is [\d,]+\n", done.stderr)
    assert "lower [training] learning_rate" in done.stderr
    assert "export" not in done.stderr


def test_a_float16_training_that_diverges_ends_with_70(tmp_path: Path) -> None:
    data = write_dataset(tmp_path / "data", train=rows(90), validation=rows(18), test=rows(27))
    weights = write_pretrained(tmp_path / "weights", "bert", [text for text, _ in rows(90)])
    rates = ("learning_rate=1.0", "warmup=0", "clip_norm=0", "average=0", "schedule=cosine")
    table = [f"training.{change}" for change in ("precision=float16", "batch_size=1", "epochs=10", *rates)]
    changes = [word for change in (f"model.checkpoint={weights}", *table) for word in ("--set", change)]
    done = train("bert", "--data", data, "--store", tmp_path / "store", *changes)
    assert done.returncode == 70, done.stderr
    # Kernels of float16 differ: some overflow only in validation.
    of_loss = re.search(r"error: the training diverged: the loss of step (\d+) is (nan|inf)\n", done.stderr)
    of_logit = re.search(r"error: the training diverged: after step \d+ a logit of validation is", done.stderr)
    assert (of_loss and int(of_loss[1]) > MOST_SKIPPED) or of_logit, done.stderr
    assert "lower [training] learning_rate" in done.stderr
    assert "export" not in done.stderr


def test_a_label_that_test_lacks_is_told_with_macro_f1(tmp_path: Path) -> None:
    data = write_dataset(tmp_path / "data", train=rows(90), validation=rows(18), test=rows(6))
    done = train("ann", "--data", data, "--store", tmp_path / "store", *SMALL)
    assert done.returncode == 0, done.stderr
    assert re.search(r"macro-F1 [\d.]+ over 2 of 3 labels", done.stdout)


def test_files_of_a_dialect_that_the_options_name(tmp_path: Path) -> None:
    """Quotes without an end and commas are text; the first line is a row."""
    splits = {
        name: [(f'"{text}, {name}', label) for text, label in rows(count)]
        for name, count in {"train": 90, "validation": 18, "test": 27}.items()
    }
    data = write_odd_dataset(tmp_path / "data", **splits)
    done = train("ann", "--data", data, *ODD_DIALECT, "--store", tmp_path / "store", *SMALL, "--json")
    assert done.returncode == 0, done.stderr
    metrics = json.loads(done.stdout)
    assert {name: metrics[name]["rows"] for name in splits} == {"train": 90, "validation": 18, "test": 27}
    assert set(metrics["data"]["labels"]) == set(WORDS)
    assert metrics["data"]["digests"] == {
        name: Split([text for text, _ in found], [label for _, label in found]).digest for name, found in splits.items()
    }


def test_the_name_of_a_run_that_was_made_otherwise(ann: Trained, tmp_path: Path) -> None:
    named = [*ann.arguments, "--run", ann.folder.name]
    other = train(*named, "--set", "training.epochs=5", "--seed", "3")
    assert other.returncode == 78
    assert "params.training.epochs: 3 there, 5 here" in other.stderr
    assert "params.training.seed: 1 there, 3 here" in other.stderr
    data = write_dataset(tmp_path / "data", train=rows(90), validation=rows(18), test=rows(9))
    other = train(*named, "--data", data)
    assert other.returncode == 78
    assert "data.digests.test" in other.stderr
    assert "training.epochs" not in other.stderr


@dataclass
class Planned:
    """What the command would train."""

    params: WordParams | TransformerParams
    data: Path
    run: str | None


@pytest.fixture
def plan(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Planned]:
    """Give the command without its training: what it has read from options and variables."""

    def call(*arguments: object, **variables: object) -> Planned:
        found: list[Planned] = []

        def plan_job(params: WordParams | TransformerParams, data: Path, _: Store, run: str | None) -> TrainingJob:
            found.append(Planned(params, data, run))
            raise InputMissingError("planned")

        monkeypatch.setattr("emotion.runs.plan.plan_job", plan_job)
        environment = {name: str(value) for name, value in variables.items()}
        done = CliRunner().invoke(app, ["train", *map(str, arguments)], env=environment)
        assert isinstance(done.exception, InputMissingError), done.stderr
        return found[0]

    return call


@pytest.fixture
def lstm_file(tmp_path: Path) -> Path:
    """Give a parameter file that says which model it is for."""
    file = tmp_path / "params.toml"
    file.write_text('[model]\nname = "lstm"\n[training]\nepochs = 7\n')
    return file


def test_options_are_read_from_the_environment_as_in_a_pod(tmp_path: Path) -> None:
    data = write_dataset(tmp_path / "data", train=rows(90), validation=rows(18), test=rows(27))
    params = tmp_path / "params.toml"
    params.write_text('[model]\nname = "ann"\nembedding_dim = 8\nhidden = [8]\n[training]\nepochs = 1\n')
    done = train(
        EMOTION_PARAMS=params,
        EMOTION_DATA=data,
        EMOTION_RUN="mine",
        EMOTION_DEVICE="cpu",
        EMOTION_LOG_FORMAT="json",
        EMOTION_STORE=tmp_path / "store",
    )
    assert done.returncode == 0, done.stderr
    run = tmp_path / "store" / "runs" / "ann" / "mine"
    params_used = json.loads((run / "params.json").read_text())["params"]
    assert (params_used["training"]["epochs"], params_used["resources"]["device"]) == (1, "cpu")
    assert json.loads((run / "metrics.json").read_text())["data"]["name"] == "data"
    assert all(json.loads(line)["event"] for line in done.stderr.splitlines())


def test_the_command_line_wins_over_the_environment(plan: Callable[..., Planned], lstm_file: Path) -> None:
    other = lstm_file.with_name("other.toml")
    other.write_text('[model]\nname = "ann"\n')
    variables = {
        "EMOTION_PARAMS": other,
        "EMOTION_DATA": "there",
        "EMOTION_RUN": "theirs",
        "EMOTION_DEVICE": "gpu",
    }
    assert plan(**variables).params.model.name == "ann"
    mine = plan("--params", lstm_file, "--data", "here", "--run", "mine", "--device", "cpu", **variables)
    assert (mine.params.model.name, mine.params.training.epochs) == ("lstm", 7)
    assert (mine.data, mine.run, mine.params.resources.device) == (Path("here"), "mine", "cpu")


def test_the_log_format_of_the_command_line_wins_over_the_environment(ann: Trained) -> None:
    assert json.loads(train(*ann.arguments).stderr)["event"] == "complete"
    done = train(*ann.arguments, "--log-format", "text", EMOTION_LOG_FORMAT="json")
    assert re.match(r"ann/\S+ is complete", done.stderr)


@pytest.mark.parametrize(
    ("arguments", "variables", "device"),
    [
        ((), {}, "auto"),
        (("--device", "gpu"), {}, "gpu"),
        ((), {"EMOTION_DEVICE": "gpu"}, "gpu"),
        (("--device", "gpu", "--set", "resources.device=cpu"), {}, "cpu"),
        (("--set", "resources.device=cpu", "--device", "gpu"), {}, "cpu"),
        (("--set", "resources.device=cpu"), {"EMOTION_DEVICE": "gpu"}, "cpu"),
    ],
)
def test_set_wins_over_the_device(
    plan: Callable[..., Planned], arguments: tuple[str, ...], variables: dict[str, str], device: str
) -> None:
    assert plan("ann", "--data", "here", *arguments, **variables).params.resources.device == device


def test_the_parameter_file_says_which_model(plan: Callable[..., Planned], lstm_file: Path) -> None:
    for arguments in ((), ("lstm",)):
        planned = plan(*arguments, "--params", lstm_file, "--data", "here")
        assert (planned.params.model.name, planned.params.training.epochs) == ("lstm", 7)


@pytest.mark.parametrize(
    ("arguments", "content", "code", "message"),
    [
        ((), None, 2, "no model is named"),
        (("--params", "params.toml"), "[training]\nepochs = 2\n", 2, "params.toml names no model"),
        (("--params", "params.toml"), "[model\n", 78, "params.toml is not TOML"),
        (("--params", "nowhere.toml"), None, 66, "no such parameter file: nowhere.toml"),
        (("lstm", "--params", "params.toml"), '[model]\nname = "ann"\n', 78, "is 'ann', but the job is 'lstm'"),
        (("gpt",), None, 2, "unknown model 'gpt'"),
    ],
)
def test_a_model_that_is_not_clear_is_a_message(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: tuple[str, ...],
    content: str | None,
    code: int,
    message: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    if content is not None:
        (tmp_path / "params.toml").write_text(content)
    done = train(*arguments, "--data", "data")
    assert (done.returncode, done.stdout) == (code, "")
    assert message in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("arguments", "variables", "message"),
    [
        (("ann",), {}, "Missing option '--data' (env var: 'EMOTION_DATA')"),
        (("ann", "--data", "data"), {"EMOTION_DEVICE": "tpu"}, "'--device' (env var: 'EMOTION_DEVICE')"),
        (("ann", "--data", "data"), {"EMOTION_LOG_FORMAT": "xml"}, "'--log-format' (env var: 'EMOTION_LOG_FORMAT')"),
        (("ann", "--data", "data", "--device", "tpu"), {"EMOTION_DEVICE": "cpu"}, "'tpu' is not one of"),
    ],
)
def test_an_option_that_is_missing_or_wrong_is_a_mistake_of_usage(
    arguments: tuple[str, ...], variables: dict[str, str], message: str
) -> None:
    done = train(*arguments, **variables)
    assert done.returncode == 2
    assert message in " ".join(done.stderr.replace("│", " ").split())
