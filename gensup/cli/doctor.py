"""gensup doctor."""

from __future__ import annotations

from typing import Annotated

import typer

from gensup.cli import options
from gensup.cli.console import print_json, print_table
from gensup.errors import GensupError


def command(
    generator: Annotated[
        str | None, typer.Option(help="Try a text-to-audio family, e.g. audioldm2, with --model.", show_default=False)
    ] = None,
    model: Annotated[
        str | None, typer.Option(help="Its checkpoint: a folder, or a name on the hub.", show_default=False)
    ] = None,
    revision: Annotated[
        str | None, typer.Option(help="The checkpoint's commit, tag or branch.", show_default=False)
    ] = None,
    offline: Annotated[bool, typer.Option("--offline", help="Fetch nothing.")] = False,
    dtype: Annotated[str, typer.Option(help="float32, bfloat16 or float16.")] = "float32",
    device: Annotated[str | None, typer.Option(help="cuda where there is one, else cpu.", show_default=False)] = None,
    prompts: options.Prompts = None,
    detectors: options.Detectors = None,
    as_json: options.AsJson = False,
) -> None:
    """Look at the installation and say what does not work; with --model, whether a checkpoint makes sound here."""
    from gensup.steps.doctor import doctor

    if generator is not None and model is None:
        remedy = "name a checkpoint's folder, or a hub id"
        raise GensupError(
            "nothing to look at", where="--model", rule=f"--generator {generator} is tried on one", remedy=remedy
        )
    checks = list(doctor(prompts=prompts, detectors_overlay=detectors))
    if model is not None:
        from gensup.steps.doctor_generator import generator_checks

        checks += generator_checks(generator, model, revision, offline=offline, dtype=dtype, device=device)
    if as_json:
        print_json({"ok": all(check.ok for check in checks), "checks": checks})
    else:
        print_table(("", "what", "found"), [("ok" if check.ok else "BAD", check.name, check.found) for check in checks])
    if not all(check.ok for check in checks):
        raise typer.Exit(1)
