"""gensup detectors."""

from __future__ import annotations

from gensup.cli import options
from gensup.cli.console import print_json, print_table

NOBODY_SAID = "?"


def command(detectors: options.Detectors = None, as_json: options.AsJson = False) -> None:
    """List the recipes: what each needs, how large it is, and what was published of it."""
    from dataclasses import asdict

    from gensup.steps import catalogue

    recipes = catalogue.detectors(detectors)
    if as_json:
        for recipe in recipes:
            print_json({**asdict(recipe), "trained": recipe.trained, "parameters": catalogue.sizes(recipe)})
        return
    rows = []
    for recipe in recipes:
        sizes = catalogue.sizes(recipe)
        rows.append(
            (
                recipe.name,
                len(recipe.configurations()),
                ", ".join(recipe.space),
                catalogue.needs(recipe) or "-",
                _count(sizes.training),
                _count(sizes.detection),
                catalogue.published(recipe) or "-",
                catalogue.marks(recipe) or "-",
                recipe.paper.get("cite", ""),
            )
        )
    print_table(
        ("recipe", "configurations", "space", "needs", "trained", "network", "published", "marks", "paper"), rows
    )


def _count(number: int | None) -> str:
    """E.g. "90.3 M": parameters of a network."""
    if number is None:
        return NOBODY_SAID
    return "-" if number == 0 else f"{number / 1e6:.3g} M" if number >= 1e6 else f"{number / 1e3:.3g} k"
