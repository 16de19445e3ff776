"""The constants of the procedure, read from selection.yaml."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from pydantic import TypeAdapter

from gensup.clip import Status
from gensup.resources import parse_yaml


@dataclass(frozen=True, slots=True)
class Constants:
    """What each one is stands beside its value in selection.yaml."""

    folds: int
    repeats: int
    repeats_under: int
    left_out_clips: int
    domain_prior: float
    max_fpr: float
    panel: int
    top: int
    top_share: float
    difficulty: float
    hopeless: float
    saturated: float
    rung: float
    resamples: int
    information_cap: float
    informative: float
    least_sources: int
    least_families: int
    least_mechanisms: int
    tainted: float
    suspect: float
    status_weight: Mapping[Status, float]


@cache
def constants() -> Constants:
    """The shipped constants; there is no overlay, because they are not to be tuned."""
    source = files("gensup.selection") / "selection.yaml"
    return TypeAdapter(Constants).validate_python(parse_yaml(source.read_text(encoding="utf-8"), str(source)))
