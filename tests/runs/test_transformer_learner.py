"""Transformers, trained from tiny pretrained models: the complete run, parity, weights, and unusable models."""

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
from numpy.typing import NDArray

from emotion.data.sample import generate
from emotion.errors import BadDataError, BadParametersError
from emotion.evaluation.metrics_file import Metrics, read_metrics
from emotion.models.backend import prepare
from emotion.models.config_json import encoder_config, read_config
from emotion.models.hf_folder import load_weights
from emotion.models.registry import MODELS, params_file
from emotion.onnx.session import Classifier
from emotion.params.toml import load_params
from emotion.runs.plan import TrainingJob, plan_job
from emotion.runs.train_job import train_job
from emotion.store.atomic import sha256
from emotion.store.layout import Store
from emotion.store.lease_file import newest_holder
from emotion.weights.catalog import PRETRAINED
from tests.builders import write_dataset
from tests.pretrained import change_json, write_pretrained
from tests.runs.jobs import ROWS, RecordingListener, left_behind, trained

EMOTION = str(Path(sys.executable).with_name("emotion"))
# Families of the registry's pretrained models, and the precision that these tests train them in.
TRANSFORMERS = {"bert": "bert", "distilbert": "distilbert", "albert": "albert", "mobilebert": "mobilebert"} | {
    "minilm": "bert"
}
PRECISIONS = {"bert": "auto", "distilbert": "float32", "albert": "bfloat16", "mobilebert": "float32"} | {
    "minilm": "float16"
}
LENGTH = 20


@dataclass
class Workplace:
    """A part of the sample corpus, the pretrained models, and the store of all runs."""

    folder: Path
    texts: list[str]

    @property
    def data(self) -> Path:
        return self.folder / "data"

    @property
    def store(self) -> Store:
        return Store(self.folder / "store")

    def pretrained(self, name: str, family: str, **changes: Any) -> Path:
        return write_pretrained(self.folder / name, family, self.texts, **changes)

    def changes(self, pretrained: Path, *changes: str) -> list[str]:
        few = ["training.epochs=1", f"text.max_length={LENGTH}", f"model.checkpoint={pretrained}"]
        return [*few, *changes]

    def plan(self, model: str, pretrained: Path, *changes: str) -> TrainingJob:
        params = load_params(model, params_file(model), self.changes(pretrained, *changes))
        return plan_job(params, self.data, self.store, None)


@dataclass
class Trained:
    """A trained transformer, with its pretrained model and the recorded events."""

    pretrained: Path
    job: TrainingJob
    metrics: Metrics
    listener: RecordingListener

    @property
    def texts(self) -> list[str]:
        return list(self.job.data.splits["validation"].texts)


@pytest.fixture(scope="module")
def workplace(tmp_path_factory: pytest.TempPathFactory) -> Workplace:
    folder = tmp_path_factory.mktemp("transformers")
    sizes = {"train": 192, "validation": 64, "test": 48}
    train, validation, test = (rows[: sizes[name]] for name, rows in generate().items())
    write_dataset(folder / "data", train=train, validation=validation, test=test)
    return Workplace(folder, [text for text, _ in train])


