"""index.html above the runs of several machines: a row a machine, each with the way to its report."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from gensup.reporting.report import REPORT
from gensup.selection.records import Answer
from gensup.store import write_bytes

INDEX = "index.html"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A finished run as the index shows it."""

    machine: str
    answer: Answer
    built: str
    sentence: str
    report: str  # relative to the index
    suspects: int
    tainted: bool
    paired: bool


def write_index(folder: Path, runs: Mapping[str, Path], failed: Mapping[str, str] | None = None) -> Path:
    """Write ``index.html`` into ``folder``; the same runs give the same bytes.

    Args:
        runs: finished runs by machine.
        failed: why there is none, by machine.

    Raises:
        GensupError: a run without a verdict, a damaged record, or a folder that cannot be written.
    """
    # Jinja and pydantic take their time to load, which a command need not spend before it has begun.
    from gensup.reporting.page import templates

    page = folder / INDEX
    rows = [_row(folder, machine, runs[machine]) for machine in sorted(runs)]
    reasons = dict(sorted((failed or {}).items()))
    html = templates().get_template("index.html.j2").render(rows=rows, failed=reasons)
    # A file name's stray bytes are lone surrogates, which UTF-8 cannot say.
    write_bytes(page, html.encode("utf-8", "replace"))
    return page


def _row(folder: Path, machine: str, run: Path) -> Row:
    from gensup.reporting.run_folder import read_suspects, read_verdict
    from gensup.reporting.words import built

    record, verdict = read_verdict(run)
    report = Path(os.path.relpath(run / REPORT, folder)).as_posix()
    return Row(
        machine=machine,
        answer=verdict.answer,
        built=built(verdict),
        sentence=verdict.sentence,
        # "./" keeps a folder's name with a colon in it from being read as a scheme.
        report="./" + quote(os.fsencode(report)),
        suspects=len(read_suspects(run, record)),
        tainted=verdict.tainted,
        paired=verdict.paired,
    )
