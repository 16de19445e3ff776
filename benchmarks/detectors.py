"""Every recipe that needs no weights, as published, on labelled recordings; every back end on labelled tables.

    python -m benchmarks.detectors --sets DIR [--only WORD ...] [--epochs N] [--out DIR]

Nothing is tuned: each recipe has its default on every set, fitted on the set's normal training clips. Frontends that
are trained are trained on these clips alone, for at most ``--epochs`` epochs where their papers train longer, and one
that learns classes divides the clips by their spectra, for these sets name no operating conditions. Beside
them stand mean pooling with a mixture (`mean-gmm`) and chance: what 90 % of random orders of the test clips reach.
"""

from __future__ import annotations

import argparse
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.feature_tables import FeatureSet, read
from benchmarks.validity import sets
from benchmarks.validity.audio import Recorded, parted
from benchmarks.validity.selecting import examples
from benchmarks.validity.tables import View
from gensup.clip import Json
from gensup.detection.backends.gmm import Gmm
from gensup.detection.backends.knn import Knn
from gensup.detection.backends.local_density import LocalDensity
from gensup.detection.backends.mahalanobis import Mahalanobis
from gensup.detection.crossfit import fit_and_score
from gensup.detection.means import Means
from gensup.detection.parts import BACKENDS, Backend
from gensup.detection.recipe import Recipe, build, load_all
from gensup.engine import Engine, for_workers
from gensup.errors import GensupError
from gensup.metrics import auc, pauc
from gensup.rng import generator
from gensup.store import write_text

NAME = "detectors"
EPOCHS = 100
CLASSES_OF = 40  # training clips: with fewer no network is taught to tell classes apart
DRAWS = 1000  # random orders
AXES = 40  # principal ones, of tables whose clips are spectra over time
FURTHER: dict[str, tuple[Backend, ...]] = {
    "gmm": (Gmm(1), Gmm(2), Gmm(4)),
    "knn": (Knn(1), Knn(1, "euclidean"), Knn(8, "euclidean")),
    "local-density": (LocalDensity(4), LocalDensity(16, statistic="sum", unit=False)),
    "mahalanobis": (Mahalanobis(0.1), Mahalanobis(0.001)),
}


@dataclass(frozen=True, slots=True)
class Reached:
    """AUC and partial AUC, or why there is none."""

    auc: float = float("nan")
    pauc: float = float("nan")
    refused: str = ""

    @classmethod
    def of(cls, scores: NDArray[np.float64], anomalous: NDArray[np.bool_]) -> Reached:
        normal, anomaly = scores[~anomalous], scores[anomalous]
        return cls(float(auc(normal, anomaly)), float(pauc(normal, anomaly)))

    def __str__(self) -> str:
        return "–" if self.refused else f"{self.auc:.3f} / {self.pauc:.3f}"


@dataclass(frozen=True, slots=True)
class Row:
    """One set: what everybody reached, and what 90 % of random orders do."""

    name: str
    clips: str
    reached: Mapping[str, Reached]
    chance: tuple[float, float]
    seconds: float


def contenders(epochs: int, overlay: Path | None = None) -> dict[str, tuple[Recipe, dict[str, Json]]]:
    """Recipes that run on recordings alone, with the parameters they are given here."""
    found = {}
    for recipe in load_all(overlay):
        if recipe.needs.weights or recipe.pair is not None or recipe.members:
            continue
        changed: dict[str, Json] = {}
        asked = getattr(build(recipe.default).frontend, "epochs", None)
        if recipe.trained and isinstance(asked, int):
            changed["frontend.epochs"] = min(asked, epochs)
        if "frontend.pseudo" in recipe.paths():
            changed["frontend.pseudo"] = "spectra"
        found[recipe.name] = recipe, recipe.with_values(changed)
    return found


