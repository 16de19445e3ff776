"""gensup tune."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gensup.cli import options
from gensup.cli.console import print_json, progress
from gensup.cli.generation import Generation, makes_clips

if TYPE_CHECKING:
    from gensup.steps.tune import Tuning


class Answer(StrEnum):
    """What is built of the verdict."""

    auto = "auto"
    single = "single"
    fusion = "fusion"
    hedged = "hedged"
    default = "default"


@makes_clips
def command(
    root: options.Root,
    machine: Annotated[
        list[str], typer.Option(help="The machine type, e.g. ToyDrone; may be repeated.", show_default=False)
    ],
    out: Annotated[Path, typer.Option(help="The run folder; of several machines, the folder of theirs.")],
    made: Generation,
    synthetic: Annotated[
        list[Path],
        typer.Option(help="A twin set to choose with; may be repeated. Made anew unless given.", show_default=False),
    ] = [],  # noqa: B006  # typer copies it
    detector: Annotated[list[str], typer.Option(help="A recipe to tune; may be repeated.")] = ["twfr-gmm"],  # noqa: B006
    answer: Annotated[
        Answer, typer.Option(help="What is built: as the evidence allows (auto), or this.")
    ] = Answer.auto,
    limit: Annotated[
        list[str], typer.Option(help="parameters=250000 or ms_per_clip=5: prune what a device cannot hold.")
    ] = [],  # noqa: B006
    trials: Annotated[int, typer.Option(help="Configurations; of a larger space, TPE picks them.", min=2)] = 1000,
    budget: Annotated[
        str | None,
        typer.Option(
            help="Begin no other candidate after this time, which making twins counts in: 30m, 2h.", show_default=False
        ),
    ] = None,
    drop_suspects: Annotated[int, typer.Option(help="Leave so many of the suspicious normal clips out.", min=0)] = 0,
    oracle: Annotated[
        bool, typer.Option("--oracle", help="When the verdict stands, open the labelled test clips and judge it.")
    ] = False,
    channel: options.ChannelText = "0",
    pattern: options.PatternText = None,
    attributes: options.Attributes = None,
    prompts: options.Prompts = None,
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
    """Choose a detector by synthetic anomalies, fit it on every normal clip, and write a page about it."""
    from gensup.steps.budget import seconds
    from gensup.steps.limits import Limits
    from gensup.steps.machines import tune_each
    from gensup.steps.tune import Choosing

    tuned, failed = tune_each(
        root,
        machine,
        out,
        synthetic=synthetic,
        detectors=detector,
        settings=made.settings,
        where=made.where,
        choosing=Choosing(
            answer=answer.value,
            limits=Limits.parsed(limit),
            trials=trials,
            budget_s=None if budget is None else seconds(budget),
            drop_suspects=drop_suspects,
        ),
        oracle=oracle,
        channel=options.channel(channel),
        pattern=pattern,
        attributes=attributes,
        prompts=prompts,
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
    for name, done in tuned.items():
        _show(name, done, several=len(machine) > 1, as_json=as_json)
    for name, done in tuned.items():
        if done.unjudged is not None:
            progress().note(f"{name}: the run is finished; its verdict could not be judged")
            raise done.unjudged
    if failed:
        first = next(iter(failed))
        progress().note(f"not tuned: {', '.join(failed)}")
        raise failed[first]


def _show(machine: str, done: Tuning, *, several: bool, as_json: bool) -> None:
    from gensup.cli.verdict import print_verdict
    from gensup.selection.sentence import describe

    if as_json:
        print_json(
            {
                "machine": machine,
                "verdict": done.verdict,
                "suspects": done.suspects,
                "detector": done.detector,
                "report": done.report,
            }
        )
        return
    if several:
        print(f"\n=== {machine} ===")
    print_verdict(done.verdict, {trial.id: describe(trial) for trial in done.table.trials})
    print(f"\ndetector  {done.detector}\nreport    {done.report}")
