"""gensup fit."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gensup.cli import options
from gensup.cli.console import print_json, progress


def command(
    root: options.Root,
    machine: options.Machine,
    detector: Annotated[str, typer.Option(help="The recipe, see `gensup detectors`.", show_default=False)],
    out: Annotated[Path, typer.Option(help="The detector's folder.", show_default=False)],
    assignments: options.Assignments = [],  # noqa: B006  # typer copies it
    seed: options.Seed = 0,
    channel: options.ChannelText = "0",
    pattern: options.PatternText = None,
    attributes: options.Attributes = None,
    detectors: options.Detectors = None,
    skip_bad: options.SkipBad = False,
    cache: options.Cache = None,
    weights: options.Weights = None,
    device: options.Device = None,
    frontend: options.Frontend = None,
    noise: options.Noise = None,
    noise_channel: options.NoiseChannelText = None,
    workers: options.Workers = None,
    as_json: options.AsJson = False,
) -> None:
    """Fit one detector as it is, without choosing."""
    from gensup.steps.fit import fit

    done = fit(
        root,
        machine,
        detector,
        out,
        values=options.values(assignments),
        seed=seed,
        channel=options.channel(channel),
        pattern=pattern,
        attributes=attributes,
        detectors_overlay=detectors,
        skip_bad=skip_bad,
        cache=cache,
        weights=weights,
        device=device,
        frontend=frontend,
        noise=noise,
        noise_channel=options.noise_channel(noise_channel),
        workers=workers,
        progress=progress(),
    )
    groups = list(done.groups)
    if as_json:
        # Of several fitted together there are no parameters of one.
        own = getattr(done, "params", None)
        print_json({"detector": out, "params": own, "held_out": done.held_out, "groups": groups})
    else:
        print(f"fitted {detector}, {len(groups)} group(s) of {machine}; threshold {done.threshold:.3f}; in {out}")
