"""gensup convert."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gensup.cli import options
from gensup.cli.console import print_json


def command(
    source: Annotated[
        Path,
        typer.Argument(help="A BEATs .pt, or a folder with config.json and pytorch_model.bin.", show_default=False),
    ],
    out: Annotated[Path, typer.Option(help="The folder of weights.", show_default=False)],
    trust: Annotated[
        bool, typer.Option("--trust", help="Reading such a file can run code that its maker put there: allow it.")
    ] = False,
    name: Annotated[
        str | None, typer.Option(help="Of the checkpoint; the source's unless said.", show_default=False)
    ] = None,
    licence: Annotated[str, typer.Option(help="Of the weights, written beside them.")] = "not said",
    as_json: options.AsJson = False,
) -> None:
    """Make safetensors of a pretrained checkpoint in pickle's format."""
    from gensup.steps.convert import convert

    done = convert(source, out, trust=trust, name=name, licence=licence)
    if as_json:
        print_json(done)
        return
    print(f"{done.path}: {done.kind}, {done.n_parameters} parameters, sha256 {done.sha256}")
    print(f"from {source}, sha256 {done.source_sha256}")
    if done.whole_pickle:
        print("the file holds more than arrays: its code was run")
    if done.dropped:
        print(f"left out, for no frontend uses it: {', '.join(done.dropped)}")
