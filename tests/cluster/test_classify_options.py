"""What a submitted classification takes is checked without its data, and reaches `emotion classify` unchanged."""

from typing import Any

import pytest
from typer.main import get_command

from emotion.cli.app import app
from emotion.cluster.classify_options import ClassifyOptions
from emotion.cluster.job_spec import JobSpec, check_spec
from emotion.cluster.render import render
from emotion.errors import UsageError
from tests.cluster.job_fields import variables


def environment(**options: Any) -> dict[str, str]:
    """The variables of the pods, as `emotion` in the pods reads them."""
    return variables(render(check_spec(JobSpec("classify", classify=ClassifyOptions(**options)))).job)


def test_every_option_is_a_variable() -> None:
    found = environment(
        source="tweets",
        model="bert/new",
        shards=2,
        text_column="body",
        delimiter=";",
        quoting="none",
        header=False,
        encoding="cp1252",
        all_scores=True,
        model_column=True,
        on_error="fail",
        max_errors="5%",
        precision="int8",
        join=False,
    )
    expected = {
        "EMOTION_INPUT": "/store/inputs/tweets",
        "EMOTION_OUTPUT": "/store/predictions/tweets",
        "EMOTION_MODEL": "bert/new",
        "SHARDS": "2",
        "EMOTION_TEXT_COLUMN": "body",
        "EMOTION_DELIMITER": ";",
        "EMOTION_QUOTING": "none",
        "EMOTION_HEADER": "0",
        "EMOTION_ENCODING": "cp1252",
        "EMOTION_ALL_SCORES": "1",
        "EMOTION_MODEL_COLUMN": "1",
        "EMOTION_ON_ERROR": "fail",
        "EMOTION_MAX_ERRORS": "5%",
        "EMOTION_PRECISION": "int8",
        "EMOTION_JOIN": "0",
    }
    manifest = environment()
    assert {name: value for name, value in found.items() if manifest.get(name) != value} == expected
    assert manifest.keys() - found.keys() == set()


@pytest.mark.parametrize("precision", ["float32", "int8", "auto"])
def test_any_precision_replaces_the_job_s_own(precision: str) -> None:
    assert environment()["EMOTION_PRECISION"] == "auto"
    assert environment(precision=precision)["EMOTION_PRECISION"] == precision


def test_only_what_was_given_is_set() -> None:
    manifest = environment()
    for option, value in (("delimiter", "|"), ("header", True), ("max_errors", "0"), ("join", True)):
        name = f"EMOTION_{option.upper()}"
        assert name not in manifest
        assert environment(**{option: value}) == {**manifest, name: "1" if value is True else value}


@pytest.mark.parametrize("delimiter", [",", ";", "|", "\t", "tab", " ", "$", "'", "\\", "#", "\x01", "\x1f", "§", "😀"])
def test_any_delimiter_reaches_the_pod(delimiter: str) -> None:
    assert environment(delimiter=delimiter)["EMOTION_DELIMITER"] == delimiter


@pytest.mark.parametrize(
    "column",
    [" a  b ", "$(SHARDS)", "US$$", "a;b|c\td", "Gefühl", "текст", "1", "true", "null", "~", "{a: b}", "\ufeffx"],
)
def test_any_name_of_a_column_reaches_the_pod(column: str) -> None:
    assert environment(text_column=column)["EMOTION_TEXT_COLUMN"] == column


@pytest.mark.parametrize(
    ("option", "wrong"),
    [
        ("delimiter", ["", ";;", "TAB", '"', "\n", "\r", "\r\n"]),
        ("encoding", ["", "utf-9", "base64", "rot13", "undefined", "a b"]),
        ("max_errors", ["", "-1", "1.5", "%", "101%", "5 %", "5%%", "1e3", "٣", "5%\n", "nan%"]),
        ("text_column", [""]),
        ("model", ["", "cascade:a", "cascade:a,b@2", "ensemble:a,a", "ensemble:"]),
    ],
)
def test_what_is_wrong_without_any_data_is_refused(option: str, wrong: list[str]) -> None:
    for value in wrong:
        with pytest.raises(UsageError):
            environment(**{option: value})


@pytest.mark.parametrize(
    "model", ["cascade:lstm/s1,minilm/s1", "cascade:lstm/s1,minilm/s1@0.8312", "ensemble:lstm/s1,/store/runs/ann/s2,s3"]
)
def test_a_composite_reaches_the_pod_which_can_read_its_members(model: str) -> None:
    job = render(check_spec(JobSpec("classify", classify=ClassifyOptions(model=model)))).job
    assert variables(job)["EMOTION_MODEL"] == model
    assert "EMOTION_MODEL" not in environment()
    # Runs with their predictions for validation, which give threshold and temperature.
    [container] = job["spec"]["template"]["spec"]["containers"]
    assert {"name": "store", "mountPath": "/store/runs", "subPath": "runs", "readOnly": True} in container[
        "volumeMounts"
    ]


@pytest.mark.parametrize("bound", ["0", "20", "0%", "2.5%", "100%"])
def test_a_bound_of_errors_is_a_number_or_a_share(bound: str) -> None:
    assert environment(max_errors=bound)["EMOTION_MAX_ERRORS"] == bound


def test_emotion_classify_reads_every_variable() -> None:
    options = get_command(app).commands["classify"].params  # type: ignore[attr-defined]
    assert {option.envvar for option in options} >= ClassifyOptions().variables.keys()
