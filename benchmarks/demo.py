"""``make demo``: two machines that nobody has heard break, tuned by their twins, then tried on labelled tests.

The recordings are rendered by a physical model (``benchmarks.rendered``). Its faults are another speed, a whine or a
squeal, a worn mesh, a detuned body and lost damping, and selection is offered mechanisms unlike these alone: the demo
does not grade its own answers.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import gensup
from benchmarks.compare import HEADER, compare
from benchmarks.rendered import render
from gensup.cli.console import Lines, print_table
from gensup.cli.verdict import print_verdict
from gensup.selection.sentence import describe
from gensup.synthesis.physical import MECHANISMS

SEED = 2026
PAIRS = 14  # of the default 50: enough to choose with in a minute, and in half a gigabyte
WITHHELD = ("mesh-sidebands", "rate-change", "resonance-shift", "stick-slip", "tone-added")


def offered() -> tuple[str, ...]:
    """The mechanisms that selection may use."""
    return tuple(name for name in MECHANISMS.names() if name not in WITHHELD)


def main(folder: Path) -> None:
    """Render, tune, score, and say what came of it."""
    began = time.monotonic()
    data = folder / "data"
    print(f"Rendering recordings of two machines into {data}: a physical model, no real sound.", flush=True)
    machines = render(data, seed=SEED)
    settings = gensup.Settings(pairs=PAIRS, faults=offered())
    rows: list[tuple[str, ...]] = []
    pages = []
    for machine in machines:
        print(f"\n=== {machine} ===", flush=True)
        tuned = gensup.tune(data, machine, folder / machine, settings=settings, progress=Lines())
        print_verdict(tuned.verdict, {trial.id: describe(trial) for trial in tuned.table.trials})
        work = folder / f"{machine}-published"
        rows += [(machine, *row) for row in compare(data, machine, tuned, [data / machine / "test"], work)]
        gensup.score(tuned.detector, [data / machine / "test"], out=folder / f"{machine}-scores.csv")
        pages.append(tuned.report)
    print("\nThe labelled tests, opened only now. Their faults are of no mechanism that selection was offered:\n")
    print_table(("machine", *HEADER), rows)
    print("\nThese recordings are rendered: the table shows that the line works, not how well it works on machines.")
    print("\nOpen in a browser:")
    for page in pages:
        print(f"  {page.resolve()}")
    print("\nFor your own machine, a folder of its normal recordings (WAV or FLAC):")
    print("  .venv/bin/gensup tune FOLDER --machine NAME --out run")
    print("  .venv/bin/gensup score run/detector FOLDER_OF_NEW_CLIPS --out scores.csv")
    print(f"\n{time.monotonic() - began:.0f} s in all.")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parents[1] / "demo")
