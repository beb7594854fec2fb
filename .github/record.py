"""Runs the quick start's commands, and writes what they print as quickstart.svg: .venv/bin/python .github/record.py."""

import os
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.text import Text

SVG = Path(__file__).with_name("quickstart.svg")
WIDTH = 120
TEXTS = "id,text\n1,i feel so happy today\n2,i am afraid of the exam\n3,nobody called and i feel alone\n"
COMMANDS = (
    "emotion data sample data",
    "emotion train ann --data data",
    "emotion aggregate",
    "emotion classify in.csv out.csv",
    "cat out.csv",
)
# rich's own format names a font on a server.
FORMAT = """<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}">
<style>
.{unique_id}-matrix {{ font-family: monospace; font-size: {char_height}px; line-height: {line_height}px; }}
.{unique_id}-title {{ font-family: sans-serif; font-size: 18px; font-weight: bold; }}
{styles}
</style>
<defs>
<clipPath id="{unique_id}-clip-terminal">
<rect x="0" y="0" width="{terminal_width}" height="{terminal_height}"/>
</clipPath>
{lines}
</defs>
{chrome}
<g transform="translate({terminal_x}, {terminal_y})" clip-path="url(#{unique_id}-clip-terminal)">
{backgrounds}
<g class="{unique_id}-matrix">
{matrix}
</g>
</g>
</svg>
"""


def main() -> None:
    """Run the commands in an empty folder, one after the other; a command that fails ends the recording."""
    with tempfile.TemporaryDirectory() as folder, Path(os.devnull).open("w") as nowhere:
        console = Console(record=True, width=WIDTH, file=nowhere, highlight=False)
        (Path(folder) / "in.csv").write_text(TEXTS)
        for command in COMMANDS:
            console.print(Text(f"$ {command}", style="bold"))
            console.print(Text(run(command, folder)))
        SVG.write_text(console.export_svg(title="emotion", code_format=FORMAT, unique_id="quickstart"))


def run(command: str, folder: str) -> str:
    """Run a command; give stdout and stderr in the order in which they were printed."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(  # noqa: S603  our own commands
        shlex.split(command),
        cwd=folder,
        env={**os.environ, "PATH": path, "EMOTION_COLUMNS": str(WIDTH)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=True,
    )
    return done.stdout


if __name__ == "__main__":
    main()
