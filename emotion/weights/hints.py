"""Hints for missing or wrong weights: on this machine, or for the submitter of a cluster's Job."""

import shlex
from pathlib import Path

from emotion.reader import for_reader
from emotion.weights.catalog import Reference
from emotion.weights.locate import package_hint


def fetch_hint(reference: Reference, store: Path, *, force: bool = False) -> str:
    """Explain how the store gets the weights; `force` replaces existing weights."""
    options = " --force" if force else ""
    here = f"`emotion weights fetch {reference}{options} --store {shlex.quote(str(store))}`"
    return for_reader(here, _put_hint(reference, options))


def missing_hint(reference: Reference, store: Path) -> str:
    """Explain how a training gets missing weights."""
    # The job prefetch fetches the models' default weights.
    prefetch = "`emotion submit prefetch{flags}`; or " if reference.known else ""
    return for_reader(
        f"with access to the hub: {fetch_hint(reference, store)}{package_hint(reference)}",
        f"{prefetch}{_put_hint(reference)}",
    )


def unreachable_hint(reference: Reference, folder: Path) -> str:
    """Explain what to do if the hub does not send weights to `folder`."""
    return for_reader(
        f"try again with access to the hub (HF_ENDPOINT names a mirror), or copy the folder that"
        f" `emotion weights fetch {reference}` fills on another machine to {folder}{package_hint(reference)}",
        f"HF_ENDPOINT in the ConfigMap hub names a mirror; or {_put_hint(reference)}",
    )


def _put_hint(reference: Reference, options: str = "") -> str:
    """Explain how a submitter brings weights from another machine into the cluster's store."""
    folder = f"weights/{reference.repository}"
    return (
        f"on a machine with access to the hub, run `emotion weights fetch {reference}{options} --store store`, then"
        f" `emotion put store/{folder} {folder}{{flags}}`"
    )
