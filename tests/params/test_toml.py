"""Reading params.toml: the jobs' own files load, and all mistakes are reported at once, with their place."""

from pathlib import Path

import pytest

from emotion.errors import BadParametersError, InputMissingError
from emotion.models.registry import MODELS as MODEL_INFOS
from emotion.models.registry import params_file
from emotion.params.schema import (
    AnnTable,
    TeacherTable,
    TransformerParams,
    TransformerTable,
    WordParams,
    schema,
)
from emotion.params.toml import load_params
from tests.params.conftest import mistakes

JOBS = Path(__file__).parents[2] / "jobs"
# The folders of `jobs/` that train nothing.
OTHERS = {"prefetch", "aggregate", "classify"}
MODELS = sorted(path.parent.name for path in JOBS.glob("*/params.toml") if path.parent.name not in OTHERS)


def test_the_jobs_are_found() -> None:
    assert {"ann", "lstm", "bert", "distilbert", "albert", "mobilebert", "minilm"} <= set(MODELS)


@pytest.mark.parametrize("model", MODELS)
def test_a_jobs_own_parameters_load(model: str) -> None:
    assert load_params(model, JOBS / model / "params.toml").model.name == model


# The LSTM has no weights per position: it reads longer texts than the study's, and has the study's size.
@pytest.mark.parametrize(("model", "length"), [("ann", 35), ("lstm", 64)])
def test_the_studys_vocabulary_is_kept(model: str, length: int) -> None:
    params = load_params(model, JOBS / model / "params.toml")
    assert isinstance(params, WordParams)
    text = params.text
    assert (text.vocabulary, text.max_length) == (8126, length)


@pytest.mark.parametrize("model", [model for model in MODELS if schema(model) is TransformerParams])
def test_a_transformer_s_job_names_its_pretrained_weights_and_commit(model: str) -> None:
    params = load_params(model, JOBS / model / "params.toml")
    assert isinstance(params, TransformerParams)
    known = MODEL_INFOS[model].pretrained
    assert known is not None
    assert (params.model.checkpoint, params.model.revision) == (known.repository, known.revision)
    assert params.model.init == "pretrained"


def test_a_key_of_the_file_replaces_its_default_alone(file: Path) -> None:
    file.write_text("[training]\nepochs = 3\nlearning_rate = 1\n")
    params = load_params("ann", file)
    assert isinstance(params, WordParams)
    assert (params.training.epochs, params.training.learning_rate) == (3, 1.0)
    assert params.training.batch_size == WordParams(model=AnnTable()).training.batch_size


def test_all_mistakes_are_told_together(file: Path) -> None:
    file.write_text(
        """
        [trainig]
        epochs = 3
        [text]
        vocabulary = "many"
        padding = "middle"
        [model]
        name = "lstm"
        hiden = [64]
        hidden = [64, 0]
        [training]
        epochs = 0
        learning_rate = nan
        """
    )
    lines = mistakes("ann", file, ["export.opset=1", "seed=3", "data.nosuch=1"])
    expected = [
        ("--set seed=3", "table.key=value"),
        (f"{file}: [model] name", "'lstm'", "'ann'"),
        (f"{file}: [trainig]", "unknown table", "'training'"),
        (f"{file}: [text] vocabulary", "integer", "'many'"),
        (f"{file}: [text] padding", "'left'", "'middle'"),
        (f"{file}: [model] hiden", "unknown key", "'hidden'"),
        (f"{file}: [model] hidden.1", "greater than or equal to 1", "found 0"),
        (f"{file}: [training] epochs", "greater than or equal to 1", "found 0"),
        (f"{file}: [training] learning_rate", "finite", "nan"),
        ("--set export.opset", "17", "found 1"),
        ("--set data.nosuch", "unknown key"),
    ]
    for parts in expected:
        assert sum(all(part in line for part in parts) for line in lines) == 1, parts
    assert len(lines) == len(expected)


def test_a_key_of_another_model_is_unknown_and_not_suggested(file: Path) -> None:
    file.write_text("[model]\nunits = 64\n")
    (line,) = mistakes("ann", file)
    assert "[model] units: unknown key" in line
    assert "did you mean 'units'" not in line


@pytest.mark.parametrize("content", ["[training\n", "epochs = \n", "a = 1\na = 2\n"])
def test_what_is_not_toml_is_told_with_file_and_line(file: Path, content: str) -> None:
    file.write_text(content)
    with pytest.raises(BadParametersError, match="line") as caught:
        load_params("ann", file)
    assert str(file) in caught.value.message


def test_what_is_not_utf8_is_told(file: Path) -> None:
    file.write_bytes(b"\xff\xfe[\x00")
    with pytest.raises(BadParametersError, match="is not TOML"):
        load_params("ann", file)


@pytest.mark.parametrize("name", ["absent.toml", "."])
def test_a_file_that_cannot_be_read_is_missing(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputMissingError) as caught:
        load_params("ann", tmp_path / name)
    assert caught.value.exit_code == 66


