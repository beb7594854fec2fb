"""The exit codes: the README, the help and the Jobs' failure policies name the same ones."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from emotion.cli.app import app
from emotion.errors import EmotionError, ExitCode, Terminated

ROOT = Path(__file__).resolve().parent.parent
POLICIES = {
    path.stem: job["spec"]["podFailurePolicy"]["rules"]
    for path in sorted((ROOT / "k8s" / "base").glob("*/*.yaml"))
    if (job := yaml.safe_load(path.read_text())).get("spec", {}).get("podFailurePolicy")
}


def test_the_readme_lists_every_exit_code_with_its_meaning() -> None:
    rows = re.findall(r"^\| (\d+) \| (.*) \|$", (ROOT / "README.md").read_text(), flags=re.M)
    assert [int(number) for number, _ in rows] == list(ExitCode)
    for number, meaning in rows:
        assert meaning.startswith(ExitCode(int(number)).meaning)  # type: ignore[call-arg]


def test_help_lists_every_exit_code_with_its_meaning() -> None:
    shown = " ".join(CliRunner().invoke(app, ["--help"], env={"COLUMNS": "200"}).stdout.split())
    for code in ExitCode:
        assert f"{code:d} {code.meaning}" in shown


@pytest.mark.parametrize("name", POLICIES)
def test_a_failure_policy_ends_a_job_after_the_permanent_codes_and_ignores_try_again(name: str) -> None:
    codes: dict[str, set[int]] = {"Ignore": set(), "Fail": set()}
    for rule in POLICIES[name]:
        values: dict[str, Any] = rule.get("onExitCodes", {})
        codes[rule["action"].removesuffix("Job").removesuffix("Index")] |= set(values.get("values", []))
    assert codes == {"Ignore": {ExitCode.TRY_AGAIN}, "Fail": {code for code in ExitCode if code.permanent}}


def test_there_are_policies() -> None:
    assert {"job", "classify"} <= set(POLICIES)


def test_every_code_but_done_and_ctrl_c_ends_some_error() -> None:
    ended = {error.exit_code for error in EmotionError.__subclasses__()} | {Terminated.exit_code}
    assert ended == set(ExitCode) - {ExitCode.DONE, ExitCode.INTERRUPTED}