def of_recordings(given: Recorded, wanted: Mapping[str, tuple[Recipe, dict[str, Json]]], engine: Engine) -> Row:
    """Each recipe fitted on the training clips and judged on the others."""
    train, tests, _ = parted(given)
    begin = time.monotonic()
    clips = examples(train)
    # One machine whose names say nothing: a recipe that learns classes divides it by how it sounds, or refuses.
    normals = replace(clips, label=(given.machine,) * len(clips), plain=np.ones(len(clips), dtype=bool))
    queries = examples([path for path, _ in tests])
    anomalous = np.array([said for _, said in tests])
    reached = {}
    for name, (_, params) in wanted.items():
        chain = build(params)
        reason = chain.backend.unfit(len(normals))
        if hasattr(chain.frontend, "loss") and len(normals) < CLASSES_OF:
            reason = f"fewer than {CLASSES_OF} training clips: not tried here"
        if reason is not None:
            reached[name] = Reached(refused=reason)
            continue
        try:
            (scored,) = fit_and_score(engine, {name: params}, normals, queries, Means(device="cpu"))
            reached[name] = Reached.of(scored.scores[0, 0], anomalous)
        except GensupError as error:
            reached[name] = Reached(refused=f"{error.what}: {error.value}")
    count = f"{len(train)}; {int((~anomalous).sum())} + {int(anomalous.sum())}"
    return Row(given.name, count, reached, chance(given.name, anomalous), time.monotonic() - begin)


def backends() -> dict[str, Backend]:
    """Every back end that is fitted (``value`` is not), by what it is and is given."""
    names = [name for name in BACKENDS.names() if name != "value"]
    every = [one for name in names for one in FURTHER.get(name, (BACKENDS.load(name)(),))]
    return {f"{one.name} {_said(one)}": one for one in every}


def _said(backend: Backend) -> str:
    return ", ".join(str(value) for value in asdict(backend).values() if value is not None)  # type: ignore[call-overload]


def of_table(features: FeatureSet, group: str) -> Row:
    """Each back end on the standardised table; spectra over time become one vector, on its first principal axes."""
    begin = time.monotonic()
    over_time = features.train.shape[1] > 1
    flat = [x.reshape(len(x), -1) for x in (features.train, features.test)]
    train, queries = View(1.0, AXES if over_time else None).fitted(flat[0], flat[1])
    reached = {
        name: Reached.of(one.fit(train, None, 0).score(queries), features.anomalous) for name, one in backends().items()
    }
    anomalies = int(features.anomalous.sum())
    count = f"{len(train)}; {len(queries) - anomalies} + {anomalies}"
    name = f"{group}/{features.name}"
    return Row(name, count, reached, chance(name, features.anomalous), time.monotonic() - begin)


def chance(name: str, anomalous: NDArray[np.bool_]) -> tuple[float, float]:
    """AUC that 5 % and 95 % of random orders stay below."""
    drawn = generator("benchmark chance", name).random((DRAWS, len(anomalous)))
    low, high = np.quantile(auc(drawn[:, ~anomalous], drawn[:, anomalous]), (0.05, 0.95))
    return float(low), float(high)


def _table(rows: Sequence[Row], names: Sequence[str]) -> Iterator[str]:
    yield f"| set | train; normal + anomalous test | {' | '.join(names)} | chance |"
    yield "|---" * (len(names) + 3) + "|"
    for row in rows:
        cells = " | ".join(str(row.reached[name]) for name in names)
        yield f"| {row.name} | {row.clips} | {cells} | {row.chance[0]:.2f} to {row.chance[1]:.2f} |"
    averages = []
    for name in names:
        mine = [row.reached[name] for row in rows if not row.reached[name].refused]
        mean = Reached(float(np.mean([r.auc for r in mine])), float(np.mean([r.pauc for r in mine]))) if mine else "–"
        averages.append(f"{mean} ({len(mine)} sets)")
    yield f"| mean | | {' | '.join(averages)} | |"


