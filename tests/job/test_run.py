"""Running a job: each transformer from a tiny checkpoint to metrics.json, written last and for a good model only."""

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from numpy.typing import NDArray
from onnx import numpy_helper

from emotion.data.sample import generate
from emotion.errors import BadDataError, BadParametersError, CheckFailedError
from emotion.evaluation.record import Metrics, read_metrics
from emotion.files import sha256
from emotion.job.plan import Job, plan_job
from emotion.job.run import run_job
from emotion.models.backend import prepare
from emotion.models.checkpoint import load_weights
from emotion.models.config_json import encoder_config, read_config
from emotion.models.registry import MODELS, params_file
from emotion.onnx.session import Classifier
from emotion.params_toml import load_params
from emotion.store import Store
from emotion.training.progress import Epoch
from emotion.weights.known import CHECKPOINTS
from tests.builders import write_dataset
from tests.checkpoints import change_json, write_checkpoint

EMOTION = str(Path(sys.executable).with_name("emotion"))
# The families of the registry's checkpoints, and what is computed in here.
TRANSFORMERS = {"bert": "bert", "distilbert": "distilbert", "albert": "albert", "mobilebert": "mobilebert"} | {
    "minilm": "bert"
}
PRECISIONS = {"bert": "auto", "distilbert": "float32", "albert": "bfloat16", "mobilebert": "float32"} | {
    "minilm": "float16"
}
ROWS = [(f"i feel {word} again", label) for word, label in (("happy", "joy"), ("mad", "anger")) for _ in range(12)]
LENGTH = 20


@dataclass
class Heard:
    """A listener that remembers, and may stop at an epoch."""

    stop: int = 0
    notes: list[tuple[str, str]] = field(default_factory=list)
    start: tuple[int, int] = (0, 0)
    rows: int = 0
    epochs: list[Epoch] = field(default_factory=list)

    def note(self, event: str, message: str) -> None:
        self.notes.append((event, message))

    def on_start(self, epochs: int, rows: int) -> None:
        self.start = epochs, rows

    def on_rows(self, rows: int) -> None:
        self.rows += rows

    def on_epoch(self, epoch: Epoch) -> None:
        self.epochs.append(epoch)
        if epoch.epoch == self.stop:
            raise KeyboardInterrupt

    def told(self, event: str) -> str:
        return "\n".join(message for each, message in self.notes if each == event)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return write_dataset(tmp_path / "data", train=ROWS, validation=ROWS[::3], test=ROWS[::4])


def plan(store: Path, data: Path, *changes: str) -> Job:
    small = ["training.epochs=2", "model.embedding_dim=4", "model.hidden=[4]"]
    return plan_job(load_params("ann", params_file("ann"), [*small, *changes]), data, Store(store), None)


def left_behind(store: Path) -> list[Path]:
    return [path for path in store.rglob(".*") if path.is_file()]


