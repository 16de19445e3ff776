"""gensup faults."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from gensup.cli import options
from gensup.cli.console import print_json, print_table


def command(
    machine: Annotated[
        str | None, typer.Option(help="Only those of a machine, with the generic ones.", show_default=False)
    ] = None,
    prompts: options.Prompts = None,
    as_json: options.AsJson = False,
) -> None:
    """List the fault families."""
    from gensup.captions import fault_rows, faults_for  # not by way of steps: no numerics are needed
    from gensup.captions.machines import unlisted

    rows = faults_for(machine, prompts) if machine else tuple(fault_rows(prompts).values())
    if machine and not any(row.machines for row in rows) and (note := unlisted(machine, prompts)):
        print(note, file=sys.stderr)
    if as_json:
        for row in rows:
            print_json(row)
    else:
        print_table(
            ("family", "mechanism", "signature", "machines", "words"),
            [(r.name, r.mechanism, r.signature_source, ", ".join(r.machines) or "any", r.words) for r in rows],
        )
