"""gensup report."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gensup.cli import options
from gensup.cli.console import print_json


def command(
    run: Annotated[Path, typer.Argument(help="A run folder of `gensup tune`.")],
    synthetic: Annotated[
        list[Path], typer.Option(help="A twin set that the run was given; may be repeated.", show_default=False)
    ] = [],  # noqa: B006  # typer copies it
    as_json: options.AsJson = False,
) -> None:
    """Write a run's report.html again."""
    from gensup.steps.report import report

    page = report(run, synthetic=synthetic)
    if as_json:
        print_json({"report": page})
    else:
        print(page)
