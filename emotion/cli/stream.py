"""`emotion stream`: copies many small files at once, in the pod of `emotion put` and `fetch`. People do not call it."""

import sys
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(no_args_is_help=True, help="Receive or send many files at once, for emotion put and fetch.")

Folder = Annotated[Path, typer.Argument(metavar="DIR", help="The files' folder.")]


@app.command()
def receive(folder: Folder) -> None:
    """Write files into a folder; standard input is a list of the files, followed by a tar."""
    from emotion.store.archive import read_list, unpack

    entries = read_list(sys.stdin.buffer)
    for _ in unpack(sys.stdin.buffer, folder, entries):
        pass


@app.command()
def send(folder: Folder) -> None:
    """Write files of a folder to standard output as a tar; standard input is a list of the files."""
    from emotion.store.archive import pack, read_list

    for _ in pack(folder, read_list(sys.stdin.buffer), sys.stdout.buffer):
        pass
    sys.stdout.buffer.flush()
