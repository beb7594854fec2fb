"""Names that the command line may use, and the names that runs get."""

from typing import Any

import pytest

from emotion.cluster.classify_options import ClassifyOptions
from emotion.cluster.job_spec import JobSpec, check_spec
from emotion.errors import UsageError


@pytest.mark.parametrize("name", ["../x", "a/b", "", "x y", "..", "-x", "x\n", "/x", "x" * 101, "$(HOME)", "é"])
def test_names_that_lead_elsewhere_are_refused(name: str) -> None:
    with pytest.raises(UsageError, match="--data"):
        check_spec(JobSpec("ann", data=name))
    with pytest.raises(UsageError, match="--input"):
        check_spec(JobSpec("classify", classify=ClassifyOptions(source=name)))


def test_inputs_whose_names_differ_are_jobs_whose_names_differ() -> None:
    sources = ["inbox", "Inbox", "INBOX", "in.box", "in_box", "in-box", "x" * 40, "x" * 41]
    runs = {check_spec(JobSpec("classify", classify=ClassifyOptions(source=source))).run for source in sources}
    assert len(runs) == len(sources)


@pytest.mark.parametrize("job", ["ann", "aggregate", "prefetch"])
def test_what_only_a_classification_has_is_refused_elsewhere(job: str) -> None:
    options: list[tuple[str, Any, str]] = [
        ("source", "inbox", "--input"),
        ("shards", 3, "--shards"),
        ("text_column", "body", "--text-column"),
        ("header", False, "--no-header"),
        ("header", True, "--header"),
        ("max_errors", "0", "--max-errors"),
    ]
    for option, value, flag in options:
        with pytest.raises(UsageError, match=f"{job} classifies nothing: leave out {flag}$"):
            check_spec(JobSpec(job, classify=ClassifyOptions(**{option: value})))


def test_a_gpu_gets_no_int8() -> None:
    options = ClassifyOptions(precision="int8")
    with pytest.raises(UsageError, match="int8"):
        check_spec(JobSpec("classify", gpus=1, image="r.example/cuda:1", classify=options))
    assert check_spec(JobSpec("classify", gpus=0, classify=options)).classify == options
    for other in ("auto", "float32"):
        check_spec(JobSpec("classify", gpus=1, image="r.example/cuda:1", classify=ClassifyOptions(precision=other)))


@pytest.mark.parametrize("gpus", [None, 0])
def test_float16_needs_a_gpu(gpus: int | None) -> None:
    options = ClassifyOptions(precision="float16")
    with pytest.raises(UsageError, match="float16 needs a GPU"):
        check_spec(JobSpec("classify", gpus=gpus, classify=options))
    spec = JobSpec("classify", gpus=1, image="r.example/cuda:1", classify=options)
    assert check_spec(spec).classify == options
