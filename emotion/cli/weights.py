"""`emotion weights`: fetch, list and verify the pretrained checkpoints that models start from."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any

import typer

from emotion.cli import console
from emotion.cli.options import DEFAULT_STORE, JsonOption, StoreOption

if TYPE_CHECKING:
    from emotion.store.layout import Store
    from emotion.weights.digests import Compared
    from emotion.weights.places import Place
    from emotion.weights.reference import Reference
    from emotion.weights.stock import Stock

app = typer.Typer(no_args_is_help=True, help="Fetch, list or verify pretrained checkpoints.")
SHORT = 12
ModelsArgument = Annotated[
    list[str] | None,
    typer.Argument(metavar="[MODEL]...", help="A model, or a repository on the hub: org/name or org/name@revision."),
]


@app.command()
def fetch(
    models: ModelsArgument = None,
    store: StoreOption = DEFAULT_STORE,
    force: Annotated[
        bool, typer.Option("--force", help="Fetch again what is there; replace another revision.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Fetch checkpoints from the Hugging Face hub into the store; without MODEL, all that are absent.

    Every file is held against its published SHA-256 where one is known; any other is unverified, and pinned as
    it is first fetched. What is there and right is not fetched again. HF_ENDPOINT, HF_HOME, HF_TOKEN and
    HF_HUB_OFFLINE are honoured. Exits 69 where the hub is out of reach, 65 where a file is not the right one.

    [bold]Examples[/]

      emotion weights fetch

      emotion weights fetch bert minilm --store store

      emotion weights fetch google/electra-small-discriminator@main
    """
    from emotion.store.layout import Store
    from emotion.weights.fetch import fetch_weights

    place = Store(store)
    records = []
    for reference in _references(models) if models else _absent(place):
        fetched = fetch_weights(reference, place, force=force, tell=console.say, progress=console.megabytes)
        console.say(f"wrote {fetched.folder}" if fetched.written else f"{fetched.folder} is whole: nothing to do")
        if fetched.manifest.unverified:
            names = ", ".join(fetched.manifest.unverified)
            console.say(f"unverified, since no digest is published here; pinned as fetched: {names}")
        records.append({"folder": str(fetched.folder), **fetched.manifest.model_dump()})
    if not records:
        console.say("no model lacks weights: nothing to do")
    if as_json:
        console.data_json(records)


@app.command(name="list")
def list_(models: ModelsArgument = None, store: StoreOption = DEFAULT_STORE, as_json: JsonOption = False) -> None:
    """List the checkpoints: those of the models and all others in the store, and where each is.

    Looks in the store, in installed packages and in the cache of the hub's client, in that order. Nothing is
    compared: `emotion weights verify` does that.

    [bold]Examples[/]

      emotion weights list

      emotion weights list minilm --json
    """
    from emotion.store.layout import Store
    from emotion.weights.stock import in_store, take_stock

    place = Store(store)
    references = _references(models) if models else list(dict.fromkeys([*_all_models(), *in_store(place)]))
    stocks = [take_stock(reference, place) for reference in references]
    if as_json:
        console.data_json([_stock_json(stock) for stock in stocks])
        return
    columns = ["checkpoint", "model", "revision", "where", "licence", "digests", "MB"]
    console.table("", columns, [_stock_row(stock) for stock in stocks], numbers=1)


@app.command()
def verify(models: ModelsArgument = None, store: StoreOption = DEFAULT_STORE, as_json: JsonOption = False) -> None:
    """Read every file of the checkpoints in the store, or of MODEL, and compare its SHA-256.

    verified: equal to the published one. as fetched: none is published, equal to the first fetch. unverified:
    nothing to compare with. Exits 65 where a file is wrong or missing, 66 where MODEL is not on this machine.

    [bold]Examples[/]

      emotion weights verify

      emotion weights verify minilm --json
    """
    from emotion.errors import BadDataError
    from emotion.store.layout import Store
    from emotion.weights.digests import BAD

    records = [
        {"checkpoint": str(reference), "folder": str(place.folder), "source": place.source, **vars(each)}
        for reference, place in _places(models, Store(store))
        for each in _compare(reference, place)
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
        raise BadDataError(f"not as it should be: {', '.join(bad)}", "`emotion weights fetch MODEL --force`")


def _all_models() -> dict["Reference", str]:
    """The checkpoints of the models, and the models' names."""
    from emotion.models.registry import MODELS
    from emotion.weights.reference import Reference

    return {Reference(info.pretrained.repository): info.name for info in MODELS.values() if info.pretrained}


def _references(models: list[str]) -> list["Reference"]:
    from emotion.errors import UsageError
    from emotion.models.registry import MODELS
    from emotion.weights.reference import parse_reference

    named = {name: reference for reference, name in _all_models().items()}
    scratch = [name for name in models if name in MODELS and name not in named]
    if scratch:
        raise UsageError(f"{scratch[0]} starts from scratch: it has no weights", f"these have: {', '.join(named)}")
    return [named[name] if name in named else parse_reference(name) for name in models]


def _absent(store: "Store") -> list["Reference"]:
    """Those of the models that neither the store nor a package has: the client's cache is no lasting place."""
    from emotion.weights.places import Source, locate

    places = {reference: locate(reference, store) for reference in _all_models()}
    return [reference for reference, place in places.items() if place is None or place.source is Source.CACHE]


def _places(models: list[str] | None, store: "Store") -> Iterator[tuple["Reference", "Place"]]:
    """What is to be verified; incomplete checkpoints of the store as well."""
    from emotion.errors import InputMissingError
    from emotion.weights.places import Place, Source, locate
    from emotion.weights.stock import in_store

    stored = in_store(store)
    for reference in _references(models) if models else stored:
        place = locate(reference, store)
        if place is None and reference in stored:
            place = Place(store.checkpoint(reference.repository), Source.STORE)
        if place is None:
            raise InputMissingError(f"{reference} is not on this machine", f"emotion weights fetch {reference}")
        yield reference, place


def _compare(reference: "Reference", place: "Place") -> list["Compared"]:
    from emotion.weights.digests import compare
    from emotion.weights.manifest import read_manifest
    from emotion.weights.places import Source

    console.say(f"reading {place.folder}")
    manifest = read_manifest(place.folder) if place.source is Source.STORE else None
    return compare(place.folder, reference.published, manifest)


def _stock_json(stock: "Stock") -> dict[str, Any]:
    known = stock.reference.known
    return {
        "repository": stock.reference.repository,
        "model": _all_models().get(stock.reference),
        "revision": stock.revision or None,
        "source": stock.place.source if stock.place else None,
        "folder": str(stock.place.folder) if stock.place else None,
        "bytes": stock.bytes,
        "licence": known.licence if known else None,
        "published": sorted(stock.reference.published),
    }


def _stock_row(stock: "Stock") -> list[str]:
    record = _stock_json(stock)
    return [
        record["repository"],
        record["model"] or "",
        stock.revision[:SHORT] or "unknown",
        record["source"] or "absent",
        record["licence"] or "unknown",
        "published" if record["published"] else "as fetched",
        f"{stock.bytes / console.MEGABYTE:,.1f}" if stock.place else "",
    ]
