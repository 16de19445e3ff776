"""detectors and faults: what can be chosen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from gensup.captions import FaultRow, fault_rows, faults_for
from gensup.captions.machines import unlisted
from gensup.clip import Json
from gensup.detection.means import NOTHING
from gensup.detection.recipe import Recipe, build, load, load_all
from gensup.errors import GensupError

__all__ = ["Sizes", "detector", "detectors", "faults", "marks", "needs", "published", "sizes", "unlisted"]


@dataclass(frozen=True, slots=True)
class Sizes:
    """Numbers that a recipe's network holds; None: its weights would tell, and the recipe does not. 0: no network."""

    training: int | None  # that are trained, or heard while it is
    detection: int | None


def detectors(overlay: Path | None = None) -> tuple[Recipe, ...]:
    """Every recipe."""
    return load_all(overlay)


def detector(name: str, overlay: Path | None = None) -> Recipe:
    """One recipe.

    Raises:
        GensupError: there is none of this name.
    """
    return load(name, overlay)


def sizes(recipe: Recipe) -> Sizes:
    """As the recipe says; else as its frontend does, where that needs no weights."""
    said, own = recipe.needs, None
    if said.parameters_for_detection is None and not said.weights:
        frontend = build(recipe.default).frontend
        try:
            own = frontend.untrained(NOTHING).n_parameters
        except GensupError:  # a frontend that needs more than the recipe says
            own = None
    detection = own if said.parameters_for_detection is None else said.parameters_for_detection
    training = said.parameters_for_training
    if training is None and not said.weights:
        training = detection if recipe.trained else 0
    return Sizes(training, detection)


def needs(recipe: Recipe) -> str:
    """What a recipe needs beside recordings, in words; "" where it needs nothing."""
    said = recipe.needs
    words = [f"weights {', '.join(said.weights)}"] if said.weights else []
    words += ["GPU advised"] if said.gpu else []
    words += [f"gensup[{','.join(said.extras)}]"] if said.extras else []
    return "; ".join(words)


def marks(recipe: Recipe) -> str:
    """What must be known of a recipe's numbers."""
    words = {"reconstruction": recipe.reconstruction, "transductive": recipe.transductive}
    said = [word for word, holds in words.items() if holds]
    return "; ".join(said + ([f"with {recipe.pair.generator.get('generator', 'a generator')}"] if recipe.pair else []))


def published(recipe: Recipe) -> dict[str, str]:
    """Every published score and where it stands, e.g. "pauc 63.29 (dcase2022-dev)": "Guan et al., table 2"."""
    rows = [row for row in recipe.published if _scored(row)]
    return {f"{row['metric']} {row['value']} ({row.get('data')})": _source(row) for row in rows}


def _source(row: Mapping[str, Json]) -> str:
    return "; ".join(str(row[key]) for key in ("note", "source") if row.get(key))


def _scored(row: Mapping[str, Json]) -> bool:
    return row.get("metric") is not None and row.get("value") is not None


def faults(machine: str | None = None, prompts: Path | None = None) -> tuple[FaultRow, ...]:
    """Every fault family, or those of one machine with the generic ones."""
    return faults_for(machine, prompts) if machine else tuple(fault_rows(prompts).values())
