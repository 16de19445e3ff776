"""report.html of a run folder: read, draw, write."""

from __future__ import annotations

from pathlib import Path

from gensup.store import write_bytes

REPORT = "report.html"


def write_report(run: Path) -> Path:
    """Write ``report.html`` into a run folder of ``tune``; the same folder gives the same bytes.

    Raises:
        GensupError: no run folder, one without a verdict, a damaged record or twin, or a folder that cannot be written.
    """
    # Matplotlib and Jinja take half a second to load, which `tune` need not spend before it has begun.
    from gensup.reporting.page import render
    from gensup.reporting.run_folder import read_run_folder

    page = run / REPORT
    # A file name's stray bytes are lone surrogates, which UTF-8 cannot say.
    write_bytes(page, render(read_run_folder(run)).encode("utf-8", "replace"))
    return page
