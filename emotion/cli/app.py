"""Collects the commands of `emotion` and their groups.

Every start imports all command modules, and `emotion --help` must be fast. Therefore commands import pydantic and
larger packages inside their functions, and everything else at the top.
"""

from typing import Annotated

import typer

from emotion import __version__
from emotion.cli import (
    aggregate,
    classify,
    data,
    doctor,
    explore,
    models,
    params,
    pipeline,
    prefetch,
    runs,
    status,
    stream,
    submit,
    sweep,
    train,
    transfer,
    weights,
)
from emotion.errors import ExitCode

app = typer.Typer(
    name="emotion",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog=f"Exit codes: {'; '.join(f'{code} {code.meaning}' for code in ExitCode)}.",
)
app.command()(train.train)
app.command()(sweep.sweep)
app.command()(explore.explore)
app.command()(aggregate.aggregate)
app.command()(classify.classify)
app.add_typer(data.app, name="data")
app.add_typer(runs.app, name="runs")
app.command("models")(models.models)
app.add_typer(weights.app, name="weights")
app.add_typer(params.app, name="params")
app.add_typer(stream.app, name="stream", hidden=True)
app.command()(doctor.doctor)
app.command()(prefetch.prefetch)
for command in (
    submit.submit,
    pipeline.pipeline,
    status.status,
    status.logs,
    status.cancel,
    transfer.put,
    transfer.fetch,
):
    app.command(rich_help_panel="On a cluster")(command)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(__version__)
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Train text classifiers, compare them, and classify CSV files with the winner."""
