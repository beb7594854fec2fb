"""`emotion weights`: fetch, list and verify the pretrained weights that models start from."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any

import typer

from emotion.cli import console
from emotion.cli.options import DEFAULT_STORE, JsonOption, StoreOption
from emotion.errors import BadDataError, InputMissingError, UsageError
from emotion.models.registry import MODELS
from emotion.store.layout import Store
from emotion.weights.catalog import Reference, parse_reference

if TYPE_CHECKING:
    from emotion.weights.locate import Location
    from emotion.weights.verify import FileCheck

app = typer.Typer(no_args_is_help=True, help="Fetch, list or verify pretrained checkpoints.")
SHORT_COMMIT = 12
ModelsArgument = Annotated[
    list[str] | None,
    typer.Argument(metavar="[MODEL]...", help="A model, or a repository on the hub: org/name or org/name@revision."),
]


@app.command()
def fetch(
    models: ModelsArgument = None,
    store: StoreOption = DEFAULT_STORE,
    force: Annotated[
        bool, typer.Option("--force", help="Fetch existing files again, and replace other revisions.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Fetch checkpoints from the Hugging Face hub into the store; without MODEL, all absent checkpoints.

    Checks files against their published SHA-256.
    A file without one is reported as unverified and pinned to the first download's digest.
    Skips files that exist and are right.
    Honors HF_ENDPOINT, HF_HOME, HF_TOKEN and HF_HUB_OFFLINE.
    Exits 69 if the hub is unreachable, 65 if a file has the wrong digest.

    [bold]Examples[/]

      emotion weights fetch

      emotion weights fetch bert minilm --store store

      emotion weights fetch google/electra-small-discriminator@main
    """
    from emotion.weights.fetch import fetch_weights

    target = Store(store)
    records = []
    for reference in _references(models) if models else _absent(target):
        fetched = fetch_weights(reference, target, force=force, tell=console.say, progress=console.megabytes)
        console.say(f"wrote {fetched.folder}" if fetched.written else f"{fetched.folder} is complete: nothing to do")
        if fetched.manifest.unverified:
            names = ", ".join(fetched.manifest.unverified)
            console.say(f"unverified, because no digest is known; pinned to this download's digest: {names}")
        records.append({"folder": str(fetched.folder), **fetched.manifest.model_dump()})
    if not records:
        console.say("all models have their weights: nothing to do")
    if as_json:
        console.data_json(records)


@app.command(name="list")
def list_(models: ModelsArgument = None, store: StoreOption = DEFAULT_STORE, as_json: JsonOption = False) -> None:
    """List the checkpoints of the models and of the store, with their locations.

    Looks in the store, in installed packages and in the hub client's cache, in this order.
    Does not check digests: `emotion weights verify` checks them.

    [bold]Examples[/]

      emotion weights list

      emotion weights list minilm --json
    """
    from emotion.weights.locate import locate_weights, stored_references

    searched = Store(store)
    references = _references(models) if models else [*dict.fromkeys([*_model_names(), *stored_references(searched)])]
    records = [_record(reference, locate_weights(reference, searched)) for reference in references]
    if as_json:
        console.data_json(records)
        return
    columns = ["checkpoint", "model", "revision", "where", "license", "digests", "MB"]
    console.table("", columns, [_row(record) for record in records], numbers=1)


@app.command()
def verify(models: ModelsArgument = None, store: StoreOption = DEFAULT_STORE, as_json: JsonOption = False) -> None:
    """Read every file of the checkpoints in the store, or of MODEL, and compare its SHA-256.

    "verified" means equal to the published digest.
    "as fetched" means equal to the first download, without a published digest.
    "unverified" means that no digest is known.
    Exits 65 if a file is wrong or missing, 66 if MODEL is not on this machine.

    [bold]Examples[/]

      emotion weights verify

      emotion weights verify minilm --json
    """
    from emotion.weights.verify import BAD

    records = [
        {"checkpoint": str(reference), "folder": str(location.folder), "source": location.source, **vars(check)}
        for reference, location in _locations(models, Store(store))
        for check in _check(reference, location)
    ]
    if as_json:
        console.data_json(records)
    elif records:
        columns = ["checkpoint", "file", "", "SHA-256"]
        rows = [[str(record[key]) for key in ("checkpoint", "file", "verdict", "found")] for record in records]
        console.table("", columns, rows, numbers=0)
    else:
        console.say(f"{store} has no weights")
    bad = [
        f"{record['folder']}/{record['file']} ({record['verdict']})" for record in records if record["verdict"] in BAD
    ]
    if bad:
        raise BadDataError(
            f"wrong or missing files: {', '.join(bad)}", f"emotion weights fetch MODEL --force --store {store}"
        )


def _model_names() -> dict[Reference, str]:
    """Map references of pretrained weights to the models that start from them."""
    return {info.pretrained.reference: info.name for info in MODELS.values() if info.pretrained}


def _references(models: list[str]) -> list[Reference]:
    named = {name: reference for reference, name in _model_names().items()}
    scratch = [name for name in models if name in MODELS and name not in named]
    if scratch:
        raise UsageError(f"{scratch[0]} has no pretrained weights", f"models with weights: {', '.join(named)}")
    return [named[name] if name in named else parse_reference(name) for name in models]


def _absent(store: Store) -> list[Reference]:
    """List the models' weights that neither the store nor a package has; the hub client's cache may vanish."""
    from emotion.weights.locate import Source, locate_weights

    locations = {reference: locate_weights(reference, store) for reference in _model_names()}
    return [reference for reference, found in locations.items() if found is None or found.source is Source.CACHE]


def _locations(models: list[str] | None, store: Store) -> Iterator[tuple[Reference, "Location"]]:
    """Yield the weights to verify, with incomplete weights of the store."""
    from emotion.weights.hints import fetch_hint
    from emotion.weights.locate import Location, Source, locate_weights, stored_references

    stored = stored_references(store)
    for reference in _references(models) if models else stored:
        location = locate_weights(reference, store)
        if location is None and reference in stored:
            location = Location(store.pretrained(reference.repository), Source.STORE, reference.wanted_revision)
        if location is None:
            raise InputMissingError(f"{reference} is not on this machine", fetch_hint(reference, store.folder))
        yield reference, location


def _check(reference: Reference, location: "Location") -> list["FileCheck"]:
    from emotion.weights.locate import Source
    from emotion.weights.verify import check_files, read_manifest

    console.say(f"reading {location.folder}")
    manifest = read_manifest(location.folder) if location.source is Source.STORE else None
    return check_files(location.folder, reference.published, manifest)


def _record(reference: Reference, location: "Location | None") -> dict[str, Any]:
    return {
        "repository": reference.repository,
        "model": _model_names().get(reference),
        "revision": (location.revision if location else reference.wanted_revision) or None,
        "source": location.source if location else None,
        "folder": str(location.folder) if location else None,
        "bytes": location.bytes if location else 0,
        "licence": reference.known.licence if reference.known else None,
        "published": sorted(reference.published),
    }


def _row(record: dict[str, Any]) -> list[str]:
    return [
        record["repository"],
        record["model"] or "",
        (record["revision"] or "unknown")[:SHORT_COMMIT],
        record["source"] or "absent",
        record["licence"] or "unknown",
        "published" if record["published"] else "as fetched",
        f"{record['bytes'] / console.MEGABYTE:,.1f}" if record["source"] else "",
    ]
