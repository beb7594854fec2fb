"""`emotion put` and `fetch`, and `emotion runs ... --cluster`: files of the cluster's store."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from emotion.cli import console
from emotion.cli.cluster_options import (
    NAMESPACE,
    Context,
    Image,
    Namespace,
    Overlay,
    StoreClaim,
    overlay_folder,
)
from emotion.cli.options import JsonOption

if TYPE_CHECKING:
    from emotion.cluster.store_pod import StorePod


@contextmanager
def opened(
    namespace: str, context: str | None, overlay: str | None, claim: str | None, image: str | None
) -> "Iterator[StorePod]":
    """Give a pod with the store, and remove it afterwards."""
    from emotion.cluster.job_spec import JobSpec
    from emotion.cluster.kubectl import Kubectl, check_versions
    from emotion.cluster.store_pod import store_pod

    kubectl = Kubectl(namespace, context)
    check_versions(kubectl)
    order = JobSpec("transfer", overlay=overlay_folder(overlay), claim=claim, image=image)
    with store_pod(kubectl, order, console.say) as pod:
        yield pod


def run_inside(pod: "StorePod", *words: str) -> int:
    """Run `emotion` in the pod, whose store is the cluster's, with its output as ours; give its exit code.

    Raises:
        EmotionError: the connection was lost.
    """
    from emotion.cluster.kubectl import failure

    with pod.start("emotion", *words) as process:
        printed, said = process.communicate()
    lines = said.decode(errors="replace").splitlines(keepends=True)
    if process.returncode == 1 and lines and lines[-1].startswith(("error:", "Error from server", "Unable to")):
        raise failure("".join(lines))
    sys.stdout.write(printed.decode(errors="replace"))
    sys.stderr.write("".join(line for line in lines if not line.startswith("command terminated with exit code")))
    return process.returncode


def put(
    source: Annotated[Path, typer.Argument(metavar="DIR", help="A folder here, or one file.")],
    name: Annotated[str, typer.Argument(metavar="NAME", help="data/NAME (or NAME), inputs/NAME, weights/ORG/NAME.")],
    namespace: Namespace = NAMESPACE,
    context: Context = None,
    store_claim: StoreClaim = None,
    overlay: Overlay = None,
    image: Image = None,
    as_json: JsonOption = False,
) -> None:
    """Bring data, CSVs or weights into the cluster's store; what is there and the same is not sent again.

    Files are compared by SHA-256. What was cut off goes on where it was.

    [bold]Examples[/]

      emotion put data/emotion emotion

      emotion put inbox/ inputs/inbox

      emotion put store/weights/google-bert/bert-base-uncased weights/google-bert/bert-base-uncased
    """
    from emotion.cluster.store_files import local_files, place_of
    from emotion.cluster.store_files import put as put_files

    target = place_of(name)
    console.say(f"reading {source}")
    files = local_files(source)
    total = sum(entry.size for entry in files)
    with (
        opened(namespace, context, overlay, store_claim, image) as pod,
        console.megabytes(f"to {target}", total) as advance,
    ):
        moved = put_files(pod, source, files, target, advance)
    console.say(f"{target}: {len(moved.written)} files written, {len(moved.kept)} were there already")
    if moved.others:
        console.warn(f"{target} has other files too: {', '.join(moved.others[:5])}")
    if as_json:
        console.data_json({"target": str(target), **vars(moved)})


def fetch(
    run: Annotated[str, typer.Argument(metavar="RUN", help="MODEL/RUN, comparison, or predictions/NAME.")],
    target: Annotated[Path, typer.Argument(metavar="DIR", help="A folder here.")],
    everything: Annotated[
        bool, typer.Option("--all", help="Also checkpoints, weights of training, and parts of predictions.")
    ] = False,
    namespace: Namespace = NAMESPACE,
    context: Context = None,
    store_claim: StoreClaim = None,
    overlay: Overlay = None,
    image: Image = None,
    as_json: JsonOption = False,
) -> None:
    """Bring a run's metrics, report, model and predictions here; or the comparison; or classified files.

    Files are compared by SHA-256. What was cut off goes on where it was.

    [bold]Examples[/]

      emotion fetch bert/s1-0a1b2c3d bert/

      emotion fetch comparison comparison/

      emotion fetch predictions/inbox labelled/
    """
    from emotion.cluster.store_files import fetch as fetch_files
    from emotion.cluster.store_files import find_result, remote_files
    from emotion.errors import InputMissingError

    with opened(namespace, context, overlay, store_claim, image) as pod:
        source = find_result(pod, run)
        console.say(f"reading {source}")
        files = remote_files(pod, source, *(() if everything else ("checkpoints", "weights", "*.parts")))
        if not files:
            raise InputMissingError(f"there is nothing in {source}", "emotion runs list --cluster")
        with console.megabytes(f"from {source}", sum(entry.size for entry in files)) as advance:
            moved = fetch_files(pod, source, files, target, advance)
    console.say(f"{target}: {len(moved.written)} files written, {len(moved.kept)} were there already")
    if as_json:
        console.data_json({"source": str(source), "written": moved.written, "kept": moved.kept})
