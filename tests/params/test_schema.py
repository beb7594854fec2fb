"""The schema: defaults, bounds, combinations, and the digest of what decides the result."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from emotion.cli.params import as_toml
from emotion.params.schema import (
    AnnTable,
    DataTable,
    FineTuningTable,
    LstmTable,
    ResourcesTable,
    TransformerParams,
    TransformerTable,
    WordParams,
    schema,
)
from emotion.params.toml import load_params
from tests.params.conftest import mistakes


def test_an_empty_file_gives_the_defaults_of_the_named_model(file: Path) -> None:
    assert load_params("lstm", file) == WordParams(model=LstmTable())


def test_a_transformer_needs_pretrained_weights_and_has_defaults_for_all_else(file: Path) -> None:
    (line,) = mistakes("bert", file)
    assert line == f"{file}: [model] checkpoint: field required"
    params = load_params("bert", file, ["model.checkpoint=org/name"])
    assert params == TransformerParams(model=TransformerTable(name="bert", checkpoint="org/name"))
    assert params.training == FineTuningTable()


@pytest.mark.parametrize(
    ("model", "expected"),
    [("ann", WordParams), ("lstm", WordParams), ("bert", TransformerParams), ("minilm", TransformerParams)],
)
def test_what_parameters_a_model_has(model: str, expected: type) -> None:
    assert schema(model) is expected


@pytest.mark.parametrize(
    ("content", "location"),
    [
        ("[data]\nvalidation_fraction = 0.5", "[data] validation_fraction"),
        ("[data]\ntest_fraction = 0", "[data] test_fraction"),
        ("[data]\nsplit_seed = -1", "[data] split_seed"),
        ("[data]\ntext_column = 1", "[data] text_column"),
        ('[data]\ndelimiter = ""', "[data] delimiter"),
        ('[data]\ndelimiter = ";;"', "[data] delimiter"),
        ('[data]\ndelimiter = "semicolon"', "[data] delimiter"),
        ("[data]\ndelimiter = '\"'", "[data] delimiter"),
        ('[data]\ndelimiter = "\\n"', "[data] delimiter"),
        ('[data]\ndelimiter = ";\\n"', "[data] delimiter"),
        ('[data]\ndelimiter = "\\u0000"', "[data] delimiter"),
        ("[data]\ndelimiter = 1", "[data] delimiter"),
        ('[data]\nquoting = "line"', "[data] quoting"),
        ('[data]\nquoting = "CSV"', "[data] quoting"),
        ("[data]\nheader = 0", "[data] header"),
        ('[data]\nheader = "false"', "[data] header"),
        ("[text]\nvocabulary = 2", "[text] vocabulary"),
        ("[text]\nmax_length = 35.0", "[text] max_length"),
        ("[training]\nxla = 1", "[training] xla"),
        ("[training]\nepochs = true", "[training] epochs"),
        ("[training]\nlearning_rate = -inf", "[training] learning_rate"),
        ("[training]\nlabel_smoothing = 1.0", "[training] label_smoothing"),
        ("[training]\nseed = 4294967296", "[training] seed"),
        ("[training]\nbatch_size = 2026-01-01", "[training] batch_size"),
        ("[export]\nparity = 0", "[export] parity"),
        ("[resources]\nthreads = -1", "[resources] threads"),
        ('[resources]\ndevice = "tpu"', "[resources] device"),
        ("[resources]\nreplicas = 65", "[resources] replicas"),
        ("[resources]\nmicro_batch = -1", "[resources] micro_batch"),
        ("[resources]\ntensorboard = 1", "[resources] tensorboard"),
        ("[resources]\nwait = 86401", "[resources] wait"),
        ("[resources]\nwait = -1", "[resources] wait"),
        ("[resources]\nmax_memory = 6", "[resources] max_memory"),
        ("[training]\ndeterministic = 1", "[training] deterministic"),
        ("[training]\nclip_norm = -1", "[training] clip_norm"),
        ("[training]\nweight_decay = 1.5", "[training] weight_decay"),
        ('[training]\nschedule = "constant"', "[training] schedule"),
        ('[training]\nclass_weights = "equal"', "[training] class_weights"),
        ("[training]\nclass_weights = 2.0", "[training] class_weights"),
        ("[training]\nclass_weights = {joy = 0}", "[training] class_weights.joy"),
        ('[training]\nclass_weights = {joy = "much"}', "[training] class_weights.joy"),
        ('[model]\nhidden = "64"', "[model] hidden"),
        ("data = 5", "[data]"),
        ("model = 5", "[model]"),
    ],
)
def test_an_impossible_value_is_told_with_file_table_and_key(file: Path, content: str, location: str) -> None:
    file.write_text(content)
    (line,) = mistakes("ann", file)
    assert line.startswith(f"{file}: {location}: ")


@pytest.mark.parametrize("delimiter", ["auto", "tab", "\t", ";", ",", "|", " ", "§"])
@pytest.mark.parametrize("quoting", ["auto", "csv", "none"])
def test_the_dialect_of_a_data_set(file: Path, delimiter: str, quoting: str) -> None:
    file.write_text(as_toml({"data": {"delimiter": delimiter, "quoting": quoting, "header": False}}))
    data = load_params("ann", file).data
    assert (data.delimiter, data.quoting, data.header) == (delimiter, quoting, False)
    said = [f'data.delimiter="{delimiter}"', f"data.quoting={quoting}", "data.header=true"]
    data = load_params("ann", file, said).data
    assert (data.delimiter, data.quoting, data.header) == (delimiter, quoting, True)


def test_a_data_set_without_a_dialect_has_the_one_of_its_files(file: Path) -> None:
    data = load_params("ann", file).data
    assert (data.delimiter, data.quoting, data.header) == ("auto", "auto", True)


@pytest.mark.parametrize("size", ["0", "1M", "800M", "6G", "6 G", "999999999M"])
def test_sizes_of_memory(file: Path, size: str) -> None:
    assert load_params("ann", file, [f'resources.max_memory="{size}"']).resources.max_memory == size


@pytest.mark.parametrize(
    "size", ["", "6", "6GB", "6g", "0G", "-1G", "1.5G", "06G", "6T", " 6G", "6G\\n", "1000000000M"]
)
def test_what_is_no_size_of_memory(file: Path, size: str) -> None:
    (line,) = mistakes("ann", file, [f'resources.max_memory="{size}"'])
    assert line.startswith("--set resources.max_memory: ")


@pytest.mark.parametrize("often", ["1 steps", "200 steps", "200steps", "30s", "30 s", "5m", "1h"])
def test_how_often_a_checkpoint_is_written(file: Path, often: str) -> None:
    assert load_params("ann", file, [f"resources.checkpoint_every={often}"]).resources.checkpoint_every == often


@pytest.mark.parametrize("often", ["0s", "0 steps", "5", "5 minutes", "1 step", "-5m", "1.5h", "m", "5m 30s", "never"])
def test_what_is_no_time_between_checkpoints(file: Path, often: str) -> None:
    (line,) = mistakes("ann", file, [f'resources.checkpoint_every="{often}"'])
    assert line.startswith("--set resources.checkpoint_every: ")


@pytest.mark.parametrize(
    ("content", "location"),
    [
        ("[text]\nmax_length = -1", "[text] max_length"),
        ("[text]\nvocabulary = 100", "[text] vocabulary"),
        ("[text]\npadding = 'left'", "[text] padding"),
        ("[training]\nword_dropout = 0.1", "[training] word_dropout"),
        ("[training]\nshift = true", "[training] shift"),
        ('[training]\nprecision = "int8"', "[training] precision"),
        ("[training]\nxla = true", "[training] xla"),
        ("[model]\nhidden = [3]", "[model] hidden"),
        ('[model]\ncheckpoint = ""', "[model] checkpoint"),
        ('[model]\ninit = "zeros"', "[model] init"),
        ("[export]\nint8 = 1", "[export] int8"),
        ("[export]\nfloat16 = 1", "[export] float16"),
    ],
)
def test_an_impossible_value_of_a_transformer(file: Path, content: str, location: str) -> None:
    file.write_text(content)
    overrides = [] if "checkpoint" in content else ["model.checkpoint=org/name"]
    (line,) = mistakes("bert", file, overrides)
    assert line.startswith(f"{file}: {location}: ")


@pytest.mark.parametrize("model", ["ann", "bert"])
@pytest.mark.parametrize("asked", ["none", "balanced", {"joy": 2.0, 'größte "Wut"': 0.5}])
def test_weights_of_labels_are_a_word_or_a_table(file: Path, model: str, asked: object) -> None:
    written = as_toml({"training": {"class_weights": asked}})
    file.write_text(written)
    overrides = ["model.checkpoint=org/name"] if model == "bert" else []
    assert load_params(model, file, overrides).training.class_weights == asked
    override = written.replace("[training]\n", "training.").replace(" = ", "=", 1)
    file.write_text("")
    assert load_params(model, file, [override, *overrides]).training.class_weights == asked


@pytest.mark.parametrize(
    ("model", "overrides", "message"),
    [
        ("ann", ["training.buckets=true"], "[training] buckets makes batches of many lengths"),
        ("ann", ["training.shift=true", "text.padding=left"], "[training] shift moves words"),
        ("lstm", ["training.shift=true", "training.buckets=true"], "[training] shift moves words"),
    ],
)
def test_what_does_not_go_together_is_told(file: Path, model: str, overrides: list[str], message: str) -> None:
    (line,) = mistakes(model, file, overrides)
    assert line.startswith(f"{file}: {message}")


@pytest.mark.parametrize(
    ("model", "overrides"),
    [
        ("ann", ["training.shift=true"]),
        ("ann", ["text.padding=left"]),
        ("lstm", ["training.shift=true"]),
        ("lstm", ["training.buckets=true", "text.padding=left"]),
    ],
)
def test_what_goes_together_is_good(file: Path, model: str, overrides: list[str]) -> None:
    assert load_params(model, file, overrides).model.name == model


CHANGES: list[tuple[str, dict[str, Any]]] = [
    ("data", {"split_seed": 1}),
    ("data", {"delimiter": ";"}),
    ("data", {"quoting": "none"}),
    ("data", {"header": False}),
    ("text", {"vocabulary": 100}),
    ("model", {"name": "ann", "hidden": [8]}),
    ("model", {"name": "lstm"}),
    ("training", {"seed": 2}),
    ("training", {"class_weights": {"joy": 2.0}}),
    ("training", {"deterministic": True}),
    ("training", {"teacher": {"run": "minilm/s1"}}),
    ("export", {"opset": 18}),
]


@pytest.mark.parametrize(("table", "content"), CHANGES)
def test_the_digest_changes_with_what_decides_the_result(table: str, content: dict[str, Any]) -> None:
    plain = {"model": {"name": "ann"}}
    changed = WordParams.model_validate(plain | {table: content})
    assert changed.digest() != WordParams.model_validate(plain).digest()


def test_the_digest_does_not_depend_on_resources_nor_on_writing() -> None:
    plain = WordParams.model_validate({"model": {"name": "ann"}, "training": {"learning_rate": 1}})
    other = WordParams.model_validate(
        {
            "resources": {"threads": 4, "max_memory": "6G", "tensorboard": False, "wait": 0},
            "training": {"learning_rate": 1.0},
            "model": {"name": "ann"},
        }
    )
    assert other.digest("a") == plain.digest("a")


# Of the schema before it had a dialect: an existing run must be found again.
EARLIER: list[tuple[WordParams | TransformerParams, str]] = [
    (
        WordParams(
            model=LstmTable(),
            data=DataTable(text_column="body", split_seed=3),
            resources=ResourcesTable(threads=2),
        ),
        "ecb2ae06d6ddd5ecc09aa8ef04be8b94bf60ef1db37ad1674da71c964c82c3c3",
    ),
    (
        TransformerParams(model=TransformerTable(name="bert", checkpoint="org/name")),
        "ca8db6b0a298662296d485ae662fd51b68c4cac1962ac4df6b6cb6f7fefa0b41",
    ),
]


@pytest.mark.parametrize(("params", "digest"), EARLIER, ids=["lstm", "bert"])
def test_runs_without_a_dialect_keep_their_digests(params: WordParams | TransformerParams, digest: str) -> None:
    assert params.digest("data") == digest
    said = params.data.model_copy(update={"delimiter": "auto", "quoting": "auto", "header": True})
    assert params.model_copy(update={"data": said}).digest("data") == digest


def test_runs_without_a_teacher_keep_their_digests() -> None:
    params, digest = EARLIER[0]
    assert isinstance(params, WordParams)
    said = params.training.model_copy(update={"teacher": None})
    assert params.model_copy(update={"training": said}).digest("data") == digest
    assert "teacher" not in params.identity["training"]


@pytest.mark.parametrize(
    "change",
    [
        {"run": "minilm/s2"},
        {"weight": 0.25},
        {"temperature": 2.0},
        {"made": 0},
        {"dropped": 0.3},
        {"replaced": 0.3},
        {"dropout": 0.25},
        {"unlabelled": "more.csv"},
    ],
)
def test_the_digest_changes_with_what_a_teacher_teaches(change: dict[str, Any]) -> None:
    def student(**table: Any) -> WordParams:
        teacher = {"run": "minilm/s1", **table}
        return WordParams.model_validate({"model": {"name": "ann"}, "training": {"teacher": teacher}})

    assert student(**change).digest() != student().digest()
    assert student().identity["training"]["teacher"]["run"] == "minilm/s1"


def test_the_digest_tells_inputs_apart() -> None:
    params = WordParams(model=AnnTable())
    assert len({params.digest(), params.digest("ab"), params.digest("a", "b"), params.digest("b", "a")}) == 4


def test_the_digest_is_the_same_in_another_process() -> None:
    """A run is found again by it."""
    params = WordParams(model=LstmTable())
    script = "from emotion.params.schema import *; print(WordParams(model=LstmTable()).digest('a'))"
    environment = os.environ | {"PYTHONHASHSEED": "7"}
    done = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == params.digest("a")
