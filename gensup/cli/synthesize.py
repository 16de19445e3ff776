"""gensup synthesize."""

from __future__ import annotations

from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from gensup.cli import options
from gensup.cli.console import print_json, progress
from gensup.cli.generation import Generation, makes_clips
from gensup.errors import GensupError


class Layout(StrEnum):
    """How the set's clips are named."""

    clips = "clips"
    dcase = "dcase"


@makes_clips
def command(
    root: options.Root,
    machine: options.Machine,
    out: Annotated[Path, typer.Option(help="The twin set's folder.", show_default=False)],
    made: Generation,
    layout: Annotated[Layout, typer.Option(help="dcase: an ordinary test/ folder, for other toolkits.")] = Layout.clips,
    no_nuisances: Annotated[
        bool,
        typer.Option("--no-nuisances", help="No copies of the normal twins at other levels, colours and noise floors."),
    ] = False,
    shard: Annotated[
        str, typer.Option(help="Part I of N, I from 1 or from 0; the last to end completes the set.")
    ] = "1/1",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say clips, hours and GiB, and make nothing.")] = False,
    channel: options.ChannelText = "0",
    pattern: options.PatternText = None,
    attributes: options.Attributes = None,
    prompts: options.Prompts = None,
    skip_bad: options.SkipBad = False,
    workers: options.Workers = None,
    as_json: options.AsJson = False,
) -> None:
    """Make normal and anomalous twins of a machine, of its own normal recordings or by text to audio."""
    from gensup.steps.synthesize import synthesize

    done = synthesize(
        root,
        machine,
        out,
        settings=replace(made.settings, layout=layout.value, nuisances=not no_nuisances),
        where=made.where,
        shard=_shard(shard),
        dry_run=dry_run,
        channel=options.channel(channel),
        pattern=pattern,
        attributes=attributes,
        prompts=prompts,
        skip_bad=skip_bad,
        workers=workers,
        progress=progress(),
    )
    if as_json:
        print_json(done)
        return
    for family, reason in sorted(done.left_out.items()):
        print(f"left out {family}: {reason}")
    size = f"{done.clips} clips, {done.hours:.2f} hours, {done.gibibytes:.2f} GiB"
    if dry_run:
        print(f"would make {size} (nothing was made)")
    else:
        state = "finished" if done.finished else "not finished: other shards have work left"
        print(f"{done.made} of {size} in {out} ({state})")


def _shard(text: str) -> tuple[int, int]:
    place, slash, parts = text.partition("/")
    if not slash or not place.isdecimal() or not parts.isdecimal():
        raise GensupError("no such shard", where="--shard", value=text, rule="I/N, like 3/8")
    return int(place), int(parts)
