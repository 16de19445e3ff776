"""A set that was selected on and whose labels are known, and what came of a choice."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from gensup.selection.records import ScoreTable

Floats = NDArray[np.float64]
Kind: TypeAlias = Literal["rendered", "audio", "table"]

FEW = 20  # of normal or of anomalous test clips: below, numbers say next to nothing


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Case:
    """One machine with one set of anomalies: what selection saw, and the real scores it never saw."""

    kind: Kind
    name: str
    machine: str  # cases of one machine share its normal clips and are no independent witnesses
    table: ScoreTable  # without the mechanisms that are withheld
    test: Floats  # (trials, test clips) of every trial fitted on all normal clips
    anomalous: NDArray[np.bool_]  # (test clips,)
    target: NDArray[np.bool_]
    withheld: tuple[str, ...] = ()
    seen: bool = False  # its labels were known to those who wrote this procedure or its fault rows
    note: str = ""

    @property
    def small(self) -> bool:
        """Whether there are too few test clips for its own row to mean anything."""
        return min(int(self.anomalous.sum()), int((~self.anomalous).sum())) < FEW


@dataclass(frozen=True, slots=True, kw_only=True)
class Wrong:
    """What the procedure did when it was told of unlike failures alone."""

    mechanisms: int
    families: int  # that voted
    agreement: float  # mean rank correlation of those families with the real ranking
    answer: str
    gain: float  # real score of what it would build, over a random candidate's

    @property
    def violates(self) -> bool:
        """Whether it selects, or falls below random - .02."""
        return self.answer == "select" or self.gain < -0.02


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """One row of the table."""

    case: str
    machine: str
    kind: Kind
    seen: bool
    small: bool
    normals: int
    test_normals: int
    test_anomalies: int
    candidates: int
    withheld: tuple[str, ...]
    voters: int
    mechanisms: int
    answer: str
    scores: Mapping[str, Floats]  # what is chosen -> (splits,) official score on the half that did not choose
    spearman: Mapping[str, float]  # ranking -> rank correlation with the real one
    wrong: Mapping[str, Wrong] = field(default_factory=dict)
    note: str = ""

    def mean(self, name: str) -> float:
        """Mean score over splits, NaN where there is no such choice."""
        return float(np.mean(self.scores[name])) if name in self.scores else float("nan")

    def against(self, name: str, other: str) -> tuple[float, float]:
        """Mean difference over splits, and its paired standard error (of splits that overlap: too small)."""
        if name not in self.scores or other not in self.scores:
            return float("nan"), float("nan")
        differences = self.scores[name] - self.scores[other]
        return float(differences.mean()), float(differences.std(ddof=1) / np.sqrt(len(differences)))

    def gap(self, name: str) -> float:
        """Share of the way from random to the in-sample oracle; NaN where there is hardly a way to go."""
        way = self.mean("in-sample oracle") - self.mean("random")
        return (self.mean(name) - self.mean("random")) / way if way > 0.005 else float("nan")