def page(
    audio: Sequence[Row],
    tables: Sequence[Row],
    wanted: Mapping[str, tuple[Recipe, dict[str, Json]]],
    left_out: Sequence[str] = (),
) -> str:
    """The results as Markdown."""
    lines = [
        "# Published recipes on labelled recordings",
        "",
        "`python -m benchmarks.detectors --sets DIR`. AUC / partial AUC (max_fpr 0.1) of each recipe as published: "
        "nothing is tuned, and nothing is known of domains or attributes in these sets, so what a recipe does for a "
        "target domain (SMOTE, domain-wise scores) does nothing here. The sets are small: see how far chance alone "
        "goes. A dash: too few clips, see below.",
        "",
    ]
    trained = {
        name: (params["frontend.epochs"], recipe.default.get("frontend.epochs"))
        for name, (recipe, params) in wanted.items()
        if "frontend.epochs" in params
    }
    if trained:
        said = "; ".join(f"`{name}` {here} epochs, as published {there}" for name, (here, there) in trained.items())
        lines += [f"Trained on each set's training clips alone: {said}.", ""]
    divided = [
        f"`{name}`"
        for name, (recipe, params) in wanted.items()
        if params.get("frontend.pseudo") != recipe.default.get("frontend.pseudo")
    ]
    if divided:
        lines += [f"Not as published, for these sets name no conditions: classes by spectra, {', '.join(divided)}.", ""]
    if left_out:
        lines += [f"Not asked for in this run: {', '.join(f'`{name}`' for name in left_out)}.", ""]
    if audio:
        lines += [*_table(audio, list(wanted)), ""]
        refused = Counter((n, r.refused) for row in audio for n, r in row.reached.items() if r.refused)
        lines += [*(f"- `{n}` on {count} sets: {reason}" for (n, reason), count in sorted(refused.items())), ""]
    if tables:
        lines += [
            "# Back ends on labelled feature tables",
            "",
            "The same, of vectors: tables standardised by their training rows; spectra over time as one vector on "
            f"{AXES} principal axes. At most 400 training rows.",
            "",
            *_table(tables, list(backends())),
            "",
        ]
    minutes = sum(row.seconds for row in (*audio, *tables)) / 60
    lines.append(f"{minutes:.0f} minutes on a machine with two cores that other jobs shared.")
    return "\n".join(lines) + "\n"


def main(arguments: Sequence[str] | None = None) -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sets", type=Path, required=True, help="a folder of labelled recordings and feature tables")
    parser.add_argument("--only", nargs="+", default=[], help="sets whose name holds one of these words")
    parser.add_argument("--detector", nargs="+", default=[], help="these recipes alone")
    parser.add_argument("--epochs", type=int, default=EPOCHS, help="of trained frontends, at most")
    parser.add_argument("--out", type=Path, default=Path(__file__).resolve().parent / "results")
    words = parser.parse_args(arguments)

    def asked(name: str) -> bool:
        return not words.only or any(word in name for word in words.only)

    every = contenders(words.epochs)
    wanted = {name: one for name, one in every.items() if not words.detector or name in words.detector}
    found = sets.known_recordings(words.sets)
    tables = sets.tables(words.sets)
    if not found and not tables:
        found = sets.recordings(words.sets)
    audio, vectors = [], []
    with for_workers(None) as engine:
        for given in found:
            if asked(given.name):
                audio.append(of_recordings(given, wanted, engine))
                print(f"{given.name}: {', '.join(f'{n} {r}' for n, r in audio[-1].reached.items())}", flush=True)
    for path in tables:
        if asked(f"{path.parent.name}/{path.stem}"):
            vectors.append(of_table(read(path), path.parent.name))
            print(f"{vectors[-1].name}: {', '.join(f'{n} {r}' for n, r in vectors[-1].reached.items())}", flush=True)
    write_text(words.out / f"{NAME}.md", page(audio, vectors, wanted, sorted(set(every) - set(wanted))))


if __name__ == "__main__":
    main()
