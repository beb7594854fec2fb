"""The README files: commands run and print what is shown; options, targets, paths, links and headings exist."""

import os
import re
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from typer.core import TyperGroup
from typer.main import get_command

from emotion.cli.app import app
from tests.readmes import PAGES, ROOT, anchors, block, blocks, inline_commands, links, name

README = ROOT / "README.md"
JOBS = ROOT / "jobs" / "README.md"
CLASSIFY = ROOT / "emotion" / "classify" / "README.md"
K8S = ROOT / "k8s" / "README.md"
BENCHMARKS = ROOT / "tests" / "benchmarks" / "README.md"
# Kinds of blocks. tests/cluster and tests/images also check the last four.
KINDS = {"sh", "text output", "sh real", "text", "toml", "make", "sh cluster", "yaml kustomize", "yaml gpu-resource"}
# These set up and run for minutes: CI calls them, and the tests check that they exist.
SLOW = ("sudo apt-get", "make demo")
OPTION = re.compile(r"--[a-z-]+")
LABELS = "joy|sadness|anger|fear|love|surprise"


def run(line: str, folder: Path) -> str:
    """Run a command as a person would, with `emotion` on the PATH and make told where the project is."""
    environment = {**os.environ, "MAKEFLAGS": "", "COLUMNS": "120"}
    # The Makefile is in the project, the data in `folder`; a run's name depends on the data, which is smaller here.
    command = re.sub(r"\b(DATA|STORE|INPUT|OUTPUT)=(?=\w)", rf"\1={folder}/", line)
    command = command.replace("make ", f"make -C {ROOT} ").replace(".venv/bin/emotion", "emotion")
    command = re.sub(r"\b(linear|ann)/s1-[0-9a-f]{8}", lambda found: default_run(folder, found[1]), command)
    command = f"exec 2>&1; {command}"
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", command],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
        timeout=2400,
        check=False,
    )
    assert done.returncode == 0, f"{line}\n{done.stdout}"
    return done.stdout


def default_run(folder: Path, model: str) -> str:
    """Name the first run of a model."""
    runs = (folder / "store" / "runs" / model).iterdir()
    return f"{model}/{min(runs, key=lambda run: (run / 'metrics.json').stat().st_mtime).name}"


def follow(page: Path, folder: Path, *, quick_start: bool = False) -> None:
    """Run the commands of a page in their order, with or without `make demo`, and compare what they print."""
    printed = ""
    for kind, body in blocks(page):
        if kind == "sh" and quick_start == (SLOW[1] in body):
            printed = ""
            for line in body.splitlines():
                if not line.startswith(SLOW):
                    printed += run(line, folder)
                if "data sample" in line:
                    shrink(folder / "data" / "sample")
        elif kind == "sh":
            printed = ""
        elif kind == "text output" and printed:
            shown = {shape(line) for line in printed.splitlines()}
            for line in body.splitlines():
                if line != "..." and shape(line) not in shown:
                    pytest.fail(f"{name(page)} shows a line that no command prints: {line}\n{printed}")


def shrink(data: Path) -> None:
    """Leave a tenth of a data set: trainings take seconds, and show as well that the commands are right."""
    for path in data.glob("*.txt"):
        path.write_text("".join(path.read_text().splitlines(keepends=True)[::10]))


def shape(line: str) -> str:
    """Give what a line has in common with the same line of another training."""
    line = re.sub(r"[│┃]", " ", line)
    line = re.sub(r"best of \d+: .*", "best of several", line)
    line = re.sub(r"s1-[0-9a-f]{8}", "RUN", line)
    line = re.sub(r"\b(linear|ann)\b", "MODEL", line)
    line = re.sub(rf"\b({LABELS})\b", "LABEL", line)
    return " ".join(re.sub(r"\d[\d.,]*(e-\d+)?", "0", line).split())


