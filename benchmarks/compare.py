"""The tuned detector beside the published ones, on labelled clips.

    python -m benchmarks.compare ROOT TEST... --machine NAME

Tunes on the normal clips under ROOT, fits the published recipes on the same clips, scores the TEST clips (files or
folders whose names or folders say normal or anomaly) and prints AUC and partial AUC of each. Test clips whose sound is
also a training clip's, or another test clip's, are left out. The labels are read here alone, after the verdict.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import NDArray

import gensup
from gensup.audio.files import AudioRef, fingerprint
from gensup.cli.console import Lines, print_table
from gensup.detection.detector import load
from gensup.metadata import parse, scan
from gensup.metrics import auc, hmean, pauc
from gensup.selection.sentence import describe
from gensup.steps.tune import Tuning

Floats = NDArray[np.float64]
PUBLISHED = ("mean-gmm", "max-gmm")
HEADER = ("detector", "AUC source", "AUC target", "AUC", "pAUC", "harmonic mean")


@dataclass(frozen=True, slots=True)
class Labelled:
    """Test clips and what their names say of them."""

    paths: tuple[Path, ...]
    anomalous: NDArray[np.bool_]
    target: NDArray[np.bool_]


def labelled(tests: Sequence[Path], tuned: Tuning) -> Labelled:
    """The labelled ones of these clips and folders, each sound once, none that the detector was fitted on."""
    found = []
    for place in tests:
        clips = [(place / c.path, c) for c in scan(place)] if place.is_dir() else [(place, parse(place.as_posix()))]
        found += [(path, clip) for path, clip in clips if clip.condition is not None]
    heard = {column.source for column in tuned.table.columns if column.role == "normal"}
    detector = load(tuned.detector)
    kept = []
    for path, clip in found:
        key = fingerprint(AudioRef(path, detector.rate, detector.channel).read())
        if key not in heard:
            heard.add(key)
            kept.append((path, clip))
    return Labelled(
        paths=tuple(path for path, _ in kept),
        anomalous=np.array([clip.condition == "anomaly" for _, clip in kept]),
        target=np.array([clip.domain == "target" for _, clip in kept]),
    )


def numbers(scores: Floats, test: Labelled) -> tuple[str, ...]:
    """AUC of either domain's normals against all anomalies, AUC and pAUC of all, and the mean of the official score."""
    anomaly, normal = scores[test.anomalous], ~test.anomalous
    everybody, partial = float(auc(scores[normal], anomaly)), float(pauc(scores[normal], anomaly))
    domains = [float(auc(scores[normal & of], anomaly)) for of in (~test.target, test.target)]
    official = [*domains, partial] if (test.target & normal).any() else [everybody, partial]
    values = (*domains, everybody, partial, float(hmean(np.array(official), axis=0)))
    return tuple("undefined" if np.isnan(value) else f"{value:.3f}" for value in values)


def compare(root: Path, machine: str, tuned: Tuning, tests: Sequence[Path], work: Path) -> list[tuple[str, ...]]:
    """A row of ``HEADER`` for the tuned detector and for each published one."""
    (chosen,) = (trial for trial in tuned.table.trials if trial.id == tuned.verdict.members[0])
    several = len(tuned.verdict.members) > 1
    built = f"{tuned.verdict.form} of {len(tuned.verdict.members)}, first {describe(chosen)}"
    contenders = {f"{tuned.verdict.answer}: {built if several else describe(chosen)}": tuned.detector}
    for name in PUBLISHED:
        gensup.fit(root, machine, name, work / name, channel=load(tuned.detector).channel)
        contenders[f"published: {name}"] = work / name
    test = labelled(tests, tuned)
    return [(name, *numbers(scores(detector, test.paths), test)) for name, detector in contenders.items()]


def scores(detector: Path, clips: Sequence[Path]) -> Floats:
    """(clips,) scores; folder by folder, because a score file names clips and not folders."""
    found: dict[Path, float] = {}
    for folder in sorted({clip.parent for clip in clips}):
        scored = gensup.score(detector, [clip for clip in clips if clip.parent == folder])
        found |= {folder / score.name: score.score for score in scored}
    return np.array([found[clip] for clip in clips])


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("root", type=Path)
    parser.add_argument("tests", type=Path, nargs="+")
    parser.add_argument("--machine", required=True)
    words = parser.parse_args()
    with TemporaryDirectory() as folder:
        tuned = gensup.tune(words.root, words.machine, Path(folder) / "run", progress=Lines())
        print(f"\n{tuned.verdict.sentence}\n")
        print_table(HEADER, compare(words.root, words.machine, tuned, words.tests, Path(folder)))


if __name__ == "__main__":
    main()
