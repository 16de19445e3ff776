"""gensup scan."""

from __future__ import annotations

from collections import Counter

from gensup.cli import options
from gensup.cli.console import print_json, print_table

FIELDS = ("path", "year", "machine", "section", "domain", "split", "condition", "index", "attributes", "unparsed")


def command(root: options.OptionalRoot = None, names: options.Names = None, as_json: options.AsJson = False) -> None:
    """Say what names and folders say of every clip. What they do not say is null."""
    from gensup.steps.scan import scan

    clips = scan(root, names=names)
    if as_json:
        for clip in clips:
            print_json({field: getattr(clip, field) for field in FIELDS})
        return
    counts = Counter((c.machine, c.section, c.split, c.domain, c.condition) for c in clips)
    rows = [(*(word or "-" for word in key), count) for key, count in sorted(counts.items(), key=str)]
    print_table(("machine", "section", "split", "domain", "condition", "clips"), rows)
    strange = [clip for clip in clips if clip.unparsed]
    if strange:
        print(f"{len(strange)} names were not understood, e.g. {strange[0].path}")
