"""Every command of the README runs."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
BLOCKS = re.findall(r"^```sh( real)?\n(.*?)^```$", (ROOT / "README.md").read_text(), flags=re.M | re.S)
PLAIN = [body for kind, body in BLOCKS if not kind]
# These set up and run for minutes: they are checked to be what CI calls, or to be there.
SLOW = ("sudo apt-get", "make demo", "make test", "make bench", "make soak", "make figures")


def run(script: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a block as a person would, with `emotion` on the PATH and make told where the project is."""
    scripts = ROOT / ".venv" / "bin"
    environment = {
        **os.environ,
        "PATH": f"{scripts}:{os.environ['PATH']}",
        "MAKEFLAGS": "",
        "EMOTION_STORE": str(folder / "store"),
    }
    # The Makefile stands in the project, the data in `folder`.
    command = re.sub(r"\b(DATA|STORE|INPUT|OUTPUT)=(?=\w)", rf"\1={folder}/", script)
    command = command.replace("make ", f"make -C {ROOT} ").replace(".venv/bin/emotion", "emotion")
    return subprocess.run(
        ["bash", "-euo", "pipefail", "-c", command],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=2400,
        check=False,
    )


def test_the_commands_run_in_the_order_in_which_they_stand(tmp_path: Path) -> None:
    (tmp_path / "inbox.csv").write_text("id,text\n1,i am so happy today\n2,\n3,they lied to me and i am furious\n")
    for body in PLAIN:
        script = "".join(line for line in body.splitlines(keepends=True) if not line.startswith(SLOW))
        if "build/demo" in script:
            continue  # the quick start goes on from what `make demo` leaves: below
        done = run(script, tmp_path)
        assert done.returncode == 0, f"{script}\n{done.stdout}\n{done.stderr}"
        if "data sample" in script:
            # Trainings on a tenth of the corpus take seconds, and show as well that the commands are right.
            for path in (tmp_path / "data" / "sample").glob("*.txt"):
                path.write_text("".join(path.read_text().splitlines(keepends=True)[::10]))
    assert (tmp_path / "labelled.csv").read_text().splitlines()[0] == "id,text,label,score"
    assert (tmp_path / "shared.csv").read_text() == (tmp_path / "labelled.csv").read_text()
    (tmp_path / "build" / "demo").mkdir(parents=True)
    (tmp_path / "store").rename(tmp_path / "build" / "demo" / "store")
    shutil.copy(tmp_path / "inbox.csv", tmp_path / "build" / "demo" / "in.csv")
    quick = run("".join(line for line in PLAIN[0].splitlines(keepends=True) if not line.startswith(SLOW)), tmp_path)
    assert quick.returncode == 0, quick.stderr


def test_what_takes_minutes_is_what_ci_calls() -> None:
    ci = "".join((ROOT / ".ci" / name).read_text() for name in ("run", "bare"))
    makefile = (ROOT / "Makefile").read_text()
    for line in "".join(PLAIN).splitlines():
        if line.startswith("make "):
            target = line.split()[1]
            assert re.search(rf"^{target}:.*## ", makefile, flags=re.M), f"no target {target}"
    for target in ("demo", "test", "test-browser", "test-images", "test-machine"):
        assert re.search(rf"\bmake.* {target}\b", ci), target


def test_the_bare_machine_has_what_the_quick_start_installs() -> None:
    """CI reads the packages from there: another line is one that it does not find."""
    (line,) = [line for line in PLAIN[0].splitlines() if line.startswith("sudo")]
    assert re.fullmatch(r"sudo apt-get install( [a-z0-9.-]+)+", line)
    assert "s/^sudo apt-get install //p" in (ROOT / ".ci" / "bare").read_text()


@pytest.mark.real
@pytest.mark.timeout(2400)
def test_the_results_are_reached_on_the_real_data(tmp_path: Path) -> None:
    import csv
    import statistics

    (tmp_path / "data").mkdir()
    shutil.copytree(os.environ["REAL_DATA"], tmp_path / "data" / "emotion")
    script = next(body for kind, body in BLOCKS if kind)
    done = run(script, tmp_path)
    assert done.returncode == 0, done.stderr
    with (tmp_path / "store" / "comparison" / "comparison.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 6
    for model, validation, test in (("ann", 0.875, 0.860), ("lstm", 0.920, 0.905)):
        mine = [row for row in rows if row["model"] == model]
        assert statistics.median(float(row["validation_accuracy"]) for row in mine) >= validation
        assert statistics.median(float(row["test_accuracy"]) for row in mine) >= test