class TestWords:
    def test_what_is_stopped_is_incomplete_and_can_be_trained_again(self, tmp_path: Path, data: Path) -> None:
        job = plan(tmp_path, data)
        with pytest.raises(KeyboardInterrupt):
            run_job(job, Heard(stop=1))
        assert not job.run.complete
        assert len(job.run.history.read_text().splitlines()) == 2
        progress = json.loads(job.run.progress.read_text())
        assert (progress["state"], progress["epoch"], progress["epochs"]) == ("training", 1, 2)
        heard = Heard()
        metrics = run_job(plan(tmp_path, data), heard)
        assert job.complete() == metrics
        assert len(job.run.history.read_text().splitlines()) == 3
        assert (heard.start, heard.rows, len(heard.epochs)) == ((2, 24), 48, 2)
        assert left_behind(tmp_path) == []

    def test_metrics_tell_the_length_and_no_weights(self, tmp_path: Path, data: Path) -> None:
        metrics = run_job(plan(tmp_path, data, "text.max_length=9"), Heard())
        assert (metrics.max_length, metrics.precision) == (9, "float32")
        assert metrics.weights is None
        assert metrics.onnx.int8 is None

    def test_an_export_that_differs_fails_and_leaves_no_metrics(
        self, tmp_path: Path, data: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        from emotion.onnx.export import to_onnx

        def perturbed(model: Any, opset: int) -> bytes:
            graph = onnx.load_from_string(to_onnx(model, opset))
            for weight in graph.graph.initializer:
                values = numpy_helper.to_array(weight)
                if values.dtype == "float32" and values.size > 1:
                    weight.CopyFrom(numpy_helper.from_array(values + 0.01, weight.name))
            return bytes(graph.SerializeToString())

        monkeypatch.setattr("emotion.job.words.to_onnx", perturbed)
        job = plan(tmp_path, data)
        with pytest.raises(CheckFailedError, match="differs from the trained one") as caught:
            run_job(job, Heard())
        assert caught.value.exit_code == 70
        assert not job.run.metrics.exists()
        assert json.loads(job.run.progress.read_text())["state"] != "complete"
        assert left_behind(tmp_path) == []


@dataclass
class Place:
    """A part of the sample corpus, and the store that all transformers are trained into."""

    folder: Path
    texts: list[str]

    @property
    def data(self) -> Path:
        return self.folder / "data"

    @property
    def store(self) -> Store:
        return Store(self.folder / "store")

    def checkpoint(self, name: str, family: str, **changes: Any) -> Path:
        return write_checkpoint(self.folder / name, family, self.texts, **changes)

    def changes(self, checkpoint: Path, *changes: str) -> list[str]:
        few = ["training.epochs=1", f"text.max_length={LENGTH}", f"model.checkpoint={checkpoint}"]
        return [*few, *changes]

    def plan(self, model: str, checkpoint: Path, *changes: str) -> Job:
        params = load_params(model, params_file(model), self.changes(checkpoint, *changes))
        return plan_job(params, self.data, self.store, None)


@dataclass
class Trained:
    """A transformer that was trained, from which checkpoint, and what was told."""

    checkpoint: Path
    job: Job
    metrics: Metrics
    heard: Heard

    @property
    def texts(self) -> list[str]:
        return list(self.job.data.splits["validation"].texts)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    folder = tmp_path_factory.mktemp("transformers")
    sizes = {"train": 192, "validation": 64, "test": 48}
    train, validation, test = (rows[: sizes[name]] for name, rows in generate().items())
    write_dataset(folder / "data", train=train, validation=validation, test=test)
    return Place(folder, [text for text, _ in train])


@pytest.fixture(scope="module")
def runs(place: Place) -> dict[str, Trained]:
    """Train each transformer of the registry for an epoch."""
    found = {}
    for model, family in TRANSFORMERS.items():
        checkpoint, heard = place.checkpoint(model, family), Heard()
        job = place.plan(model, checkpoint, f"training.precision={PRECISIONS[model]}")
        found[model] = Trained(checkpoint, job, run_job(job, heard), heard)
    return found


@pytest.fixture(params=TRANSFORMERS)
def trained(request: pytest.FixtureRequest, runs: dict[str, Trained]) -> Trained:
    return runs[request.param]


def logits(folder: Path, texts: list[str]) -> NDArray[np.float32]:
    """Run model.onnx with the tokenizer that transformers opens beside it."""
    from transformers import AutoTokenizer

    session = onnxruntime.InferenceSession(str(folder / "model.onnx"), providers=["CPUExecutionProvider"])
    encoded = AutoTokenizer.from_pretrained(folder)(texts, truncation=True, padding=True, return_tensors="np")
    found: NDArray[np.float32] = session.run(
        ["logits"], {each.name: encoded[each.name].astype(np.int64) for each in session.get_inputs()}
    )[0]
    return found


def test_these_are_all_transformers_of_the_registry() -> None:
    assert {name for name, info in MODELS.items() if info.checkpoint} == set(TRANSFORMERS)


class TestTransformers:
    def test_the_run_is_complete(self, trained: Trained) -> None:
        folder = trained.job.run.folder
        assert trained.job.complete() == trained.metrics
        files = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
        tokenizer = {"tokenizer.json", "tokenizer_config.json"}
        assert files >= {f"weights/{name}" for name in {"config.json", "model.safetensors", *tokenizer}}
        assert files >= {f"model/{name}" for name in {"config.json", "model.onnx", *tokenizer}}
        assert files >= {"architecture.json", "history.csv", "report.txt", "params.json", "predictions/test.npz"}
        assert left_behind(folder) == []
        assert json.loads(trained.job.run.progress.read_text())["state"] == "complete"

    def test_parity_holds(self, trained: Trained) -> None:
        assert trained.metrics.onnx.max_abs_logit_diff <= trained.job.params.export.parity
        assert trained.metrics.onnx.label_agreement >= 0.98

    def test_metrics_tell_the_weights_and_what_was_computed_in(self, trained: Trained) -> None:
        metrics, checkpoint = trained.metrics, trained.checkpoint
        assert metrics.weights is not None
        assert (metrics.weights.checkpoint, metrics.weights.source) == (str(checkpoint), "folder")
        assert (metrics.weights.revision, metrics.weights.verified) == ("", False)
        assert metrics.weights.sha256 == {
            name: sha256(checkpoint / name)
            for name in ("config.json", "tokenizer.json", "tokenizer_config.json", "model.safetensors")
        }
        asked = PRECISIONS[metrics.model]
        assert metrics.precision in ({"float32", "bfloat16"} if asked == "auto" else {asked})
        assert metrics.max_length == LENGTH
        assert metrics.parameters.total == metrics.parameters.trainable > 1000

    def test_metrics_tell_of_int8_and_the_file_is_there_where_it_was_kept(self, trained: Trained) -> None:
        int8 = trained.metrics.onnx.int8
        assert int8 is not None
        assert int8.kept == (trained.job.run.exported / "model.int8.onnx").exists() == (not int8.reason)
        assert int8.bytes > 0
        assert 0 < int8.label_agreement <= 1
        assert ("int8: kept" if int8.kept else "no int8: ") in trained.heard.told("export")
        if int8.kept:
            small = Classifier.load(trained.job.run.exported, 1, precision="int8")
            assert small.logits(trained.texts).shape == (64, 6)

    def test_a_person_is_told_what_is_trained_from_what(self, trained: Trained) -> None:
        told = trained.heard.told("model")
        assert "tensors loaded; newly initialised: classifier.weight, classifier.bias" in told
        assert f"texts are cut to {LENGTH} tokens (as the parameters say; the model has positions for 64)" in told
        assert f"{trained.metrics.precision} (" in told
        assert "XLA off (on a CPU" in told
        assert trained.heard.rows == 192

    def test_transformers_tokenizer_gives_the_classifier_s_labels(self, trained: Trained) -> None:
        classifier = Classifier.load(trained.job.run.exported, 1)
        assert classifier.labels == trained.job.data.labels
        ours, theirs = classifier.logits(trained.texts), logits(trained.job.run.exported, trained.texts)
        np.testing.assert_allclose(theirs, ours, atol=1e-4)
        assert len(np.unique(ours.round(4), axis=0)) > 50

    def test_the_weights_are_those_of_the_exported_model(self, trained: Trained) -> None:
        from transformers import AutoTokenizer

        from emotion.models.transformer import build_transformer

        prepare(1, 0)
        folder = trained.job.run.weights
        content = read_config(folder)
        assert list(content["id2label"].values()) == trained.job.data.labels
        model = build_transformer(encoder_config(content), 6, "again")
        loaded = load_weights(model, encoder_config(content), folder, same_labels=True)
        assert (loaded.new, loaded.unused) == ([], [])
        encoded = AutoTokenizer.from_pretrained(folder)(
            trained.texts, truncation=True, padding=True, return_tensors="np"
        )
        found = np.asarray(model({each.name: encoded[each.name].astype(np.int32) for each in model.inputs}))
        expected = Classifier.load(trained.job.run.exported, 1).logits(trained.texts)
        np.testing.assert_allclose(found, expected, atol=trained.job.params.export.parity)

    def test_the_table_shows_them(self, runs: dict[str, Trained], place: Place) -> None:
        command = [EMOTION, "aggregate", "--store", str(place.store.folder), "--all"]
        done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
        for model, each in runs.items():
            (line,) = [line for line in done.stdout.splitlines() if each.job.run.name in line and "│" in line]
            assert model in line
            assert f"{each.metrics.parameters.trainable:,}" in line
            assert f"{each.metrics.validation.accuracy:.4f}" in line


def test_the_command_trains_one_too(place: Place, tmp_path: Path) -> None:
    """As a person types it: the length from the data, JSON on both streams, and nothing else on either."""
    checkpoint = write_checkpoint(tmp_path / "mine", "distilbert", place.texts)
    arguments = [*place.changes(checkpoint, "text.max_length=0"), "training.class_weights=balanced"]
    command = [EMOTION, "train", "distilbert", "--data", str(place.data), "--store", str(tmp_path / "store")]
    command += [part for each in arguments for part in ("--set", each)] + ["--json", "--log-format", "json"]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    metrics = Metrics.model_validate_json(done.stdout)
    (folder,) = (tmp_path / "store" / "runs" / "distilbert").iterdir()
    assert read_metrics(folder / "metrics.json") == metrics
    assert 10 < metrics.max_length <= 64
    events = [json.loads(line) for line in done.stderr.splitlines()]
    told = [event["message"] for event in events if event["event"] == "model"]
    assert any(f"cut to {metrics.max_length} tokens (99.5 % of train's texts fit" in message for message in told)
    assert [event["epoch"] for event in events if event["event"] == "epoch"] == [1]


def run(place: Place, checkpoint: Path, *changes: str, model: str = "bert") -> tuple[Metrics, Heard]:
    heard = Heard()
    return run_job(place.plan(model, checkpoint, *changes), heard), heard


@pytest.mark.parametrize("family", ["roberta", "xlm-roberta", "camembert", "electra"])
def test_other_families_train_as_well(place: Place, family: str) -> None:
    metrics, heard = run(place, place.checkpoint(family, family), "export.int8=false")
    assert metrics.onnx.max_abs_logit_diff <= 1e-3
    assert metrics.onnx.int8 is None
    assert "int8" not in heard.told("export")


def test_random_weights_are_not_the_checkpoint_s(place: Place) -> None:
    checkpoint = place.checkpoint("random", "bert", hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0)
    still = ("export.int8=false", "training.learning_rate=1e-9")
    (loaded, _), (random, heard) = (
        run(place, checkpoint, *still, f"model.init={each}") for each in ("pretrained", "random")
    )
    assert "random weights" in heard.told("model")
    assert loaded.validation.loss != pytest.approx(random.validation.loss, abs=1e-4)


@pytest.mark.usefixtures("no_weights")
def test_random_weights_need_nothing_on_this_machine(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    name = "google-bert/bert-base-uncased"
    small = {"model_type": "bert", "hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2}
    monkeypatch.setitem(CHECKPOINTS, name, replace(CHECKPOINTS[name], config={**small, "intermediate_size": 32}))
    heard = Heard()
    params = load_params("bert", params_file("bert"), ["model.init=random", "training.epochs=1", "export.int8=false"])
    job = plan_job(params, place.data, place.store, None)
    metrics = run_job(job, heard)
    assert "random weights, and a tokenizer learnt from train" in heard.told("model")
    assert metrics.weights is None
    assert Classifier.load(job.run.exported, 1).logits(["i feel fine"]).shape == (1, 6)


def test_a_checkpoint_of_the_same_labels_keeps_its_head(place: Place, runs: dict[str, Trained]) -> None:
    before = runs["distilbert"]
    metrics, heard = run(
        place, before.job.run.weights, "training.learning_rate=1e-9", "export.int8=false", model="distilbert"
    )
    assert "newly initialised" not in heard.told("model")
    assert metrics.test.accuracy == before.metrics.test.accuracy
    assert metrics.test.loss == pytest.approx(before.metrics.test.loss, abs=1e-3)


def test_padding_may_go_past_the_last_position(place: Place) -> None:
    """XLA's batches of 32 places go past the last of 20 positions, with padding alone."""
    checkpoint = place.checkpoint("few", "bert", max_position_embeddings=20, num_hidden_layers=1)
    metrics, heard = run(place, checkpoint, "training.xla=on", "export.int8=false")
    assert metrics.max_length == 20
    assert metrics.onnx.max_abs_logit_diff <= 1e-3
    assert "XLA on (as the parameters say)" in heard.told("model")


def test_a_simple_task_is_learnt(tmp_path: Path, data: Path) -> None:
    simple = Place(tmp_path, [text for text, _ in ROWS])
    changes = ("training.epochs=12", "training.batch_size=8", "training.learning_rate=1e-2", "export.int8=false")
    metrics, heard = run(simple, simple.checkpoint("simple", "bert"), *changes)
    assert data == simple.data
    assert heard.epochs[-1].loss < 0.5 * heard.epochs[0].loss
    assert metrics.test.accuracy == 1.0


def no_more_than_half(checkpoint: Path) -> None:
    whole = (checkpoint / "model.safetensors").read_bytes()
    (checkpoint / "model.safetensors").write_bytes(whole[: len(whole) // 2])


WRONG: dict[str, tuple[Callable[[Path], object], list[str], type[Exception], str]] = {
    "truncated weights": (no_more_than_half, [], BadDataError, r"model\.safetensors is not whole"),
    "another architecture": (
        lambda folder: change_json(folder / "config.json", model_type="t5"),
        [],
        BadDataError,
        "model_type is 't5'",
    ),
    "a smaller vocabulary": (
        lambda folder: change_json(folder / "config.json", vocab_size=100),
        [],
        BadDataError,
        "ids up to 399, and config.json a vocabulary of 100",
    ),
    "a larger vocabulary": (
        lambda folder: change_json(folder / "config.json", vocab_size=500),
        [],
        BadDataError,
        "do not belong together|by config.json",
    ),
    "more layers": (
        lambda folder: change_json(folder / "config.json", num_hidden_layers=3),
        [],
        BadDataError,
        "lacks 16 weights",
    ),
    "too long": (lambda _: None, ["text.max_length=65"], BadParametersError, "positions for 64 tokens"),
    "too short": (lambda _: None, ["text.max_length=2"], BadParametersError, "special tokens"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_checkpoint_that_cannot_be_used_ends_the_run_before_training(place: Place, tmp_path: Path, name: str) -> None:
    spoil, changes, error, message = WRONG[name]
    checkpoint = write_checkpoint(tmp_path / "mine", "bert", place.texts)
    spoil(checkpoint)
    job, heard = place.plan("bert", checkpoint, *changes), Heard()
    with pytest.raises(error, match=message):
        run_job(job, heard)
    assert heard.start == (0, 0)
    assert not job.run.complete
    assert not job.run.folder.exists()


def test_a_checkpoint_that_is_too_large_for_an_onnx_file(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("emotion.job.checkpoints.MOST_BYTES", 10_000)
    checkpoint = write_checkpoint(tmp_path / "mine", "bert", place.texts)
    with pytest.raises(BadDataError, match=r"an ONNX file holds 2\.1 GB at most"):
        run(place, checkpoint)