@pytest.fixture(scope="module")
def runs(workplace: Workplace) -> dict[str, Trained]:
    """Train all transformers of the registry for an epoch."""
    found = {}
    for model, family in TRANSFORMERS.items():
        pretrained, listener = workplace.pretrained(model, family), RecordingListener()
        job = workplace.plan(model, pretrained, f"training.precision={PRECISIONS[model]}")
        with pytest.MonkeyPatch.context() as machine:
            machine.setattr("emotion.models.compute.cpu_flags", lambda: {"avx512_bf16"})
            found[model] = Trained(pretrained, job, trained(job, listener), listener)
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
        ["logits"], {tensor.name: encoded[tensor.name].astype(np.int64) for tensor in session.get_inputs()}
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
        metrics, pretrained = transformer.metrics, transformer.pretrained
        assert metrics.weights is not None
        assert (metrics.weights.checkpoint, metrics.weights.source) == (str(pretrained), "folder")
        assert (metrics.weights.revision, metrics.weights.verified) == ("", False)
        assert metrics.weights.sha256 == {
            name: sha256(pretrained / name)
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
        assert ("int8: kept" if int8.kept else "no int8: ") in transformer.listener.messages("export")
        digests = transformer.metrics.onnx.digests
        assert digests is not None
        assert ("model.int8.onnx" in digests) == int8.kept
        if int8.kept:
            small = Classifier.load(transformer.job.run.exported, 1, precision="int8")
            assert small.logits(transformer.texts).shape == (64, 6)
            assert small.verified

    def test_a_person_is_told_what_is_trained_from_what(self, transformer: Trained) -> None:
        lines = transformer.listener.messages("model")
        assert "tensors loaded; newly initialized: classifier.weight, classifier.bias" in lines
        assert f"texts are cut to {LENGTH} tokens (as set in the parameters; the model reads at most 64)" in lines
        assert f"{transformer.metrics.precision} (" in lines
        assert "XLA off (on a CPU" in lines
        assert transformer.listener.rows == 192

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
        found = np.asarray(model({tensor.name: encoded[tensor.name].astype(np.int32) for tensor in model.inputs}))
        expected = Classifier.load(transformer.job.run.exported, 1).logits(transformer.texts)
        np.testing.assert_allclose(found, expected, atol=transformer.job.params.export.parity)

    def test_the_table_shows_them(self, runs: dict[str, Trained], workplace: Workplace) -> None:
        command = [EMOTION, "aggregate", "--store", str(workplace.store.folder), "--all"]
        done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
        for model, run in runs.items():
            (line,) = [line for line in done.stdout.splitlines() if run.job.run.name in line and "│" in line]
            assert model in line
            assert f"{run.metrics.parameters.trainable:,}" in line
            assert f"{run.metrics.validation.accuracy:.4f}" in line


def test_the_command_trains_one_too(workplace: Workplace, tmp_path: Path) -> None:
    """As a person types it: the length from the data, JSON on both streams, and nothing else on either."""
    pretrained = write_pretrained(tmp_path / "mine", "distilbert", workplace.texts)
    arguments = [*workplace.changes(pretrained, "text.max_length=0"), "training.class_weights=balanced"]
    command = [EMOTION, "train", "distilbert", "--data", str(workplace.data), "--store", str(tmp_path / "store")]
    command += [part for change in arguments for part in ("--set", change)] + ["--json", "--log-format", "json"]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    metrics = Metrics.model_validate_json(done.stdout)
    (folder,) = (tmp_path / "store" / "runs" / "distilbert").iterdir()
    assert read_metrics(folder / "metrics.json") == metrics
    assert 10 < metrics.max_length <= 64
    events = [json.loads(line) for line in done.stderr.splitlines()]
    lines = [event["message"] for event in events if event["event"] == "model"]
    assert any(f"cut to {metrics.max_length} tokens (99.5 % of train's texts fit" in message for message in lines)
    assert [event["epoch"] for event in events if event["event"] == "epoch"] == [1]


def run(
    workplace: Workplace, pretrained: Path, *changes: str, model: str = "bert"
) -> tuple[Metrics, RecordingListener]:
    listener = RecordingListener()
    return trained(workplace.plan(model, pretrained, *changes), listener), listener


@pytest.mark.parametrize("family", ["roberta", "xlm-roberta", "camembert", "electra"])
def test_other_families_train_as_well(workplace: Workplace, family: str) -> None:
    metrics, listener = run(workplace, workplace.pretrained(family, family), "export.int8=false")
    assert metrics.onnx.max_abs_logit_diff <= 1e-3
    assert metrics.onnx.int8 is None
    assert "int8" not in listener.messages("export")
    assert metrics.onnx.float16 is None
    assert "float16" not in listener.messages("export")


@pytest.mark.parametrize("least", [0.999, 1.01])
def test_float16_is_written_if_it_is_asked_for(
    workplace: Workplace, monkeypatch: pytest.MonkeyPatch, least: float
) -> None:
    monkeypatch.setattr("emotion.onnx.float16.MIN_AGREEMENT", least)
    pretrained, listener = workplace.pretrained("half", "bert"), RecordingListener()
    changes = ("export.int8=false", "export.float16=true", f"training.seed={int(1000 * least)}")
    job = workplace.plan("bert", pretrained, *changes)
    metrics = trained(job, listener)
    float16, digests = metrics.onnx.float16, metrics.onnx.digests
    assert float16 is not None
    assert digests is not None
    assert (float16.kept, float16.device, float16.label_agreement) == (least < 1, "cpu", 1.0)
    assert (job.run.exported / "model.float16.onnx").exists() == ("model.float16.onnx" in digests) == float16.kept
    assert ("model.float16.onnx" in (job.run.exported / "SHA256SUMS").read_text()) == float16.kept
    told = "float16: kept, compared on the CPU" if float16.kept else f"no float16: {float16.reason}"
    assert told in listener.messages("export")
    if float16.kept:
        assert Classifier.load(job.run.exported, 1, "float16").verified


def test_random_weights_are_not_the_pretrained_weights(workplace: Workplace) -> None:
    pretrained = workplace.pretrained("random", "bert", hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0)
    still = ("export.int8=false", "training.learning_rate=1e-9")
    (loaded, _), (random, listener) = (
        run(workplace, pretrained, *still, f"model.init={init}") for init in ("pretrained", "random")
    )
    assert "random weights" in listener.messages("model")
    assert loaded.validation.loss != pytest.approx(random.validation.loss, abs=1e-4)


@pytest.mark.usefixtures("no_weights")
def test_random_weights_need_nothing_on_this_machine(workplace: Workplace, monkeypatch: pytest.MonkeyPatch) -> None:
    name = "google-bert/bert-base-uncased"
    small = {"model_type": "bert", "hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2}
    monkeypatch.setitem(PRETRAINED, name, replace(PRETRAINED[name], config={**small, "intermediate_size": 32}))
    listener = RecordingListener()
    params = load_params("bert", params_file("bert"), ["model.init=random", "training.epochs=1", "export.int8=false"])
    job = plan_job(params, workplace.data, workplace.store, None)
    metrics = trained(job, listener)
    assert "random weights, and a tokenizer learned from train" in listener.messages("model")
    assert metrics.weights is None
    assert Classifier.load(job.run.exported, 1).logits(["i feel fine"]).shape == (1, 6)


def test_a_pretrained_model_of_the_same_labels_keeps_its_head(workplace: Workplace, runs: dict[str, Trained]) -> None:
    before = runs["distilbert"]
    metrics, listener = run(
        workplace, before.job.run.weights, "training.learning_rate=1e-9", "export.int8=false", model="distilbert"
    )
    assert "newly initialized" not in listener.messages("model")
    assert metrics.test.accuracy == before.metrics.test.accuracy
    assert metrics.test.loss == pytest.approx(before.metrics.test.loss, abs=1e-3)


def test_padding_may_go_past_the_last_position(workplace: Workplace) -> None:
    """XLA's batches of 32 tokens go past the last of 20 positions, with padding alone."""
    pretrained = workplace.pretrained("few", "bert", max_position_embeddings=20, num_hidden_layers=1)
    metrics, listener = run(workplace, pretrained, "training.xla=on", "export.int8=false")
    assert metrics.max_length == 20
    assert metrics.onnx.max_abs_logit_diff <= 1e-3
    assert "XLA on (as set in the parameters)" in listener.messages("model")


def test_a_simple_task_is_learned(tmp_path: Path, data: Path) -> None:
    simple = Workplace(tmp_path, [text for text, _ in ROWS])
    changes = ("training.epochs=12", "training.batch_size=8", "training.learning_rate=1e-2", "export.int8=false")
    metrics, listener = run(simple, simple.pretrained("simple", "bert"), *changes)
    assert data == simple.data
    assert listener.epochs[-1].loss < 0.5 * listener.epochs[0].loss
    assert metrics.test.accuracy == 1.0


def cut_weights(pretrained: Path) -> None:
    whole = (pretrained / "model.safetensors").read_bytes()
    (pretrained / "model.safetensors").write_bytes(whole[: len(whole) // 2])


WRONG: dict[str, tuple[Callable[[Path], object], list[str], type[Exception], str]] = {
    "truncated weights": (cut_weights, [], BadDataError, r"model\.safetensors is not a complete safetensors file"),
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
        "ids up to 399, but config.json has a vocabulary of 100",
    ),
    "a larger vocabulary": (
        lambda folder: change_json(folder / "config.json", vocab_size=500),
        [],
        BadDataError,
        "but in config.json",
    ),
    "more layers": (
        lambda folder: change_json(folder / "config.json", num_hidden_layers=3),
        [],
        BadDataError,
        "no values for 16 weights",
    ),
    "too long": (lambda _: None, ["text.max_length=65"], BadParametersError, "reads at most 64 tokens"),
    "too short": (lambda _: None, ["text.max_length=2"], BadParametersError, "special tokens"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_pretrained_model_that_cannot_be_used_ends_the_run_before_training(
    workplace: Workplace, tmp_path: Path, name: str
) -> None:
    damage, changes, error, message = WRONG[name]
    pretrained = write_pretrained(tmp_path / "mine", "bert", workplace.texts)
    damage(pretrained)
    job, listener = workplace.plan("bert", pretrained, *changes), RecordingListener()
    with pytest.raises(error, match=message):
        train_job(job, listener)
    assert listener.start == (0, 0)
    assert not job.run.complete
    assert [path.name for path in job.run.folder.iterdir()] == ["lease-00000001.json"]
    holder = newest_holder(job.run.folder)
    assert holder is not None
    assert holder.ended == "failed"


def test_a_pretrained_model_that_is_too_large_for_an_onnx_file(
    workplace: Workplace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("emotion.runs.transformer_learner.MAX_BYTES", 10_000)
    pretrained = write_pretrained(tmp_path / "mine", "bert", workplace.texts)
    with pytest.raises(BadDataError, match=r"an ONNX file holds at most 2\.1 GB"):
        run(workplace, pretrained)
