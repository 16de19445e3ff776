"""gensup export."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gensup.cli import options
from gensup.cli.console import print_json
from gensup.errors import GensupError


def command(
    detector: Annotated[Path | None, typer.Argument(help="A detector's folder.", show_default=False)] = None,
    out: Annotated[
        Path | None, typer.Option(help="FILE.onnx; FILE.pair.safetensors is written beside it.", show_default=False)
    ] = None,
    group: Annotated[
        str, typer.Option(help="Whose models, where the detector has several groups.", show_default=False)
    ] = "",
    clip: Annotated[
        Path | None,
        typer.Option(help="Of the stored pair and of the model's length; a hum unless said.", show_default=False),
    ] = None,
    seconds: Annotated[
        float | None, typer.Option(help="Length of the model's clips; the clip's, or 10.", show_default=False)
    ] = None,
    check: Annotated[
        Path | None,
        typer.Option(help="Instead: whether this FILE.onnx scores the stored clip as stored.", show_default=False),
    ] = None,
    weights: options.Weights = None,
    as_json: options.AsJson = False,
) -> None:
    """Write a fitted detector as an ONNX model, checked by a clip and its score that are stored beside it."""
    from gensup.steps.onnx_file import check_export, export

    if check is not None and detector is None and out is None:
        checked = check_export(check)
        if as_json:
            print_json(checked)
        else:
            print(f"{check}: {checked.found:.9g} by {checked.by}, {checked.score:.9g} by gensup: they agree")
        return
    if check is not None or detector is None or out is None:
        raise GensupError("what to do is not said", where="export", rule="DETECTOR and --out, or --check alone")
    done = export(detector, out, group=group, clip=clip, seconds=seconds, weights=weights)
    if as_json:
        print_json(done)
        return
    print(f"{done.path}: waveform (1, {done.samples}) at {done.rate} Hz -> score; above {done.threshold:.9g} anomalous")
    print(f"{done.pair}: a clip, {done.score:.9g} by gensup, {done.found:.9g} by {done.by}")
