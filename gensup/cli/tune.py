"""gensup tune."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gensup.cli import options
from gensup.cli.console import print_json, progress
from gensup.cli.verdict import print_verdict


def command(
    root: options.Root,
    machine: options.Machine,
    out: Annotated[Path, typer.Option(help="The run folder.", show_default=False)],
    synthetic: Annotated[
        list[Path],
        typer.Option(help="A twin set to choose with; may be repeated. Made anew unless given.", show_default=False),
    ] = [],  # noqa: B006  # typer copies it
    detector: Annotated[list[str], typer.Option(help="A recipe to tune; may be repeated.")] = ["twfr-gmm"],  # noqa: B006
    generator: options.Generator = "faults",
    pairs: options.Pairs = 50,
    severities: options.Severities = "0.125,0.25,0.5,1,2,4",
    faults: options.Faults = "",
    seed: options.Seed = 0,
    style: options.Style = "descriptive",
    channel: options.ChannelText = "0",
    prompts: options.Prompts = None,
    detectors: options.Detectors = None,
    skip_bad: options.SkipBad = False,
    cache: options.Cache = None,
    workers: options.Workers = None,
    as_json: options.AsJson = False,
) -> None:
    """Choose a detector by synthetic anomalies, fit it on every normal clip, and write a page about it."""
    from gensup.selection.sentence import describe
    from gensup.steps.synthesize import Settings
    from gensup.steps.tune import tune

    settings = Settings(
        generator=generator,
        pairs=pairs,
        severities=options.numbers(severities, "--severities"),
        faults=options.words(faults),
        seed=seed,
        style=style,
    )
    done = tune(
        root,
        machine,
        out,
        synthetic=synthetic,
        detectors=detector,
        settings=settings,
        channel=options.channel(channel),
        prompts=prompts,
        detectors_overlay=detectors,
        skip_bad=skip_bad,
        cache=cache,
        workers=workers,
        progress=progress(),
    )
    if as_json:
        print_json({"verdict": done.verdict, "detector": done.detector, "report": done.report})
        return
    print_verdict(done.verdict, {trial.id: describe(trial) for trial in done.table.trials})
    print(f"\ndetector  {done.detector}\nreport    {done.report}")
