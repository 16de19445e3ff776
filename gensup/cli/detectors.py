"""gensup detectors."""

from __future__ import annotations

from gensup.cli import options
from gensup.cli.console import print_json, print_table


def command(detectors: options.Detectors = None, as_json: options.AsJson = False) -> None:
    """List the recipes."""
    from gensup.steps.catalogue import detectors as every

    recipes = every(detectors)
    if as_json:
        for recipe in recipes:
            print_json(recipe)
    else:
        print_table(
            ("recipe", "configurations", "space", "paper"),
            [(r.name, len(r.configurations()), ", ".join(r.space), r.paper.get("cite", "")) for r in recipes],
        )
