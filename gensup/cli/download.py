"""gensup download."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gensup.cli import options
from gensup.cli.console import print_json, print_table, progress


def command(
    year: Annotated[int, typer.Argument(help="Of DCASE Task 2, 2020 to 2026.", show_default=False)],
    machine: Annotated[
        list[str] | None, typer.Option(help="A machine type; again for more; all unless said.", show_default=False)
    ] = None,
    part: Annotated[
        list[str] | None,
        typer.Option(
            help="dev, additional (training clips of evaluation machines) or eval; again for more; all unless said.",
            show_default=False,
        ),
    ] = None,
    out: Annotated[Path, typer.Option(help="The folder that dcase<YEAR>t2/ is put in.")] = Path("data"),
    from_dir: Annotated[
        Path | None,
        typer.Option(
            help="Take archives that were fetched by hand from here, with <record>.json for days without a network.",
            show_default=False,
        ),
    ] = None,
    list_: Annotated[bool, typer.Option("--list", help="Say what there is, and fetch nothing.")] = False,
    no_unzip: Annotated[bool, typer.Option("--no-unzip", help="Leave the zips as they are.")] = False,
    drop_zips: Annotated[
        bool, typer.Option("--drop-zips", help="Remove each fetched zip once it is unpacked.")
    ] = False,
    verify: Annotated[bool, typer.Option("--verify", help="Read all that is here again, byte by byte.")] = False,
    mirror: Annotated[
        str | None,
        typer.Option(
            envvar="GENSUP_MIRROR",
            help="The address that records/<id> lies below, instead of https://zenodo.org/api.",
            show_default=False,
        ),
    ] = None,
    as_json: options.AsJson = False,
) -> None:
    """Fetch a year's recordings, check them, and unpack them into a tree that scan reads. Stopped, it continues."""
    from gensup.retrieval import PARTS, part_of
    from gensup.steps.download import available, download

    parts = PARTS if not part or "all" in part else tuple(dict.fromkeys(part_of(word) for word in part))
    machines = tuple(machine or ())
    if list_:
        offers = available(year, machines=machines, parts=parts, out=out, mirror=mirror, progress=progress())
        if as_json:
            for offer in offers:
                print_json(offer)
            return
        rows = [
            (o.part, o.machine, o.file, _size(o.size), o.state + (f" ({_size(o.begun)})" if o.state == "begun" else ""))
            for o in offers
        ]
        print_table(("part", "machine", "file", "size", "here"), rows)
        for line in dict.fromkeys(f"record {o.record} ({o.part}): {o.licence or 'no licence said'}" for o in offers):
            print(line)
        print(f"{len(offers)} archives, {_size(sum(o.size for o in offers))}")
        return
    done = download(
        year,
        machines=machines,
        parts=parts,
        out=out,
        from_dir=from_dir,
        unzip=not no_unzip,
        drop_zips=drop_zips,
        verify=verify,
        mirror=mirror,
        progress=progress(),
    )
    if as_json:
        for one in done:
            print_json(one)
        return
    fetched = [one for one in done if one.fetched]
    for folder in dict.fromkeys(one.folder for one in done):
        print(f"{folder}: {', '.join(dict.fromkeys(one.machine for one in done if one.folder == folder))}")
    now = f"{len(fetched)} of them fetched now ({_size(sum(one.size for one in fetched))})"
    print(f"{len(done)} archives, {now}" + (", every byte read again" if verify else ""))


def _size(count: int) -> str:
    """Bytes for a person."""
    if count < 1000:
        return f"{count} B"
    value = float(count)
    for unit in ("kB", "MB"):
        value /= 1000
        if value < 1000:
            return f"{value:.1f} {unit}"
    return f"{value / 1000:.2f} GB"
