"""gensup evaluate."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gensup.cli.console import print_json, print_table

if TYPE_CHECKING:
    from gensup.errors import GensupError
    from gensup.evaluation.official import Official


def command(
    year: Annotated[int, typer.Option(help="Whose official evaluator: 2020 to 2025.", show_default=False)],
    truth: Annotated[
        Path, typer.Option(help="Folder with ground_truth_data/ (2020: eval_data_list.csv).", show_default=False)
    ],
    team: Annotated[
        Path, typer.Option(help="Folder of score and decision files, or of several systems.", show_default=False)
    ],
    as_published: Annotated[
        bool, typer.Option("--as-published", help="With the evaluator's quirks, as its output has them.")
    ] = False,
    out: Annotated[
        Path | None, typer.Option(help="Folder for the result CSV that the evaluator writes.", show_default=False)
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object with the evaluator's fields.")] = False,
) -> None:
    """Official scores of DCASE Task 2 submissions: every file is checked first, and rows are paired by name.

    Of several systems, one whose files are not sound is passed over, with status 2.
    """
    from gensup.steps.evaluate import evaluate

    refused: dict[str, GensupError] = {}
    found = evaluate(year, truth, team, as_published=as_published, out=out, refused=refused)
    _show(year, found, as_published=as_published, as_json=as_json, one=len(found) + len(refused) == 1)
    for name, error in refused.items():
        print(f"gensup: passed over {name}: {error}", file=sys.stderr)
    if refused:
        raise typer.Exit(2)


def _show(year: int, found: Mapping[str, Official], *, as_published: bool, as_json: bool, one: bool) -> None:
    from gensup.evaluation import printed

    if as_json:
        objects = {name: printed.as_json(official) for name, official in found.items()}
        print_json(next(iter(objects.values())) if one else {"systems": objects})
        return
    for name, official in found.items():
        print(f"{name}, DCASE {year} Task 2, {'as published' if as_published else 'quirks put right'}")
        print(f"by the rules of {official.conventions.evaluator}\n")
        print_table(*printed.table(official))
        print()
        print_table(*printed.means(official))
        print()
        for line in printed.lines(official):
            print(line)
        print()
    if len(found) > 1:
        print_table(
            ("system", "official score"),
            [(n, "–" if o.official is None else f"{o.official:.4f}") for n, o in found.items()],
        )
