"""gensup verify."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gensup.cli import options
from gensup.cli.console import print_json, print_table, progress


def command(
    run: Annotated[Path, typer.Argument(help="A run folder, a twin set, a detector, or a trained frontend.")],
    weights: options.Weights = None,
    as_json: options.AsJson = False,
) -> None:
    """Check every checksum and record of a run; nothing is changed. Status 2 when something was altered."""
    from gensup.steps.verify import verify

    found = verify(run, weights=weights, progress=progress())
    if as_json:
        print_json({"sound": found.sound, "folder": found.folder, "checked": found.checked, "findings": found.findings})
    else:
        if found.findings:
            print_table(("", "where", "what", "remedy"), [(f.state, f.path, f.what, f.remedy) for f in found.findings])
        looked = ", ".join(f"{count} {what}" for what, count in found.checked.items()) or "nothing"
        print(f"{'sound' if found.sound else 'ALTERED'}: looked at {looked}")
    if not found.sound:
        raise typer.Exit(2)
