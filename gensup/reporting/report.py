"""report.html of a run folder: read, draw, write."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from gensup.store import write_bytes

REPORT = "report.html"


def write_report(run: Path, sets: Sequence[Path] = ()) -> Path:
    """Write ``report.html`` into a run folder of ``tune``; the same folders give the same bytes.

    Args:
        sets: the twin sets that the run was given; without them a run that made none has no clips to play.

    Raises:
        GensupError: no run folder, one without a verdict, a damaged record or twin, or a folder that cannot be written.
    """
    # Matplotlib and Jinja take half a second to load, which `tune` need not spend before it has begun.
    from gensup.reporting.page import render
    from gensup.reporting.run_folder import read_run_folder

    page = run / REPORT
    # A file name's stray bytes are lone surrogates, which UTF-8 cannot say.
    write_bytes(page, render(read_run_folder(run, sets)).encode("utf-8", "replace"))
    return page
