"""Running a job: each transformer from a tiny checkpoint to metrics.json, written last and for a good model only."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from numpy.typing import NDArray
from onnx import numpy_helper

from emotion.data.origin import CARD
from emotion.data.sample import generate
from emotion.errors import BadDataError, BadParametersError, CheckFailedError, TryAgainError
from emotion.evaluation.metrics_file import Metrics, read_metrics
from emotion.models.backend import prepare
from emotion.models.config_json import encoder_config, read_config
from emotion.models.hf_folder import load_weights
from emotion.models.registry import MODELS, params_file
from emotion.onnx.session import Classifier
from emotion.params.toml import load_params
from emotion.runs.plan import TrainingJob, plan_job
from emotion.runs.recorder import Recorder
from emotion.runs.run import run_job
from emotion.store.atomic import sha256
from emotion.store.layout import Store
from emotion.store.lease import hold
from emotion.store.lease_file import newest_holder
from emotion.training.progress import Epoch, TrainingProgress
from emotion.weights.catalog import PRETRAINED
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
    """A listener that remembers, and may be interrupted at an epoch, as by Ctrl-C."""

    stop: int = 0
    notes: list[tuple[str, str]] = field(default_factory=list)
    start: tuple[int, int] = (0, 0)
    rows: int = 0
    epochs: list[Epoch] = field(default_factory=list)

    def note(self, event: str, message: str) -> None:
        self.notes.append((event, message))

    def on_start(self, standing: TrainingProgress, rows: int, _: Sequence[Epoch]) -> None:
        self.start = standing.epochs, rows

    def on_step(self, _: TrainingProgress, rows: int) -> None:
        self.rows += rows

    def on_epoch(self, _: TrainingProgress, epoch: Epoch) -> None:
        self.epochs.append(epoch)
        if epoch.epoch == self.stop:
            os.kill(os.getpid(), signal.SIGINT)

    def on_checkpoint(self, standing: TrainingProgress, seconds: float) -> None: ...

    def told(self, event: str) -> str:
        return "\n".join(message for each, message in self.notes if each == event)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return write_dataset(tmp_path / "data", train=ROWS, validation=ROWS[::3], test=ROWS[::4])


def plan(store: Path, data: Path, *changes: str) -> TrainingJob:
    small = ["training.epochs=2", "model.embedding_dim=4", "model.hidden=[4]"]
    return plan_job(load_params("ann", params_file("ann"), [*small, *changes]), data, Store(store), None)


def trained(job: TrainingJob, heard: Heard) -> Metrics:
    """Run a job in the process that writes."""
    metrics = run_job(job, heard)
    assert metrics is not None
    return metrics


def left_behind(store: Path) -> list[Path]:
    return [path for path in store.rglob(".*") if path.is_file()]


class TestWords:
    def test_what_is_stopped_is_incomplete_and_goes_on(self, tmp_path: Path, data: Path) -> None:
        whole = trained(plan(tmp_path / "whole", data), Heard())
        job = plan(tmp_path, data)
        with pytest.raises(KeyboardInterrupt):
            run_job(job, Heard(stop=1))
        assert not job.run.complete
        record = newest_holder(job.run.folder)
        assert record is not None
        assert record.ended == "stopped"
        assert len(job.run.history.read_text().splitlines()) == 2
        progress = json.loads(job.run.progress.read_text())
        assert (progress["state"], progress["epoch"], progress["epochs"]) == ("training", 2, 2)
        assert (progress["step"], progress["steps"], progress["checkpoint_step"]) == (1, 2, 1)
        assert progress["last_epoch"]["epoch"] == 1
        heard = Heard()
        metrics = trained(plan(tmp_path, data, "resources.wait=1"), heard)
        assert job.complete() == metrics
        assert (whole.resumes, metrics.resumes, metrics.epochs) == (0, 1, 2)
        assert metrics.validation == whole.validation
        assert len(job.run.history.read_text().splitlines()) == 3
        assert (heard.start, heard.rows, [epoch.epoch for epoch in heard.epochs]) == ((2, 24), 24, [2])
        assert "going on from the checkpoint after step 1 of 2 (epoch 2 of 2)" in heard.told("resume")
        progress = json.loads(job.run.progress.read_text())
        assert (progress["state"], progress["resumes"], progress["lost_steps"]) == ("complete", 1, 0)
        assert progress["checkpoints"] == 2

    def test_a_complete_run_leaves_no_checkpoint_lease_or_temporary_file(self, tmp_path: Path, data: Path) -> None:
        job = plan(tmp_path, data)
        stray = job.run.folder / ".0123abcd.progress.json"
        stray.parent.mkdir(parents=True)
        stray.write_text("half")
        metrics = trained(job, Heard())
        assert not job.run.checkpoints.exists()
        assert list(job.run.folder.glob("lease-*")) == left_behind(tmp_path) == []
        heard = Heard()
        assert run_job(plan(tmp_path, data), heard) == metrics
        assert heard.rows == 0

    def test_a_run_that_another_holds_is_waited_for_and_then_left(self, tmp_path: Path, data: Path) -> None:
        job, heard = plan(tmp_path, data, "resources.wait=0"), Heard()
        with hold(job.run.folder, 0, pytest.fail), pytest.raises(TryAgainError, match="is held by process") as caught:
            run_job(job, heard)
        assert caught.value.exit_code == 75
        assert heard.start == (0, 0)

    def test_a_run_that_was_killed_after_training_is_exported_alone(
        self, tmp_path: Path, data: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        job = plan(tmp_path, data)
        with monkeypatch.context() as patched:
            patched.setattr("emotion.runs.run.check_parity", lambda *_: 1 / 0)
            with pytest.raises(ZeroDivisionError):
                run_job(job, Heard())
        heard = Heard()
        metrics = trained(job, heard)
        assert (heard.rows, metrics.epochs, metrics.resumes) == (0, 2, 1)
        assert metrics.training_seconds > 0

    def test_batches_are_split_as_the_parameters_say_and_metrics_tell(self, tmp_path: Path, data: Path) -> None:
        whole, heard = trained(plan(tmp_path / "whole", data), Heard()), Heard()
        split = trained(plan(tmp_path / "split", data, "resources.micro_batch=5"), heard)
        assert (whole.micro_batch, split.micro_batch) == (24, 5)
        assert "batches of 24 are split into parts of 5 (as the parameters say)" in heard.told("memory")
        assert split.validation.loss == pytest.approx(whole.validation.loss, rel=0.1)

    def test_a_worker_that_is_not_the_chief_writes_nothing(
        self, tmp_path: Path, data: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        job, heard = plan(tmp_path, data), Heard()
        trained(job, Heard())
        before = sorted(tmp_path.rglob("*"))
        task = {"cluster": {"worker": ["a:1", "b:2"]}, "task": {"type": "worker", "index": 1}}
        monkeypatch.setenv("TF_CONFIG", json.dumps(task))
        assert run_job(job, heard) is None
        assert "nothing to do for worker 1" in heard.told("complete")
        assert sorted(tmp_path.rglob("*")) == before

    def test_metrics_tell_the_length_no_weights_and_where_the_data_is_from(self, tmp_path: Path, data: Path) -> None:
        (data / CARD).write_text(json.dumps({"name": "moods", "source": "a survey", "licence": "CC0-1.0"}))
        metrics = trained(plan(tmp_path, data, "text.max_length=9"), Heard())
        assert (metrics.data.name, metrics.data.source, metrics.data.licence) == ("moods", "a survey", "CC0-1.0")
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

        monkeypatch.setattr("emotion.runs.word_learner.to_onnx", perturbed)
        job = plan(tmp_path, data)
        with pytest.raises(CheckFailedError, match="differs from the trained one") as caught:
            run_job(job, Heard())
        assert caught.value.exit_code == 70
        assert not job.run.metrics.exists()
        assert json.loads(job.run.progress.read_text())["state"] != "complete"
        assert left_behind(tmp_path) == []


FIRST = Epoch(1, 1.25, 0.5, 1.0, 0.625, 5000.0, 2.0, 4.0, best=True)
BEGUN = TrainingProgress(1, 3, 0, 30, None, None, 0.0, 0.0, 0)


class TestRecorder:
    """What is written while a run trains."""

    @staticmethod
    def recorder(folder: Path, check: Callable[[], None] = lambda: None) -> tuple[Recorder, Heard]:
        heard = Heard()
        return Recorder(Store(folder).run("ann", "mine"), heard, check), heard

    @staticmethod
    def progress(recorder: Recorder) -> dict[str, Any]:
        content: dict[str, Any] = json.loads(recorder.run.progress.read_text())
        return content

    def test_progress_tells_where_training_stands(self, tmp_path: Path) -> None:
        made, heard = self.recorder(tmp_path)
        made.on_start(BEGUN, 90, [])
        content = self.progress(made)
        assert (content["state"], content["epoch"], content["epochs"], content["loss"]) == ("training", 1, 3, None)
        assert (content["last_epoch"], content["checkpoints"], content["checkpoint_step"]) == (None, 0, None)
        standing = replace(BEGUN, epoch=2, step=10, loss=1.25, samples_per_second=5000.0, seconds_left=4.0)
        made.on_epoch(standing, FIRST)
        made.on_checkpoint(standing, 0.5)
        content = self.progress(made)
        assert (content["step"], content["steps"], content["seconds_left"]) == (10, 30, 4.0)
        assert content["last_epoch"]["validation_accuracy"] == 0.625
        assert (content["checkpoints"], content["checkpoint_step"], content["lost_steps"]) == (1, 10, 0)
        made.state("exporting")
        assert self.progress(made) == content | {"state": "exporting"}
        assert (heard.start, heard.epochs) == ((3, 90), [FIRST])

    def test_a_training_that_diverged_can_still_be_told(self, tmp_path: Path) -> None:
        """JSON has no NaN and no infinity."""
        made, _ = self.recorder(tmp_path)
        made.on_start(replace(BEGUN, loss=float("nan")), 90, [])
        made.on_epoch(BEGUN, replace(FIRST, loss=float("nan"), validation_loss=float("inf")))
        content = self.progress(made)
        assert (content["loss"], content["last_epoch"]["loss"], content["last_epoch"]["validation_loss"]) == (None,) * 3

    def test_what_was_lost_since_the_checkpoint_is_counted_over_all_attempts(self, tmp_path: Path) -> None:
        lost = []
        for resumes, (checkpoint, reached) in enumerate([(0, 14), (10, 25), (20, 27)]):
            made, heard = self.recorder(tmp_path)
            made.on_start(replace(BEGUN, step=checkpoint, resumes=resumes), 90, [FIRST] if resumes else [])
            lost.append(self.progress(made)["lost_steps"])
            assert ("steps after it were lost" in heard.told("resume")) == bool(resumes)
            made.on_checkpoint(replace(BEGUN, step=reached, resumes=resumes), 0.1)
        assert lost == [0, 4, 9]
        assert self.progress(made)["checkpoints"] == 3
        assert len(made.run.history.read_text().splitlines()) == 2

    @pytest.mark.parametrize("before", ["", "{", "[]", '{"step": "many", "checkpoints": null}'])
    def test_a_progress_that_cannot_be_read_is_no_obstacle(self, tmp_path: Path, before: str) -> None:
        made, heard = self.recorder(tmp_path)
        made.run.folder.mkdir(parents=True)
        made.run.progress.write_text(before)
        made.on_start(replace(BEGUN, step=10, resumes=1), 90, [])
        assert "nothing known of was lost" in heard.told("resume")
        assert (self.progress(made)["checkpoints"], self.progress(made)["lost_steps"]) == (0, 0)

    def test_nothing_is_written_into_a_folder_that_is_held_no_more(self, tmp_path: Path) -> None:
        def lost() -> None:
            raise TryAgainError("taken over")

        made, heard = self.recorder(tmp_path, lost)
        writes: list[Callable[[], None]] = [
            lambda: made.on_step(BEGUN, 3),
            lambda: made.on_epoch(BEGUN, FIRST),
            lambda: made.state("exporting"),
        ]
        for write in writes:
            with pytest.raises(TryAgainError):
                write()
        assert not made.run.folder.exists()
        assert (heard.rows, heard.epochs) == (0, [])


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

    def plan(self, model: str, checkpoint: Path, *changes: str) -> TrainingJob:
        params = load_params(model, params_file(model), self.changes(checkpoint, *changes))
        return plan_job(params, self.data, self.store, None)


@dataclass
class Trained:
    """A transformer that was trained, from which checkpoint, and what was told."""

    checkpoint: Path
    job: TrainingJob
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
        with pytest.MonkeyPatch.context() as machine:
            machine.setattr("emotion.models.compute.cpu_flags", lambda: {"avx512_bf16"})
            found[model] = Trained(checkpoint, job, trained(job, heard), heard)
    return found


@pytest.fixture(params=TRANSFORMERS)
def transformer(request: pytest.FixtureRequest, runs: dict[str, Trained]) -> Trained:
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
    assert {name for name, info in MODELS.items() if info.pretrained} == set(TRANSFORMERS)


class TestTransformers:
    def test_the_run_is_complete(self, transformer: Trained) -> None:
        folder = transformer.job.run.folder
        assert transformer.job.complete() == transformer.metrics
        files = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
        tokenizer = {"tokenizer.json", "tokenizer_config.json"}
        assert files >= {f"weights/{name}" for name in {"config.json", "model.safetensors", *tokenizer}}
        assert files >= {f"model/{name}" for name in {"config.json", "model.onnx", *tokenizer}}
        assert files >= {"architecture.json", "history.csv", "report.txt", "params.json", "predictions/test.npz"}
        assert left_behind(folder) == []
        assert json.loads(transformer.job.run.progress.read_text())["state"] == "complete"

    def test_parity_holds(self, transformer: Trained) -> None:
        assert transformer.metrics.onnx.max_abs_logit_diff <= transformer.job.params.export.parity
        assert transformer.metrics.onnx.label_agreement >= 0.98

    def test_metrics_tell_the_weights_and_what_was_computed_in(self, transformer: Trained) -> None:
        metrics, checkpoint = transformer.metrics, transformer.checkpoint
        assert metrics.weights is not None
        assert (metrics.weights.checkpoint, metrics.weights.source) == (str(checkpoint), "folder")
        assert (metrics.weights.revision, metrics.weights.verified) == ("", False)
        assert metrics.weights.sha256 == {
            name: sha256(checkpoint / name)
            for name in ("config.json", "tokenizer.json", "tokenizer_config.json", "model.safetensors")
        }
        assert metrics.precision == PRECISIONS[metrics.model].replace("auto", "bfloat16")
        assert metrics.max_length == LENGTH
        assert metrics.parameters.total == metrics.parameters.trainable > 1000

    def test_metrics_tell_of_int8_and_the_file_is_there_where_it_was_kept(self, transformer: Trained) -> None:
        int8 = transformer.metrics.onnx.int8
        assert int8 is not None
        assert int8.kept == (transformer.job.run.exported / "model.int8.onnx").exists() == (not int8.reason)
        assert int8.bytes > 0
        assert 0 < int8.label_agreement <= 1
        assert ("int8: kept" if int8.kept else "no int8: ") in transformer.heard.told("export")
        if int8.kept:
            small = Classifier.load(transformer.job.run.exported, 1, precision="int8")
            assert small.logits(transformer.texts).shape == (64, 6)

    def test_a_person_is_told_what_is_trained_from_what(self, transformer: Trained) -> None:
        told = transformer.heard.told("model")
        assert "tensors loaded; newly initialised: classifier.weight, classifier.bias" in told
        assert f"texts are cut to {LENGTH} tokens (as the parameters say; the model has positions for 64)" in told
        assert f"{transformer.metrics.precision} (" in told
        assert "XLA off (on a CPU" in told
        assert transformer.heard.rows == 192

    def test_transformers_tokenizer_gives_the_classifier_s_labels(self, transformer: Trained) -> None:
        classifier = Classifier.load(transformer.job.run.exported, 1)
        assert classifier.labels == transformer.job.data.labels
        ours, theirs = classifier.logits(transformer.texts), logits(transformer.job.run.exported, transformer.texts)
        np.testing.assert_allclose(theirs, ours, atol=1e-4)
        assert len(np.unique(ours.round(4), axis=0)) > 50

    def test_the_weights_are_those_of_the_exported_model(self, transformer: Trained) -> None:
        from transformers import AutoTokenizer

        from emotion.models.transformer import build_transformer

        prepare(1, 0)
        folder = transformer.job.run.weights
        content = read_config(folder)
        assert list(content["id2label"].values()) == transformer.job.data.labels
        model = build_transformer(encoder_config(content), 6, "again")
        loaded = load_weights(model, encoder_config(content), folder, same_labels=True)
        assert (loaded.new, loaded.unused) == ([], [])
        encoded = AutoTokenizer.from_pretrained(folder)(
            transformer.texts, truncation=True, padding=True, return_tensors="np"
        )
        found = np.asarray(model({each.name: encoded[each.name].astype(np.int32) for each in model.inputs}))
        expected = Classifier.load(transformer.job.run.exported, 1).logits(transformer.texts)
        np.testing.assert_allclose(found, expected, atol=transformer.job.params.export.parity)

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
    return trained(place.plan(model, checkpoint, *changes), heard), heard


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
    monkeypatch.setitem(PRETRAINED, name, replace(PRETRAINED[name], config={**small, "intermediate_size": 32}))
    heard = Heard()
    params = load_params("bert", params_file("bert"), ["model.init=random", "training.epochs=1", "export.int8=false"])
    job = plan_job(params, place.data, place.store, None)
    metrics = trained(job, heard)
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
    assert [path.name for path in job.run.folder.iterdir()] == ["lease-00000001.json"]
    record = newest_holder(job.run.folder)
    assert record is not None
    assert record.ended == "failed"


def test_a_checkpoint_that_is_too_large_for_an_onnx_file(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("emotion.runs.transformer_learner.MOST_BYTES", 10_000)
    checkpoint = write_checkpoint(tmp_path / "mine", "bert", place.texts)
    with pytest.raises(BadDataError, match=r"an ONNX file holds 2\.1 GB at most"):
        run(place, checkpoint)
