"""gensup submit: RUN... makes a submission; `check DIR` and `pack DIR` are about one that stands."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from gensup.cli import options
from gensup.cli.console import print_json, print_table, progress

MAKE = "make"
OWN = ("--help", "-h")


class _Runs(TyperGroup):
    """A group whose command `make` need not be named: what is no command's name is a run."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if args and args[0] not in self.commands and args[0] not in OWN:
            args = [MAKE, *args]
        return super().parse_args(ctx, args)


app = typer.Typer(
    cls=_Runs,
    no_args_is_help=True,
    rich_markup_mode=None,
    subcommand_metavar="RUN... --year Y --team T --out DIR | check DIR | pack DIR",
    help=(
        "Score a year's test clips and write what the DCASE challenge takes: score files, meta yaml and zip. "
        "`gensup submit make --help` lists the options of RUN...; a run folder called check is ./check."
    ),
)
Tests = Annotated[
    Path | None,
    typer.Option(help="Folder of the evaluation data; data/dcaseYEARt2/eval_data unless said.", show_default=False),
]


@app.command(MAKE)
def make(
    runs: Annotated[list[Path], typer.Argument(help="Run folders, or detectors; one a machine.", metavar="RUN...")],
    year: Annotated[int, typer.Option(help="Of the challenge: 2020 to 2026.", show_default=False)],
    team: Annotated[
        str, typer.Option(help="Last name and institute of the corresponding author: Guan_HEU.", show_default=False)
    ],
    out: Annotated[Path, typer.Option(help="The package's folder; other systems in it stay.", show_default=False)],
    tests: Tests = None,
    system: Annotated[int, typer.Option(help="1 to 4: which of the team's systems this is.")] = 1,
    meta: Annotated[
        Path | None, typer.Option(help="YAML with fields of the meta yaml, e.g. the authors.", show_default=False)
    ] = None,
    report: Annotated[
        Path | None, typer.Option(help="The technical report (PDF), for the package.", show_default=False)
    ] = None,
    partial: Annotated[
        bool, typer.Option("--partial", help="Leave out machines of the test that no run is of.")
    ] = False,
    false_alarms: options.FalseAlarms = None,
    cache: options.Cache = None,
    weights: options.Weights = None,
    device: options.Device = None,
    workers: options.Workers = None,
    as_json: options.AsJson = False,
) -> None:
    """Score the test clips with every RUN's detector and write the package (`make` may be left out)."""
    from gensup.steps.submit import submit

    done = submit(
        runs,
        year=year,
        team=team,
        out=out,
        tests=tests,
        system=system,
        meta=meta,
        report=report,
        partial=partial,
        false_alarms=false_alarms,
        cache=cache,
        weights=weights,
        device=device,
        workers=workers,
        progress=progress(),
    )
    if as_json:
        print_json(done)
        return
    clips = sum(done.tables.values())
    print(
        f"{done.label}: {clips} clips in {len(done.tables)} tests, {done.alarms} above the threshold; in {done.folder}"
    )
    for problem in done.to_fill_in:
        print(f"to fill in: {problem.where}: {problem.what} ({problem.rule})")
    if not done.report:
        print(f"to add: the technical report, {done.folder.parent}/{done.label}.technical_report.pdf or --report")
    print(f"packed in {done.package}; `gensup submit pack {out}` packs again, `gensup submit check {out}` looks at it")


@app.command("check")
def check(
    folder: Annotated[
        Path, typer.Argument(help="A package (folder or zip), a system's folder, or score files.", metavar="DIR")
    ],
    tests: Annotated[
        Path | None,
        typer.Option(help="Folder of the evaluation data, to compare names and counts with.", show_default=False),
    ] = None,
    year: Annotated[
        int | None, typer.Option(help="Whose rules; the file names say it unless said.", show_default=False)
    ] = None,
    as_json: options.AsJson = False,
) -> None:
    """Look for all that the evaluators would trip over or, worse, not notice. Status 2 when something is wrong."""
    from gensup.steps.submit import check_submission

    found = check_submission(folder, tests=tests, year=year)
    if as_json:
        print_json({"sound": not found.problems, "folder": folder, "checked": found})
    else:
        if found.problems:
            rows = [(f"{folder / p.path}{f':{p.line}' if p.line else ''}", p.what, p.rule) for p in found.problems]
            print_table(("where", "what", "rule"), rows)
        for missing in found.unchecked:
            print(f"not checked: {missing}")
        years = " to ".join(str(year) for year in dict.fromkeys((found.years[0], found.years[-1])))
        state = f"{len(found.problems)} PROBLEMS" if found.problems else "sound"
        print(f"{state}: {found.rows} rows in {found.files} files of {', '.join(found.systems)}, rules of {years}")
    if found.problems:
        raise typer.Exit(2)


@app.command("pack")
def pack(
    folder: Annotated[Path, typer.Argument(help="The package's folder, as --out named it.", metavar="DIR")],
) -> None:
    """Zip the package again, after its meta yaml was filled in or its report was added."""
    from gensup.steps.submit import pack as pack_again

    print(f"packed in {pack_again(folder)}")
