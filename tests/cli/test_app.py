"""The app: its version, its help, and what a start imports."""

import subprocess
import sys
from pathlib import Path

import pytest

from emotion import __version__

EMOTION = str(Path(sys.executable).with_name("emotion"))
HEAVY = {"tensorflow", "keras", "pandas", "sklearn", "onnxruntime"}


def emotion(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([EMOTION, *arguments], check=False, capture_output=True, text=True, timeout=60)


def test_the_version() -> None:
    done = emotion("--version")
    assert (done.returncode, done.stdout) == (0, f"{__version__}\n")


def test_no_command_prints_the_help() -> None:
    done = emotion()
    assert emotion("--help").stdout.strip() in (done.stdout + done.stderr)


def test_the_help_lists_commands_and_exit_codes() -> None:
    done = emotion("--help")
    assert done.returncode == 0
    text = " ".join(done.stdout.split())
    assert all(code in text for code in ("65 bad data", "66 input missing", "73 cannot write", "78 bad parameters"))
    assert all(
        f" {name} " in text
        for name in ("train", "aggregate", "classify", "data", "runs", "models", "weights", "doctor", "explore")
    )


# typer itself imports pydantic for a command's own options.
@pytest.mark.parametrize(
    ("arguments", "heavy"),
    [
        (["--help"], HEAVY | {"pydantic"}),
        (["--version"], HEAVY | {"pydantic"}),
        (["train", "--help"], HEAVY),
        (["aggregate", "--help"], HEAVY),
    ],
)
def test_help_imports_nothing_heavy(arguments: list[str], heavy: set[str]) -> None:
    code = (
        "import contextlib, sys\n"
        "from emotion.cli.main import main\n"
        f"sys.argv = ['emotion', *{arguments!r}]\n"
        "with contextlib.suppress(SystemExit):\n    main()\n"
        f"print(sorted({heavy!r} & set(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr == "[]\n"
