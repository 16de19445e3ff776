"""gensup caption."""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
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
    pattern: options.PatternText = None,
    condition: Annotated[Wanted, typer.Option(help="own: as the clip says; not said counts as normal.")] = Wanted.own,
    style: options.Style = "paper",
    prompts: options.Prompts = None,
    limit: Annotated[
        str | None,
        typer.Option(help="Refuse captions of more tokens: clap (77), t5 (512), or a number.", show_default=False),
    ] = None,
    tokenizer: Annotated[
        Path | None,
        typer.Option(help="Count with the tokenizer in this folder, instead of estimating.", show_default=False),
    ] = None,
    truncate: Annotated[
        bool, typer.Option("--truncate", help="Cut what is over the limit at the end of a word.")
    ] = False,
    as_json: options.AsJson = False,
) -> None:
    """Say every clip in a sentence."""
    from gensup.captions import CountedRow
    from gensup.steps.scan import caption

    notes: list[str] = []
    rows = caption(
        root,
        names=names,
        pattern=pattern,
        condition=condition.value,
        style=style,
        prompts=prompts,
        limit=limit,
        tokenizer=tokenizer,
        truncate=truncate,
        notes=notes,
    )
    for line in notes:
        print(line, file=sys.stderr)
    said = cut = 0
    for row in rows:
        said += 1
        cut += isinstance(row, CountedRow) and row.cut
        if as_json:
            print_json(row)
        else:
            print(f"{row.path}\t{row.caption}")
    if cut:
        print(f"cut to the limit: {cut} of {said} captions", file=sys.stderr)
