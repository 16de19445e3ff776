"""gensup doctor."""

from __future__ import annotations

import typer

from gensup.cli import options
from gensup.cli.console import print_json, print_table


def command(
    prompts: options.Prompts = None, detectors: options.Detectors = None, as_json: options.AsJson = False
) -> None:
    """Look at the installation and say what does not work."""
    from gensup.steps.doctor import doctor

    checks = list(doctor(prompts=prompts, detectors_overlay=detectors))
    if as_json:
        print_json({"ok": all(check.ok for check in checks), "checks": checks})
    else:
        print_table(("", "what", "found"), [("ok" if check.ok else "BAD", check.name, check.found) for check in checks])
    if not all(check.ok for check in checks):
        raise typer.Exit(1)
