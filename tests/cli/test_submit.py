"""`emotion submit`: the plan, the question, dry runs, and command lines that are refused before any creation."""

import contextlib
import os
import pty
import subprocess
from collections.abc import Mapping

import pytest
import yaml

from tests.cluster.api import ApiServer
from tests.cluster.conftest import BIN, Emotion
from tests.cluster.job_fields import container, limits, variables
from tests.cluster.scenes import submitted_objects


def test_the_plan_is_shown(emotion: Emotion) -> None:
    done = emotion("submit", "minilm", "--gpus", 2, "--queue", "q", "--store-claim", "emotion", "--no-follow")
    line = next(line for line in done.stderr.splitlines() if line.startswith("│ minilm"))
    cells = [cell.strip() for cell in line.strip("│").split("│")]
    assert cells[1].startswith("s1-")
    assert cells[2].startswith("emotion-train:")
    assert "2 GPU" in cells[4]
    assert cells[5:] == ["q", "emotion"]


def test_the_plan_names_another_resource_than_a_whole_gpu(api: ApiServer, emotion: Emotion) -> None:
    done = emotion("submit", "minilm", "--gpu-resource", "amd.com/gpu", "--no-follow")
    assert "1 amd.com/gpu" in " ".join(done.stderr.split())
    assert limits(api.all("Job")[0])["amd.com/gpu"] == "1"


@pytest.mark.parametrize(("answer", "jobs"), [("n", 0), ("y", 1), ("", 1)])
def test_on_a_terminal_it_asks(api: ApiServer, environment: Mapping[str, str], answer: str, jobs: int) -> None:
    ours, theirs = pty.openpty()
    command = [str(BIN / "emotion"), "submit", "ann", "--no-follow"]
    own = {name: value for name, value in environment.items() if name != "CI"}
    with subprocess.Popen(
        command, env=own, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True
    ) as asking:
        os.close(theirs)
        output = b""
        while b"Submit?" not in output:
            output += os.read(ours, 4096)
        os.write(ours, f"{answer}\n".encode())
        with contextlib.suppress(OSError):
            while block := os.read(ours, 4096):
                output += block
    os.close(ours)
    assert asking.returncode == 0, output
    assert len(api.all("Job")) == jobs
    assert (b"nothing was submitted" in output) == (jobs == 0)


def test_the_same_command_finds_the_same_run_and_another_does_not(api: ApiServer, emotion: Emotion) -> None:
    for arguments in ([], [], ["--set", "training.seed=2"], ["--data", "mine"]):
        assert emotion("submit", "ann", "--no-follow", *arguments).returncode == 0
    names = [job["metadata"]["name"] for job in api.all("Job")]
    assert len(names) == 3
    assert sum(name.startswith("ann-s2-") for name in names) == 1


def test_a_dry_run_prints_what_would_be_created_and_creates_nothing(api: ApiServer, emotion: Emotion) -> None:
    done = emotion("submit", "ann", "lstm", "--dry-run")
    assert done.returncode == 0, done.stderr
    kinds = [item["kind"] for item in yaml.safe_load_all(done.stdout)]
    assert kinds == ["ConfigMap", "Job", "ConfigMap", "Job"]
    assert submitted_objects(api) == []
    checked = [request for request in api.requests if request.method == "POST"]
    assert checked
    assert all(request.dry and request.query["fieldValidation"] == "Strict" for request in checked)


def test_students_have_their_teacher_and_their_texts_in_the_store(api: ApiServer, emotion: Emotion) -> None:
    teacher = ["--teacher", "minilm/s1-0a1b2c3d"]
    for models in (["ann", "lstm", *teacher, "--unlabelled", "in/more.csv"], ["ann"], ["ann", *teacher]):
        assert emotion("submit", *models, "--no-follow").returncode == 0
    jobs = api.all("Job")
    assert len({job["metadata"]["name"] for job in jobs}) == 4
    arguments = [
        "train",
        "--set",
        'training.teacher.run="minilm/s1-0a1b2c3d"',
        "--set",
        'training.teacher.unlabelled="/store/inputs/in/more.csv"',
    ]
    students = [job for job in map(container, jobs) if job["args"] == arguments]
    assert len(students) == 2
    for student in students:
        assert "/store/inputs" in {mount["mountPath"] for mount in student["volumeMounts"]}


