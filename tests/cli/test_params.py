"""`emotion params`: what is shown can be read back, and every mistake of every file is told."""

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from emotion.cli.app import app
from emotion.cli.params import as_toml
from emotion.errors import BadParametersError, InputMissingError, UsageError
from emotion.models.registry import MODELS, params_file
from emotion.params.schema import TeacherTable
from emotion.params.toml import load_params


def invoke(*args: object) -> str:
    done = CliRunner().invoke(app, ["params", *map(str, args)], catch_exceptions=False)
    assert done.exit_code == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("model", MODELS)
def test_what_is_shown_is_what_is_read_back(model: str, tmp_path: Path) -> None:
    file = tmp_path / "shown.toml"
    file.write_text(invoke("show", model, "--set", "training.seed=7"))

    read = load_params(model, file)

    assert read == load_params(model, params_file(model), ["training.seed=7"])
    assert read.training.seed == 7


@pytest.mark.parametrize("text", ["plain", 'say "a\\b"', "tab\tnew\nline", "del\x7f", "bell\x07", "ünïcode 😀", ""])
def test_strings_survive_toml(text: str) -> None:
    assert tomllib.loads(as_toml({"data": {"text_column": text}})) == {"data": {"text_column": text}}


@pytest.mark.parametrize(
    "value",
    [
        *[1e-5, 1e16, 0.1, 3, True, [64, 32], []],
        *[{}, {"joy": 2.0}, {'say "a\\b"': 1e-7, "größte Wut 😀": 2.0, "": 1.0, "a.b = c": 3.0, "tab\t\x7f#": 0.5}],
    ],
)
def test_other_values_survive_toml(value: object) -> None:
    assert tomllib.loads(as_toml({"table": {"key": value}}))["table"]["key"] == value


def test_weights_of_labels_are_shown_as_they_are_read(tmp_path: Path) -> None:
    file = tmp_path / "shown.toml"
    weights = """training.class_weights={joy = 2.0, 'größte "Wut"' = 0.5}"""
    file.write_text(invoke("show", "ann", "--set", weights))

    assert load_params("ann", file) == load_params("ann", params_file("ann"), [weights])
    assert load_params("ann", file).training.class_weights == {"joy": 2.0, 'größte "Wut"': 0.5}


def test_a_teacher_is_shown_as_it_is_read_and_its_defaults_without_one(tmp_path: Path) -> None:
    file = tmp_path / "shown.toml"
    teacher = ["training.teacher.run=minilm/s1", "training.teacher.weight=0.25"]
    file.write_text(invoke("show", "lstm", "--set", teacher[0], "--set", teacher[1]))
    assert load_params("lstm", file) == load_params("lstm", params_file("lstm"), teacher)

    for model in ("ann", "lstm"):
        assert shown_teacher(invoke("show", model)) == TeacherTable(run="model/run").model_dump()
    assert "teacher" not in invoke("show", "bert")


def shown_teacher(plain: str) -> Any:
    assert "teacher" not in tomllib.loads(plain)["training"]
    comment = "\n".join(line.removeprefix("# ") for line in plain.splitlines() if line.startswith("# "))
    return tomllib.loads(comment.partition(":\n")[2])["training"]["teacher"]


def test_show_as_json_and_of_another_file(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text('[model]\nname = "ann"\nhidden = [8]\n')

    shown = json.loads(invoke("show", "ann", "--params", file, "--json"))

    assert shown["model"]["hidden"] == [8]
    assert shown["data"]["text_column"] == "text"


def test_show_of_an_unknown_model_names_the_known() -> None:
    with pytest.raises(UsageError) as caught:
        invoke("show", "gpt")
    assert "ann" in caught.value.hint


def test_good_files_are_ok() -> None:
    files = [params_file(model) for model in MODELS]

    assert invoke("validate", *files).splitlines() == [
        f"{file}: ok, {model}" for file, model in zip(files, MODELS, strict=True)
    ]


def test_all_mistakes_of_all_files_come_together(tmp_path: Path) -> None:
    first, second, third = (tmp_path / f"{name}.toml" for name in ("one", "two", "three"))
    first.write_text('[model]\nname = "ann"\n[training]\nepochs = "many"\nepoch = 1\n')
    second.write_text('[model]\nname = "gpt"\n[text]\nmax_length = -1\n')
    third.write_text("[model\n")

    with pytest.raises(BadParametersError) as caught:
        invoke("validate", first, second, third, tmp_path / "absent.toml", "--set", "epochs=3")

    lines = caught.value.message.splitlines()
    for part in (
        "[training] epochs",
        "did you mean 'epochs'",
        "'gpt'",
        "[text] max_length",
        "is not TOML",
        "absent.toml",
    ):
        assert any(part in line for line in lines), part
    assert sum("--set epochs=3" in line for line in lines) == 1


def test_json_tells_each_file(tmp_path: Path) -> None:
    bad = tmp_path / "bad.toml"
    bad.write_text("[training]\nepochs = 0\n")

    done = CliRunner().invoke(app, ["params", "validate", str(params_file("ann")), str(bad), "--json"])

    assert isinstance(done.exception, BadParametersError)
    good, wrong = json.loads(done.stdout)
    assert (good["model"], good["ok"], good["mistakes"]) == ("ann", True, [])
    assert not wrong["ok"]
    assert any("epochs" in mistake for mistake in wrong["mistakes"])


def test_a_missing_file_alone_is_missing_input(tmp_path: Path) -> None:
    with pytest.raises(InputMissingError, match=r"absent\.toml"):
        invoke("validate", params_file("ann"), tmp_path / "absent.toml")


def test_a_model_that_there_is_not_is_a_mistake(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text('[model]\nname = "gpt"\ncheckpoint = "org/gpt"\n')

    with pytest.raises(BadParametersError) as caught:
        invoke("validate", file)

    (line,) = caught.value.message.splitlines()[1:]
    assert f"{file}: [model] name" in line
    assert "'gpt'" in line
    assert "ann, lstm, bert" in line