@pytest.mark.parametrize(
    ("override", "table", "key", "value"),
    [
        ("training.epochs=3", "training", "epochs", 3),
        ("training.learning_rate = 2e-5", "training", "learning_rate", 2e-5),
        ("training.shift=true", "training", "shift", True),
        ("model.hidden=[8, 4]", "model", "hidden", [8, 4]),
        ("text.padding=left", "text", "padding", "left"),
        ('text.padding="left"', "text", "padding", "left"),
        ("data.encoding=latin-1", "data", "encoding", "latin-1"),
        ("data.text_column=a = b", "data", "text_column", "a = b"),
        ('data.text_column="1"', "data", "text_column", "1"),
    ],
)
def test_set_takes_toml_values_and_bare_strings(file: Path, override: str, table: str, key: str, value: object) -> None:
    assert getattr(getattr(load_params("ann", file, [override]), table), key) == value


def test_set_goes_before_the_file_and_the_last_one_counts(file: Path) -> None:
    file.write_text("[training]\nepochs = 0\n")
    params = load_params("ann", file, ["training.epochs=3", "training.epochs=4"])
    assert isinstance(params, WordParams)
    assert params.training.epochs == 4


@pytest.mark.parametrize("override", ["", "training", "training.epochs", "epochs=3", ".epochs=3", "training.=3", "="])
def test_set_that_is_not_an_assignment(file: Path, override: str) -> None:
    assert mistakes("ann", file, [override]) == [f"--set {override}: is not table.key=value"]


def test_a_line_feed_in_a_value_begins_no_other_key(file: Path) -> None:
    (line,) = mistakes("ann", file, ["training.epochs=1\nx=3"])
    assert "training.epochs" in line
    assert "found '1\\nx=3'" in line


def test_set_into_what_is_no_table(file: Path) -> None:
    file.write_text("training = 5\n")
    assert "--set training.epochs=3: training is not a table" in mistakes("ann", file, ["training.epochs=3"])


@pytest.mark.parametrize("override", ["nosuch.key=1", "training.epochs=x", "training.nosuch=1"])
def test_a_mistake_of_set_is_not_blamed_on_the_file(file: Path, override: str) -> None:
    (line,) = mistakes("ann", file, [override])
    assert line.startswith("--set ")
    assert str(file) not in line


def test_set_reaches_the_teacher(file: Path) -> None:
    file.write_text('[training.teacher]\nrun = "minilm/s1"\nmade = 3\n')
    params = load_params("ann", file, ["training.teacher.weight=0.25", 'training.teacher.run="bert/s2"'])
    assert isinstance(params, WordParams)
    assert params.training.teacher == TeacherTable(run="bert/s2", made=3, weight=0.25)


@pytest.mark.parametrize(
    ("overrides", "expected"),
    [
        (["run=minilm"], "--set training.teacher.run: [training] teacher.run: name a run as MODEL/RUN"),
        (["run=a/b", "weight=2"], "--set training.teacher.weight: [training] teacher.weight: input should be less"),
        (
            ["run=a/b", "wieght=1"],
            "--set training.teacher.wieght: [training] teacher.wieght: unknown key, did you mean",
        ),
        (["weight=1"], "[training] teacher.run: field required"),
    ],
)
def test_a_mistake_about_the_teacher(file: Path, overrides: list[str], expected: str) -> None:
    (line,) = mistakes("ann", file, [f"training.teacher.{override}" for override in overrides])
    assert expected in line


def test_a_transformer_has_no_teacher(file: Path) -> None:
    lines = mistakes("bert", file, ["model.checkpoint=org/name", "training.teacher.run=minilm/s1"])
    assert any("[training] teacher: unknown key" in line for line in lines)


def test_set_below_a_value(file: Path) -> None:
    file.write_text("[training]\nepochs = 5\n")
    assert mistakes("ann", file, ["training.epochs.x=3"]) == [
        "--set training.epochs.x=3: training.epochs is not a table"
    ]


def test_set_cannot_make_a_job_another_model(file: Path) -> None:
    (line,) = mistakes("ann", file, ["model.name=lstm"])
    assert "'lstm'" in line
    assert "'ann'" in line


def test_rows_of_the_lstm_keep_their_own_length_where_it_trains_in_buckets() -> None:
    def padded_length(model: str, *overrides: str) -> int | None:
        params = load_params(model, params_file(model), overrides)
        assert isinstance(params, WordParams)
        return params.padded_length

    assert padded_length("lstm") is None
    assert padded_length("lstm", "training.buckets=false", "text.max_length=9") == 9
    assert padded_length("ann") == 35


def test_a_revision_goes_with_its_pretrained_weights() -> None:
    def revision(*overrides: str) -> str:
        model = load_params("bert", params_file("bert"), overrides).model
        assert isinstance(model, TransformerTable)
        return model.revision

    assert len(revision()) == 40
    assert revision("model.checkpoint=org/other") == ""
    assert revision("model.checkpoint=org/other", "model.revision=v2") == "v2"
    assert len(revision("model.init=random")) == 40