def test_a_classification_reads_files_as_the_command_line_says(api: ApiServer, emotion: Emotion) -> None:
    dialect = [
        "--delimiter",
        "\t",
        "--quoting",
        "none",
        "--no-header",
        "--encoding",
        "cp1252",
        "--text-column",
        " $(2) ü",
    ]
    rows = [
        "--all-scores",
        "--model-column",
        "--on-error",
        "keep",
        "--max-errors",
        "5%",
        "--precision",
        "int8",
        "--no-join",
    ]
    done = emotion("submit", "classify", "--input", "inbox", *dialect, *rows, "--no-follow")
    assert done.returncode == 0, done.stderr
    (job,) = api.all("Job")
    expected = {
        "EMOTION_DELIMITER": "\t",
        "EMOTION_QUOTING": "none",
        "EMOTION_HEADER": "0",
        "EMOTION_ENCODING": "cp1252",
        "EMOTION_TEXT_COLUMN": " $(2) ü",
        "EMOTION_ALL_SCORES": "1",
        "EMOTION_MODEL_COLUMN": "1",
        "EMOTION_ON_ERROR": "keep",
        "EMOTION_MAX_ERRORS": "5%",
        "EMOTION_PRECISION": "int8",
        "EMOTION_JOIN": "0",
    }
    assert variables(job).items() >= expected.items()


def test_all_models_are_submitted(api: ApiServer, emotion: Emotion) -> None:
    assert emotion("submit", "all", "--no-follow").returncode == 0
    models = {job["metadata"]["labels"]["app.kubernetes.io/name"] for job in api.all("Job")}
    assert models == {"linear", "ann", "lstm", "bert", "distilbert", "albert", "mobilebert", "minilm"}


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["ann", "--namespace", "elsewhere"], 66, "there is no namespace elsewhere"),
        (["ann", "--store-claim", "other"], 66, "no persistentvolumeclaim other in the namespace emotion"),
        (["ann", "--context", "unknown"], 2, 'context "unknown" does not exist'),
        (["bert", "--gpu-resource", "gpu"], 2, "--gpu-resource 'gpu' is not a node resource"),
        (["gpt"], 2, "unknown job 'gpt'"),
        (["ann", "--set", "training.epoch=3"], 78, "did you mean 'epochs'?"),
        (["ann", "--run", "Upper"], 2, "'Upper' is not a run name"),
        (["ann", "--data", "../../etc"], 2, "is not a folder of the store"),
        (["ann", "--teacher", "minilm"], 78, "--set training.teacher.run: "),
        (["bert", "--teacher", "minilm/s1"], 78, "[training] teacher: unknown key"),
        (["ann", "--unlabelled", "in/a.csv"], 78, "teacher.run: field required"),
        (["ann", "--teacher", "a/b", "--unlabelled", "../a.csv"], 2, "'../a.csv' is not a file below inputs/"),
        (["aggregate", "--teacher", "a/b"], 2, "aggregate trains nothing"),
        (["aggregate", "--set", "training.epochs=3"], 2, "aggregate trains nothing"),
        (["ann", "--shards", "3"], 2, "ann classifies nothing: leave out --shards"),
        (["classify", "ann", "--no-header"], 2, "ann classifies nothing: leave out --no-header"),
        (["classify", "--delimiter", ";;"], 2, "';;' is no"),
        (["classify", "--encoding", "utf-9"], 2, "unknown encoding: utf-9"),
        (["classify", "--max-errors", "many"], 2, "--max-errors"),
        (["classify", "--quoting", "excel"], 2, "Invalid value for '--quoting'"),
        (["classify", "--on-error", "skip"], 2, "Invalid value for '--on-error'"),
        (["classify", "--precision", "fp4"], 2, "Invalid value for '--precision'"),
        (["classify", "--precision", "float16"], 2, "float16 needs a GPU"),
        (["ann", "--overlay", "nowhere"], 66, "nowhere has no kustomization.yaml"),
    ],
)
def test_a_wrong_command_line_is_refused_before_anything_is_created(
    api: ApiServer, emotion: Emotion, arguments: list[str], code: int, message: str
) -> None:
    done = emotion("submit", *arguments, "--no-follow")
    assert done.returncode == code, done.stderr
    assert message in done.stderr
    assert submitted_objects(api) == []


def test_what_cannot_go_together_is_refused(emotion: Emotion) -> None:
    device = emotion("submit", "bert", "--set", "resources.device=cpu", "--no-follow")
    assert device.returncode == 2
    assert "--gpus 0" in device.stderr
    light = emotion("submit", "classify", "--gpus", 1, "--no-follow")
    assert light.returncode == 2
    assert "an image with CUDA" in light.stderr
    bare = emotion("submit", "classify", "--input", "", "--no-follow")
    assert bare.returncode == 2
