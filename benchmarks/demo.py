"""``make demo``: two machines that nobody has heard break, tuned by their twins, then tried on labelled tests.

The recordings are rendered by a physical model (``benchmarks.rendered``), and the faults of the tests are none that
selection is offered: the demo does not grade its own answers.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import numpy as np

import gensup
from benchmarks.rendered import render
from gensup.cli.console import Lines, print_table
from gensup.metadata import parse
from gensup.metrics import auc, hmean, pauc
from gensup.selection.verdict import describe
from gensup.steps.score import Score

SEED = 2026
PAIRS = 24  # half of the default: enough to choose with, and half a gigabyte less
BASELINES = ("mean-gmm", "max-gmm")


def official(scores: tuple[Score, ...]) -> tuple[float, float, float, float]:
    """AUC of source and of target normals against all anomalies, pAUC of all, and their harmonic mean."""
    clips = [parse(score.name) for score in scores]
    values = np.array([score.score for score in scores])
    anomalous = np.array([clip.condition == "anomaly" for clip in clips])
    target = np.array([clip.domain == "target" for clip in clips])
    parts = [
        float(auc(values[~anomalous & ~target], values[anomalous])),
        float(auc(values[~anomalous & target], values[anomalous])),
        float(pauc(values[~anomalous], values[anomalous])),
    ]
    return parts[0], parts[1], parts[2], float(hmean(np.array(parts), axis=0))


def main(folder: Path) -> None:
    """Render, tune, score, and say what came of it."""
    began = time.monotonic()
    data = folder / "data"
    print(f"Rendering recordings of two machines into {data}: a physical model, no real sound.", flush=True)
    machines = render(data, seed=SEED)
    rows: list[tuple[str, ...]] = []
    pages = []
    for machine in machines:
        print(f"\n=== {machine} ===", flush=True)
        tuned = gensup.tune(data, machine, folder / machine, settings=gensup.Settings(pairs=PAIRS), progress=Lines())
        (chosen,) = (trial for trial in tuned.table.trials if trial.id == tuned.verdict.members[0])
        print(f"\nverdict  {tuned.verdict.answer}: {describe(chosen)}\n{tuned.verdict.sentence}\n", flush=True)
        contenders = {f"{tuned.verdict.answer}: {describe(chosen)}": tuned.detector}
        for name in BASELINES:
            place = folder / f"{machine}-{name}"
            gensup.fit(data, machine, name, place)
            contenders[f"published: {name}"] = place
        for name, detector in contenders.items():
            scored = gensup.score(detector, [data / machine / "test"], out=detector / "anomaly_score_test.csv")
            rows.append((machine, name, *(f"{value:.3f}" for value in official(scored))))
        pages.append(tuned.report)
    print("\nThe labelled tests, opened only now. Their faults are of mechanisms that selection was not offered:\n")
    print_table(("machine", "detector", "AUC source", "AUC target", "pAUC", "harmonic mean"), rows)
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
