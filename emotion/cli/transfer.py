"""`emotion put` and `fetch`: copies files to and from the cluster's store; opens the store's pod for other commands."""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from emotion.cli import console
from emotion.cli.cluster_options import PodOptions
from emotion.cli.option_groups import with_option_groups
from emotion.cli.options import JsonOption
from emotion.cluster.kubectl import Kubectl, check_versions, kubectl_error
from emotion.cluster.left_pods import left_pods, remove_pod
from emotion.errors import InputMissingError
from emotion.formatting import first_items

if TYPE_CHECKING:
    from emotion.cluster.copy_files import Advance
    from emotion.cluster.store_pod import StorePod
    from emotion.store.archive import FileEntry

MOST_NAMED = 5


@contextmanager
def open_store(cluster: PodOptions) -> "Iterator[StorePod]":
    """Give a pod with the cluster's store, and delete the pod afterwards.

    Raises:
        EmotionError: the pod cannot be created, or does not start.
    """
    from emotion.cluster.store_pod import store_pod

    check_versions(cluster.kubectl)
    with store_pod(cluster.kubectl, cluster.job_spec("transfer"), console.say) as pod:
        yield pod


def warn_of_left_pods(kubectl: Kubectl) -> None:
    """Name the store pods that killed commands left behind, and the commands that remove them."""
    if left := left_pods(kubectl):
        console.warn(
            f"killed commands left store pods behind: {', '.join(left)}; the next `emotion put` or `fetch` removes"
            f" them, and so does `emotion cancel {left[0]}{kubectl.flags}`"
        )


def remove_store_pod(kubectl: Kubectl, name: str) -> None:
    """Remove a store pod that no command uses.

    Raises:
        TryAgainError: a command uses the pod.
    """
    remove_pod(kubectl, name)
    console.say(f"removed {name}; no file was lost: run the same `emotion put` or `fetch` to resume")


def run_in_pod(pod: "StorePod", *words: str) -> int:
    """Run `emotion` in the pod on the cluster's store; print its output, and return its exit code.

    Raises:
        EmotionError: kubectl failed.
    """
    with pod.start("emotion", *words) as process:
        output, errors = process.communicate()
    lines = errors.decode(errors="replace").splitlines(keepends=True)
    if process.returncode == 1 and lines and lines[-1].startswith(("error:", "Error from server", "Unable to")):
        raise kubectl_error("".join(lines), pod.kubectl.pasteable())
    sys.stdout.write(output.decode(errors="replace"))
    sys.stderr.write("".join(line for line in lines if not line.startswith("command terminated with exit code")))
    return process.returncode


@contextmanager
def _progress(what: str, files: "Sequence[FileEntry]") -> "Iterator[Advance]":
    """Open a meter that counts megabytes and files."""
    total = round(sum(entry.size for entry in files) / console.MEGABYTE)
    with console.meter(what, "MB", total=total) as shown:
        size = count = 0

        def advance(more_bytes: int, more_files: int) -> None:
            nonlocal size, count
            before, size, count = size, size + more_bytes, count + more_files
            megabytes = size // console.MEGABYTE - before // console.MEGABYTE
            shown.advance(megabytes, f"{count:,} of {len(files):,} files")

        yield advance


@with_option_groups
def put(
    source: Annotated[Path, typer.Argument(metavar="DIR", help="Local folder or file.")],
    name: Annotated[str, typer.Argument(metavar="NAME", help="data/NAME (or NAME), inputs/NAME, weights/ORG/NAME.")],
    *,
    cluster: PodOptions,
    as_json: JsonOption = False,
) -> None:
    """Copy data, CSV files or weights into the cluster's store. Skips files that the store already has.

    Compares files by SHA-256.
    The same command resumes an interrupted copy.
    [bold]Examples[/]
      emotion put data/emotion emotion

      emotion put inbox/ inputs/inbox

      emotion put store/weights/google-bert/bert-base-uncased weights/google-bert/bert-base-uncased
    """
    from emotion.cluster.copy_files import upload
    from emotion.cluster.store_files import local_files, upload_folder

    target = upload_folder(name)
    console.say(f"reading {source}")
    files = local_files(source)
    with open_store(cluster) as pod, _progress(f"to {target}", files) as advance:
        result = upload(pod, source, files, target, advance)
    console.say(f"{target}: {len(result.written)} files written, {len(result.kept)} existed already")
    if result.others:
        console.warn(f"{target} also has other files: {', '.join(first_items(result.others, MOST_NAMED))}")
    if as_json:
        console.data_json({"target": str(target), **vars(result)})


@with_option_groups
def fetch(
    run: Annotated[str, typer.Argument(metavar="RUN", help="MODEL/RUN, comparison, or predictions/NAME.")],
    target: Annotated[Path, typer.Argument(metavar="DIR", help="Local folder.")],
    *,
    everything: Annotated[
        bool, typer.Option("--all", help="Also copy checkpoints, training weights, and parts of predictions.")
    ] = False,
    cluster: PodOptions,
    as_json: JsonOption = False,
) -> None:
    """Copy from the cluster's store: a run's metrics, report, model and predictions; the comparison; classified files.

    Compares files by SHA-256.
    The same command resumes an interrupted copy.

    [bold]Examples[/]

      emotion fetch bert/s1-0a1b2c3d bert/

      emotion fetch comparison comparison/

      emotion fetch predictions/inbox labelled/
    """
    from emotion.cluster.copy_files import download
    from emotion.cluster.store_files import find_result, remote_files

    with open_store(cluster) as pod:
        source = find_result(pod, run)
        console.say(f"reading {source}")
        files = remote_files(pod, source, *(() if everything else ("checkpoints", "weights", "*.parts")))
        if not files:
            raise InputMissingError(f"{source} is empty", f"emotion runs list --cluster{cluster.pod_flags}")
        with _progress(f"from {source}", files) as advance:
            result = download(pod, source, files, target, advance)
    console.say(f"{target}: {len(result.written)} files written, {len(result.kept)} existed already")
    if as_json:
        console.data_json({"source": str(source), "written": result.written, "kept": result.kept})
