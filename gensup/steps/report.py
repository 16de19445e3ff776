"""report: the page of a finished run, written again."""

from __future__ import annotations

from pathlib import Path

from gensup.reporting import write_report


def report(run: Path) -> Path:
    """Write ``report.html`` of a run folder; nothing that the run decided is computed again.

    Raises:
        GensupError: not a run folder, or one without a verdict.
    """
    return write_report(run)
