"""gensup detectors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from gensup.cli import options
from gensup.cli.console import print_json, print_table

if TYPE_CHECKING:
    from gensup.detection.recipe import Recipe

NOBODY_SAID = "?"
UNITS = ((1e9, "G"), (1e6, "M"), (1e3, "k"))


def command(
    name: Annotated[str | None, typer.Argument(help="One recipe, whole.", show_default=False)] = None,
    detectors: options.Detectors = None,
    as_json: options.AsJson = False,
) -> None:
    """List the recipes: what each needs, how large it is, and what was published of it."""
    from dataclasses import asdict

    from gensup.steps import catalogue

    recipes = catalogue.detectors(detectors) if name is None else (catalogue.detector(name, detectors),)
    if as_json:
        for recipe in recipes:
            print_json({**asdict(recipe), "trained": recipe.trained, "parameters": catalogue.sizes(recipe)})
    elif name is not None:
        print_table(("recipe", name), _whole(recipes[0]))
    else:
        head = ("recipe", "configurations", "trained", "network", "published", "needs and marks")
        print_table(head, [_row(recipe) for recipe in recipes])
        print("\nparameters that are trained, and that its network holds; `gensup detectors NAME` says all of one")


def _row(recipe: Recipe) -> tuple[object, ...]:
    from gensup.steps import catalogue

    sizes, said = catalogue.sizes(recipe), (catalogue.needs(recipe), catalogue.marks(recipe))
    return (
        recipe.name,
        len(recipe.configurations()),
        _count(sizes.training),
        _count(sizes.detection),
        next(iter(catalogue.published(recipe)), "-"),
        "; ".join(filter(None, said)) or "-",
    )


def _whole(recipe: Recipe) -> list[tuple[str, object]]:
    """Everything that is known of a recipe, as its file says it."""
    from gensup.steps import catalogue

    sizes = catalogue.sizes(recipe)
    rows: list[tuple[str, object]] = [(key, text) for key, text in recipe.paper.items()]
    rows += [("published", f"{score}: {source}") for score, source in catalogue.published(recipe).items()]
    rows += [("needs", catalogue.needs(recipe) or "-"), ("marks", catalogue.marks(recipe) or "-")]
    rows += [("parameters trained", _count(sizes.training)), ("parameters of its network", _count(sizes.detection))]
    if recipe.pair is not None:
        rows += [("detector", recipe.pair.detector), ("criterion", recipe.pair.criterion)]
    if recipe.members:
        rows.append(("mean of", ", ".join(recipe.members)))
    rows += [(path, value) for path, value in recipe.default.items() if path not in recipe.space]
    # The published value stands first.
    chosen = {path: (recipe.default.get(path), values) for path, values in recipe.space.items()}
    rows += [(path, f"{value}, of {', '.join(map(str, values))}") for path, (value, values) in chosen.items()]
    return rows


def _count(number: int | None) -> str:
    """E.g. "90.3 M": parameters of a network."""
    if number is None:
        return NOBODY_SAID
    for size, unit in UNITS:
        if number >= size:
            return f"{number / size:.3g} {unit}"
    return str(number) if number else "-"
