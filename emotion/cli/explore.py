"""`emotion explore`: describes a data set in figures and numbers."""

from pathlib import Path
from typing import Annotated, Any

import typer

from emotion.cli import console
from emotion.cli.option_groups import with_option_groups
from emotion.cli.options import DataOptions, JsonOption, given


@with_option_groups
def explore(
    *,
    data: Annotated[
        Path, typer.Option("--data", metavar="DIR", help="Folder with three splits, or one file to split.")
    ],
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Folder for figures and numbers.")],
    vocabulary: Annotated[
        int | None,
        typer.Option(metavar="N", min=3, max=1_000_000, help="Vocabulary size to evaluate [dim](default: 8126)[/]."),
    ] = None,
    max_length: Annotated[
        int | None,
        typer.Option(metavar="N", min=1, max=4096, help="Text length in words to evaluate [dim](default: 35)[/]."),
    ] = None,
    options: DataOptions,
    as_json: JsonOption = False,
) -> None:
    """Draw figures of a data set: labels, words, lengths, typical words per label, texts with two labels.

    Writes seven figures as PNG and SVG, then explore.json with their numbers.
    Words are split as ANN and LSTM split them: use the results to choose their vocabulary and max_length.
    Data that is unfit for training works too.

    [bold]Examples[/]

      emotion explore --data data/emotion --out figures

      emotion explore --data reviews.csv --out figures --label-column stars --vocabulary 20000 --max-length 60
    """
    from emotion.data.dataset import describe_files, read_splits
    from emotion.explore.figures import FIGURES, JSON_FILE, write_figures
    from emotion.explore.measurements import measure
    from emotion.params.schema import DataTable, WordTextTable

    params = DataTable(**options.table)
    splits = read_splits(data, params)
    for line in describe_files(data, params):
        console.say(line)
    chosen = WordTextTable(**given(vocabulary=vocabulary, max_length=max_length))
    with console.meter("words", "rows", total=sum(map(len, splits.values()))) as meter:
        measurements = measure(data, splits, chosen, meter.advance)
    with console.meter("figures", "figures", total=len(FIGURES)) as meter:
        written = write_figures(measurements, out, meter.advance)
    console.say(f"wrote {len(FIGURES)} figures as PNG and SVG, and {JSON_FILE} to {out}")
    for warning in written.warnings:
        console.warn(warning)
    if as_json:
        console.data_json(written.content)
    else:
        _table(written.content)


def _table(content: dict[str, Any]) -> None:
    splits = list(content["rows"])
    vocabulary, lengths = content["vocabulary"], content["lengths"]
    labels = [sum(part["count"] > 0 for part in content["labels"][split].values()) for split in splits]
    rows = [
        ("rows", *(f"{content['rows'][split]:,}" for split in splits)),
        ("labels", *(f"{count:,}" for count in labels)),
        ("words", *(f"{vocabulary['running'][split]:,}" for split in splits)),
        ("distinct words", f"{vocabulary['distinct']:,}", "", ""),
        (
            f"among the {vocabulary['kept']:,} most frequent words of train",
            *(_share(vocabulary["covered"][split]) for split in splits),
        ),
        (f"texts with at most {lengths['chosen']:,} words", *(_share(lengths["fits"][split]) for split in splits)),
    ]
    console.table(content["data"], ["", *splits], rows)
    console.data(f"texts with two labels or more, across all splits: {content['conflicts']['texts']:,}")


def _share(share: float | None) -> str:
    return "" if share is None else f"{share:.1%}"
