"""gensup finetune."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from gensup.cli import options
from gensup.cli.console import print_json, print_table, progress


def command(
    roots: Annotated[list[Path], typer.Argument(help="Folders of recordings.", show_default=False)],
    model: Annotated[str, typer.Option(help="A checkpoint's folder, or its name on the hub.", show_default=False)],
    out: Annotated[Path, typer.Option(help="The run folder; generators take it as a model.", show_default=False)],
    reference: Annotated[
        str, typer.Option(help="Machines whose anomalies are heard, separated by commas; all: every other machine.")
    ] = "all",
    target: Annotated[
        list[str], typer.Option(help="A machine to be tuned for, normal training clips only; may be repeated.")
    ] = [],  # noqa: B006  # typer copies it
    hold_out: Annotated[
        str | None, typer.Option(help="A reference that is not trained on, only validated on.", show_default=False)
    ] = None,
    revision: Annotated[str | None, typer.Option(help="The model's commit.", show_default=False)] = None,
    lora: Annotated[int, typer.Option(help="Rank of the adapters on the UNet's attention.", min=1)] = 32,
    full: Annotated[bool, typer.Option("--full", help="Train the whole UNet instead.")] = False,
    steps: Annotated[int, typer.Option(help="Of the training.", min=1)] = 10_000,
    batch: Annotated[int, typer.Option(help="Clips a step, over all processes.", min=1)] = 32,
    accumulate: Annotated[int, typer.Option(help="Parts a step is worked through in, to save memory.", min=1)] = 1,
    lr: Annotated[
        float | None,
        typer.Option(help="Learning rate: 1e-4 for adapters, 1e-5 for a whole UNet.", show_default=False),
    ] = None,
    min_snr: Annotated[
        float | None, typer.Option(help="Weigh timesteps by min-SNR with this gamma, e.g. 5.", show_default=False)
    ] = None,
    seconds: Annotated[float, typer.Option(help="Length of a training clip; others are wrapped or cropped.")] = 10.0,
    validate_every: Annotated[int, typer.Option(help="Steps.", min=1)] = 500,
    checkpoint_every: Annotated[int, typer.Option(help="Steps.", min=1)] = 500,
    patience: Annotated[
        int | None, typer.Option(help="End after so many validations without a better one.", min=1, show_default=False)
    ] = None,
    generated: Annotated[
        int, typer.Option(help="Twins made of the held-out machine at the end: can w = 0 be told from 4?", min=0)
    ] = 32,
    dtype: Annotated[
        str | None, typer.Option(help="bfloat16, float16 or float32; bfloat16 on a GPU.", show_default=False)
    ] = None,
    device: Annotated[str | None, typer.Option(help="cpu or cuda.", show_default=False)] = None,
    same_machine: Annotated[
        bool,
        typer.Option(
            "--same-machine",
            "--include-aliases",
            help="Let an alias or emulation of the target be a reference: no first shot, and the record says so.",
        ),
    ] = False,
    offline: Annotated[bool, typer.Option("--offline", help="Fetch nothing.")] = False,
    seed: options.Seed = 0,
    channel: options.ChannelText = "0",
    attributes: options.Attributes = None,
    prompts: options.Prompts = None,
    skip_bad: options.SkipBad = False,
    cache: Annotated[
        Path | None, typer.Option(help="Encoded clips, shared by runs of one model.", show_default=False)
    ] = None,
    workers: options.Workers = None,
    as_json: options.AsJson = False,
) -> None:
    """Train a text-to-audio model on machines that broke, and on the target in health."""
    from gensup.steps.finetune import finetune
    from gensup.synthesis.finetuning.course import Course

    course = Course(
        rank=None if full else lora,
        steps=steps,
        batch=batch,
        accumulate=accumulate,
        rate=lr,
        min_snr=min_snr,
        seed=seed,
        seconds=seconds,
        validate_every=validate_every,
        checkpoint_every=checkpoint_every,
        patience=patience,
    )
    done = finetune(
        roots,
        out,
        model=model,
        reference=options.words(reference),
        target=target,
        revision=revision,
        course=course if dtype is None else replace(course, dtype=dtype),
        native=dtype is None,
        hold_out_machine=hold_out,
        same_machine=same_machine,
        offline=offline,
        device=device,
        cache=cache,
        generated=generated,
        channel=options.channel(channel),
        attributes=attributes,
        prompts=prompts,
        skip_bad=skip_bad,
        workers=workers,
        progress=progress(),
    )
    if not done.first:  # of several processes one speaks
        return
    if as_json:
        print_json(done)
        return
    rows = [
        [cell.machine, cell.condition, "target" if cell.target_domain else "source", cell.clips, cell.seen]
        for cell in done.cells
    ]
    print_table(["machine", "condition", "domain", "clips", "seen"], rows)
    outcome = done.outcome
    print(f"step {outcome.step} of {outcome.steps}, {outcome.trained} parameters, {outcome.skipped} steps passed over")
    if outcome.held_out is not None:
        print(f"loss on held-out clips {outcome.held_out:.4f}")
    if outcome.condition_auc is not None:
        print(f"w = 0 told from w = 4 on the held-out machine: AUC {outcome.condition_auc:.2f} (0.5: it cannot be)")
    print(f"gensup synthesize ROOT --machine M --generator {outcome.family} --model {out} --out SET")
