"""gensup caption."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from gensup.cli import options
from gensup.cli.console import print_json


class Wanted(StrEnum):
    """The condition that a caption speaks of."""

    own = "own"
    normal = "normal"
    anomaly = "anomaly"
    both = "both"


def command(
    root: options.OptionalRoot = None,
    names: options.Names = None,
    condition: Annotated[Wanted, typer.Option(help="own: as the clip says; not said counts as normal.")] = Wanted.own,
    style: options.Style = "paper",
    prompts: options.Prompts = None,
    as_json: options.AsJson = False,
) -> None:
    """Say every clip in a sentence."""
    from gensup.steps.scan import caption

    for row in caption(root, names=names, condition=condition.value, style=style, prompts=prompts):
        if as_json:
            print_json(row)
        else:
            print(f"{row.path}\t{row.caption}")
