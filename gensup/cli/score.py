"""gensup score."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gensup.cli import options
from gensup.cli.console import print_json, progress


def command(
    detector: Annotated[Path, typer.Argument(help="A detector's folder.")],
    clips: Annotated[list[Path], typer.Argument(help="Clips, or folders of clips.")],
    out: Annotated[
        Path, typer.Option(help="CSV of name,score without a header; higher = more anomalous.", show_default=False)
    ],
    decisions: Annotated[
        Path | None, typer.Option(help="CSV of name,0|1: 1 = above the threshold.", show_default=False)
    ] = None,
    normalised: Annotated[
        bool, typer.Option("--normalised", help="0 to 1: the share of normal clips that score lower (gamma CDF).")
    ] = False,
    false_alarms: options.FalseAlarms = None,
    pattern: options.PatternText = None,
    skip_bad: options.SkipBad = False,
    cache: options.Cache = None,
    weights: options.Weights = None,
    device: options.Device = None,
    workers: options.Workers = None,
    as_json: options.AsJson = False,
) -> None:
    """Score clips with a fitted detector."""
    from gensup.steps.score import score

    scored = score(
        detector,
        clips,
        out=out,
        decisions=decisions,
        normalised=normalised,
        false_alarms=false_alarms,
        pattern=pattern,
        skip_bad=skip_bad,
        cache=cache,
        weights=weights,
        device=device,
        workers=workers,
        progress=progress(),
    )
    if as_json:
        for row in scored:
            print_json(row)
    else:
        alarms = sum(row.anomalous for row in scored)
        print(f"scored {len(scored)} clips, {alarms} above the threshold; in {out}")