@pytest.fixture(scope="module")
def followed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Follow README.md; give the folder."""
    folder = tmp_path_factory.mktemp("readme")
    write_demo_input(folder)
    follow(README, folder)
    return folder


def write_demo_input(folder: Path) -> None:
    """Write the file that `make demo` classifies."""
    (content,) = re.findall(r"<<'CSV'\n(.*?)^CSV$", (ROOT / "tests" / "demo.sh").read_text(), flags=re.M | re.S)
    (folder / "build" / "demo").mkdir(parents=True)
    (folder / "build" / "demo" / "in.csv").write_text(content)


def test_readme(followed: Path) -> None:
    assert (followed / "labelled.csv").read_text().splitlines()[0] == "id,text,label,score"


def test_the_quick_start_goes_on_from_the_demo(followed: Path, tmp_path: Path) -> None:
    write_demo_input(tmp_path)
    shutil.copytree(followed / "store", tmp_path / "build" / "demo" / "store")
    follow(README, tmp_path, quick_start=True)
    assert (tmp_path / "labelled.csv").exists()


def test_classify(followed: Path, tmp_path: Path) -> None:
    write_demo_input(tmp_path)
    shutil.copytree(followed / "store", tmp_path / "store")
    follow(CLASSIFY, tmp_path)
    assert (tmp_path / "shared.csv").read_text() == (tmp_path / "labelled" / "monday.csv").read_text()


@pytest.mark.timeout(1200)
def test_jobs(tmp_path: Path) -> None:
    follow(JOBS, tmp_path)
    assert (tmp_path / "store" / "comparison" / "comparison.html").exists()


def test_every_page_with_commands_is_followed() -> None:
    assert {page for page in PAGES for kind, _ in blocks(page) if kind == "sh"} == {README, JOBS, CLASSIFY}
    assert {page for page in PAGES for kind, _ in blocks(page) if kind == "sh real"} == {BENCHMARKS}


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_block_has_a_kind_that_is_checked(page: Path) -> None:
    assert {kind for kind, _ in blocks(page)} <= KINDS


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_command_and_option_exists(page: Path) -> None:
    shown = [line for kind, body in blocks(page) if kind in ("text", "sh cluster") for line in body.splitlines()]
    for line in [*(line for line in shown if line.startswith("emotion ")), *inline_commands(page, "emotion")]:
        check_command(line)


def check_command(line: str) -> None:
    """Check that `emotion` has the command of a line and its options; `a|b` is several commands."""
    words = iter(shlex.split(line, comments=True)[1:])
    command: Any = get_command(app)
    while isinstance(command, TyperGroup) and (word := next(words, None)):
        assert set(word.split("|")) <= set(command.commands), line
        command = command.commands[word.split("|")[0]]
    for word in words:
        if word.startswith("-") and word != "-":
            assert word.partition("=")[0] in options(command), f"{line}: {word}"


def options(command: Any) -> set[str]:
    """Give the options of a command."""
    return {"--help"} | {
        option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)
    }


@pytest.mark.parametrize(("page", "command"), [(K8S, "submit"), (CLASSIFY, "classify")])
def test_every_option_of_a_table_exists(page: Path, command: str) -> None:
    shown = [
        option for row in re.findall(r"^\| (`--.*?) \|", page.read_text(), flags=re.M) for option in OPTION.findall(row)
    ]
    assert len(shown) > 5
    assert set(shown) <= options(get_command(app).commands[command])  # type: ignore[attr-defined]


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_target_of_make_exists(page: Path) -> None:
    files = (ROOT / "Makefile", ROOT / "k8s" / "cluster.mk", ROOT / "docker" / "images.mk")
    targets = set(re.findall(r"^([a-z0-9-]+):.*## ", "".join(path.read_text() for path in files), flags=re.M))
    shown = [line for kind, body in blocks(page) if kind in ("sh", "make") for line in body.splitlines()]
    for line in [*(line for line in shown if line.startswith("make ")), *inline_commands(page, "make")]:
        for command in line.partition("#")[0].split(" && "):
            assert set(re.findall(r" ([a-z][a-z0-9-]*)\b(?!=)", re.sub(r'="[^"]*"|=\S*', "=", command))) <= targets, (
                line
            )


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_path_exists(page: Path) -> None:
    for path in re.findall(r"(?<![\w/.-])(?:\.\./)?((?:docker|jobs|k8s|tests)/[\w./-]*\w)(?![\w<*])", page.read_text()):
        assert (ROOT / path).exists(), path


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_link_has_a_target(page: Path) -> None:
    for link in links(page):
        if not link.startswith("https://"):
            path, _, anchor = link.partition("#")
            target = (page.parent / path).resolve() if path else page
            assert target.exists(), link
            assert not anchor or anchor in anchors(target), link


def test_every_benchmark_has_the_options_that_are_shown() -> None:
    shown = re.findall(r"^    python (?:-m )?(\S+)(.*)$", BENCHMARKS.read_text(), flags=re.M)
    assert len(shown) > 10
    for program, arguments in shown:
        source = (ROOT / f"{program.removesuffix('.py').replace('.', '/')}.py").read_text()
        for option in OPTION.findall(arguments):
            assert f'"{option}"' in source, f"{program} {option}"


def test_what_takes_minutes_is_what_ci_calls() -> None:
    ci = "".join((ROOT / ".ci" / file).read_text() for file in ("run", "bare"))
    for target in ("demo", "test", "test-browser", "test-images", "test-machine"):
        assert re.search(rf"\bmake.* {target}\b", ci), target


def test_the_bare_machine_has_what_the_quick_start_installs() -> None:
    """CI reads the packages from there: another line is one that it does not find."""
    (line,) = [line for _, body in blocks(README) for line in body.splitlines() if line.startswith("sudo")]
    assert re.fullmatch(r"sudo apt-get install( [a-z0-9.-]+)+", line)
    assert "s/^sudo apt-get install //p" in (ROOT / ".ci" / "bare").read_text()


def test_readme_fits_a_screen() -> None:
    lines = README.read_text().splitlines()
    assert len(lines) < 200
    assert max(map(len, lines)) <= 120


@pytest.mark.real
@pytest.mark.timeout(2400)
def test_the_results_are_reached_on_the_real_data(tmp_path: Path) -> None:
    import csv

    (tmp_path / "data").mkdir()
    shutil.copytree(os.environ["REAL_DATA"], tmp_path / "data" / "emotion")
    # One of the three seeds shows that the commands are right; more take minutes.
    commands = block(BENCHMARKS, "sh real")
    assert "in 1 2 3;" in commands
    run(commands.replace("in 1 2 3;", "in 1;"), tmp_path)
    with (tmp_path / "store" / "comparison" / "comparison.csv").open() as file:
        rows = {row["model"]: row for row in csv.DictReader(file)}
    floors = {"linear": (0.895, 0.880), "ann": (0.875, 0.860), "lstm": (0.925, 0.910)}
    assert rows.keys() == floors.keys()
    for model, (validation, test) in floors.items():
        assert float(rows[model]["validation_accuracy"]) >= validation
        assert float(rows[model]["test_accuracy"]) >= test
