"""gensup select."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gensup.cli import options
from gensup.cli.console import print_json
from gensup.cli.verdict import print_verdict


def command(
    scores: Annotated[list[Path], typer.Argument(help="One score file a candidate (name,score), or folders of them.")],
    twins: Annotated[Path, typer.Option(help="The twin set that was scored.", show_default=False)],
    held_out: Annotated[
        Path | None,
        typer.Option(
            help="Folder with files of the same names: scores of held-out normal recordings.", show_default=False
        ),
    ] = None,
    as_json: options.AsJson = False,
) -> None:
    """Choose among any detectors by their scores of a twin set.

    Fit them without the set's sources: a normal twin is a recording, and a detector must not know it.
    """
    from gensup.steps.select import select

    verdict = select(twins, scores, held_out=held_out)
    if as_json:
        print_json(verdict)
    else:
        print_verdict(verdict, {trial: trial for trial in (*verdict.members, *(t for t, _ in verdict.ranking))})
