"""`emotion data`: checks a data set, fetches the reference data set, and writes the built-in sample."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from emotion.cli import console
from emotion.cli.option_groups import with_option_groups
from emotion.cli.options import DataOptions, JsonOption
from emotion.data.origin import PUBLISHED
from emotion.data.sample import generate
from emotion.errors import BadDataError

if TYPE_CHECKING:
    from emotion.data.check import Report

app = typer.Typer(no_args_is_help=True, help="Check, fetch or generate labeled text.")
ForceOption = Annotated[bool, typer.Option("--force", help="Overwrite other files with the same names.")]


@app.command()
@with_option_groups
def check(
    *,
    data: Annotated[Path, typer.Argument(metavar="DIR", help="Folder with three splits, or one file to split.")],
    options: DataOptions,
    as_json: JsonOption = False,
) -> None:
    """Print statistics of a data set: rows, labels, lengths, vocabulary, duplicates, texts shared between splits.

    Exits 65 after the statistics if the data set is unfit for training.

    [bold]Examples[/]

      emotion data check data/emotion

      emotion data check reviews.csv --text-column review --label-column stars --json
    """
    from emotion.data.check import as_json as report_json
    from emotion.data.check import check_data
    from emotion.data.dataset import describe_files
    from emotion.params.schema import DataTable

    params = DataTable(**options.table)
    report = check_data(data, params)
    for line in describe_files(data, params):
        console.say(line)
    if as_json:
        console.data_json(report_json(report))
    else:
        _tables(report)
    for remark in report.remarks:
        console.warn(remark)
    if report.problems:
        raise BadDataError(f"{data} is unfit for training: {'; '.join(report.problems)}")


def _tables(report: "Report") -> None:
    names = list(report.rows)
    published = any(digest in PUBLISHED.values() for digest in report.files.values())
    files = [
        (file, digest, *(["as published" if digest in PUBLISHED.values() else "other"] if published else []))
        for file, digest in report.files.items()
    ]
    console.table(report.path, ["file", "SHA-256", *(["content"] if published else [])], files, numbers=0)
    shares = [
        (label, *(_share(report.labels[name][label], report.rows[name]) for name in names))
        for label in report.labels["train"]
    ]
    console.table("labels", ["", *names], [*shares, ("rows", *(f"{rows:,}" for rows in report.rows.values()))])
    columns = ["mean", "p50", "p90", "p95", "p99", "max"]
    lengths = [(name, *_lengths(words, columns)) for name, words in report.words.items()]
    console.table("words per text", ["", *columns], lengths)
    console.table("", ["", ""], [*_vocabulary(report), *_duplicates(report)])


def _share(count: int, rows: int) -> str:
    return f"{count:,} ({count / rows:6.2%})" if rows else "0"


def _lengths(words: dict[str, float] | None, columns: list[str]) -> list[str]:
    if words is None:
        return ["" for _ in columns]
    return [f"{words[column]:.1f}" if column == "mean" else str(words[column]) for column in columns]


def _vocabulary(report: "Report") -> list[tuple[str, str]]:
    unknown = [
        (f"words of {'validation and test' if name == 'both' else name} not in train", f"{share:.1%}")
        for name, share in report.unknown_words.items()
        if share is not None
    ]
    return [
        ("vocabulary of train, split at white space", f"{report.vocabulary['types']:,}"),
        ("  seen twice or more", f"{report.vocabulary['seen_twice']:,}"),
        *unknown,
    ]


def _duplicates(report: "Report") -> list[tuple[str, str]]:
    rows = []
    for name, counts in report.repeated.items():
        rows += [
            (f"repeated texts in {name}", f"{counts['texts']:,}"),
            ("  with two labels", f"{counts['two_labels']:,}"),
        ]
    for pair, counts in report.shared.items():
        rows += [
            (f"texts of {pair}", f"{counts['texts']:,}"),
            ("  with another label", f"{counts['other_label']:,}"),
        ]
    return rows


@app.command()
def fetch(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Folder for the three files.")],
    revision: Annotated[
        str | None,
        typer.Option("--revision", help="Branch, tag or commit on the hub [dim](default: main)[/]."),
    ] = None,
    force: ForceOption = False,
    as_json: JsonOption = False,
) -> None:
    """Fetch the emotion data set from the Hugging Face hub as text;label files, and check their digests.

    The data set is licensed for educational and research purposes only.
    The command honors HF_ENDPOINT, HF_HUB_OFFLINE and HF_HOME.

    [bold]Example[/]

      emotion data fetch data/emotion
    """
    from emotion.data.fetch import fetch as fetch_files

    fetched = fetch_files(folder, revision, force=force, on_step=console.say)
    if fetched.written:
        console.say(f"wrote {', '.join(fetched.card['sha256'])} to {folder}")
    else:
        console.say(f"{folder} has the files: nothing to do")
    for file in fetched.different:
        console.warn(
            f"{file} is not the original: its SHA-256 is {fetched.card['sha256'][file]['found']},"
            f" the published one is {fetched.card['sha256'][file]['published']}"
        )
    if as_json:
        console.data_json(fetched.card)


@app.command()
def sample(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Folder for the three files.")],
    seed: Annotated[int, typer.Option("--seed", min=0, help="Seed of the generated texts.")] = 0,
    force: ForceOption = False,
    as_json: JsonOption = False,
) -> None:
    """Write the built-in sample: generated texts with six emotions, for trials without a network.

    Results on the sample are marked as such.

    [bold]Example[/]

      emotion data sample data/sample
    """
    from emotion.data.write import FILES, as_lines, write_sample

    contents = {FILES[split]: as_lines(FILES[split], rows) for split, rows in generate(seed).items()}
    card, written = write_sample(folder, contents, seed, force=force)
    console.say(f"wrote {', '.join(contents)} to {folder}" if written else f"{folder} has the files: nothing to do")
    console.warn("a grammar generates these sentences: results on them say nothing about real data")
    if as_json:
        console.data_json(card)
