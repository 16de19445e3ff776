"""gensup train."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gensup.cli import options
from gensup.cli.console import print_json, progress

ALL = "all"


def command(
    roots: Annotated[list[Path], typer.Argument(help="Folders of recordings.", metavar="ROOT...")],
    detector: Annotated[
        str, typer.Option(help="The recipe whose frontend is trained, see `gensup detectors`.", show_default=False)
    ],
    out: Annotated[Path, typer.Option(help="The frontend's folder, for `fit --frontend`.", show_default=False)],
    machines: Annotated[str, typer.Option(help="all, or machine types separated by commas.")] = ALL,
    assignments: options.Assignments = [],  # noqa: B006  # typer copies it
    seed: options.Seed = 0,
    channel: options.ChannelText = "0",
    pattern: options.PatternText = None,
    attributes: options.Attributes = None,
    detectors: options.Detectors = None,
    weights: options.Weights = None,
    device: options.Device = None,
    noise: options.Noise = None,
    noise_channel: options.NoiseChannelText = None,
    skip_bad: options.SkipBad = False,
    workers: options.Workers = None,
    as_json: options.AsJson = False,
) -> None:
    """Train a recipe's frontend once on the normal training clips of many machines."""
    from gensup.steps.train import train

    front = train(
        roots,
        detector,
        out,
        machines=None if machines.strip() == ALL else options.words(machines),
        values=options.values(assignments),
        seed=seed,
        channel=options.channel(channel),
        pattern=pattern,
        attributes=attributes,
        detectors_overlay=detectors,
        weights=weights,
        device=device,
        noise=noise,
        noise_channel=options.noise_channel(noise_channel),
        skip_bad=skip_bad,
        workers=workers,
        progress=progress(),
    )
    classes = len(set(front.labels))
    if as_json:
        print_json(
            {
                "frontend": front.folder,
                "params": front.params,
                "machines": front.machines,
                "clips": len(front.keys),
                "classes": classes,
                "sha256": front.sha256,
            }
        )
    else:
        print(
            f"trained the frontend of {front.recipe} on {len(front.keys)} clips of {', '.join(front.machines)}, "
            f"{classes} classes; in {front.folder}"
        )
