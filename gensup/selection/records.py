"""All that selection ever looks at - a table of scores, trials by clips - and all that it says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from gensup.clip import Json, Status

Params: TypeAlias = Mapping[str, Json]
Role: TypeAlias = Literal["normal", "sham", "nuisance", "anomaly"]
Answer: TypeAlias = Literal["select", "hedge", "default"]
Form: TypeAlias = Literal["single", "fusion", "hedged", "default"]
LEFT_OUT = -1  # the repeat of clips whose operating condition no model was fitted on


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One scored clip of the table, scored by candidates that were fitted without its source."""

    clip: str  # a real clip's path or a synthetic clip's id
    repeat: int  # which arrangement of folds; LEFT_OUT: the one that holds out whole operating conditions
    fold: int
    source: str  # sha256 of the real normal clip it came from
    target_domain: bool | None
    role: Role
    chain: str  # what the clip went through before it was scored; "none" for recordings and faults added to them
    fitted: str = "none"  # what the normal clips went through that the candidates were fitted on who scored it


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What a synthetic anomaly asks: which failure, how strong, and how we know what it sounds like."""

    family: str
    mechanism: str
    status: Status
    severity: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Exam:
    """One question that every candidate answers: does it rank those above these?"""

    question: Question
    repeat: int
    normal: tuple[int, ...]  # indices into the table's columns
    anomaly: tuple[int, ...]  # every anomaly is judged against every normal


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """One configuration."""

    id: str
    recipe: str
    params: Params
    varied: Params  # those of the params that are axes of the recipe's space: what tells it from its neighbours
    state: Literal["complete", "failed", "pruned"]
    parameters: int  # numbers that a fitted model holds
    reason: str | None = None  # why it failed or was pruned
    transductive: bool = False  # a clip's score depends on the clips that it is scored with

    @property
    def named(self) -> str:
        """The recipe, marked where its scores are of another kind than the others'."""
        return f"{self.recipe} [transductive]" if self.transductive else self.recipe


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreTable:
    """Complete trials by scored clips, and the exams on them."""

    trials: tuple[Trial, ...]
    columns: tuple[Column, ...]
    scores: NDArray[np.float64]  # (trials, columns)
    exams: tuple[Exam, ...]
    default: str | None  # id of the trial with the recipe's published values
    paired: bool  # False: there are anomalies without a normal twin
    taint: Mapping[str, float] = field(default_factory=dict)  # chain -> AUC of a classifier that tells shams from clips
    failed: int = 0  # candidates that are not here, because their scores are not finite
    pruned: int = 0  # candidates that are not here, because a fold or a device cannot hold them


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """What one family says about the trials."""

    family: str
    mechanism: str
    status: Status
    rungs: tuple[tuple[float, float], ...]  # severities that are read, each with its share
    value: NDArray[np.float64]  # (trials,) utility, higher = better
    auc: NDArray[np.float64]  # (trials,)
    resampled: NDArray[np.float64]  # (trials, resamples) utility on resampled source clips
    information: float  # spread between candidates over the spread by chance, less one
    weight: float  # 0 = says nothing about these candidates
    why: str  # why it has no weight, or how its severity was chosen
    wanted: float | None = None  # a severity that would bring it to the fixed difficulty

    @property
    def severity(self) -> float:
        """The severity that is read; severities are ratios, so the way between two rungs is geometric."""
        return float(np.prod([severity**share for severity, share in self.rungs]))


@dataclass(frozen=True, slots=True, kw_only=True)
class FamilyReport:
    """One family's part in the verdict."""

    mechanism: str
    status: Status
    severity: float
    information: float
    weight: float  # share of all weights
    median_auc: float
    utility: float | None  # of what is built
    rank: int | None  # of what is built, among the candidates
    best: str  # trial that this family alone would choose
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A rung that the ladder lacks: the caller may make it and ask once more."""

    family: str
    severity: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The answer. It is written before any real label is opened and never changed by one."""

    answer: Answer  # what the evidence allows
    form: Form  # what is built of it: the answer's own, unless another was asked for
    members: tuple[str, ...]  # trial ids: one, or those that are fused; empty: neither evidence nor a default
    panel: tuple[str, ...]  # twin-free candidates, which the hedge hears too
    tainted: bool
    paired: bool
    rank_interval: tuple[int, int] | None  # of the first in the ranking, in 90 % of the resamples of source clips
    ties: tuple[str, ...]  # trials whose Borda count lies within the first one's interval, best first
    rows: Mapping[str, float] = field(default_factory=dict)  # single, fusion, hedged, default, random: mean utility
    gains: Mapping[str, float] = field(default_factory=dict)  # mechanism -> utility gained on it by a choice without it
    families: Mapping[str, FamilyReport] = field(default_factory=dict)
    ranking: tuple[tuple[str, float], ...] = ()  # trial and its Borda count, best first
    shown: Mapping[str, str] = field(default_factory=dict)  # surrogate -> trial it would choose; none of them is used
    wanted: tuple[Wanted, ...] = ()
    sentence: str = ""
