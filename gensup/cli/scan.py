"""gensup scan."""

from __future__ import annotations

import sys
from collections import Counter
from typing import Annotated

import typer

from gensup.cli import options
from gensup.cli.console import print_json, print_table

FIELDS = ("path", "year", "machine", "section", "domain", "split", "condition", "index", "attributes", "unparsed")


def command(
    root: options.OptionalRoot = None,
    names: options.Names = None,
    pattern: options.PatternText = None,
    attributes: options.Attributes = None,
    tree: Annotated[bool, typer.Option("--tree", help="Print the folders and what they were taken for.")] = False,
    as_json: options.AsJson = False,
) -> None:
    """Say what names, folders and attribute tables say of every clip. What they do not say is null."""
    from gensup.steps.scan import survey

    found = survey(root, names=names, pattern=pattern, attributes=attributes)
    for line in found.notes:
        print(line, file=sys.stderr)
    if tree:
        for folder in found.layout.folders if as_json else ():
            print_json(folder)
        for line in () if as_json else (*found.layout.tree(), *found.layout.summary()):
            print(line)
        return
    if as_json:
        for clip in found.clips:
            print_json({field: getattr(clip, field) for field in FIELDS})
        return
    for line in found.layout.summary():
        print(line, file=sys.stderr)
    counts = Counter((c.machine, c.section, c.split, c.domain, c.condition) for c in found.clips)
    rows = [(*(word or "-" for word in key), count) for key, count in sorted(counts.items(), key=str)]
    print_table(("machine", "section", "split", "domain", "condition", "clips"), rows)
    strange = [clip for clip in found.clips if clip.unparsed]
    if strange:
        print(f"{len(strange)} names were not understood, e.g. {strange[0].path}")
