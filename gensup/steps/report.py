"""report: the page of a finished run, written again."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from gensup.reporting import write_report


def report(run: Path, *, synthetic: Sequence[Path] = ()) -> Path:
    """Write ``report.html`` of a run folder; nothing that the run decided is computed again.

    Args:
        synthetic: the twin sets that ``tune`` was given, to be heard on the page.

    Raises:
        GensupError: not a run folder, or one without a verdict.
    """
    return write_report(run, synthetic)
