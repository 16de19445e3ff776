"""All that selection ever looks at - a table of scores, trials by clips - and all that it says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from gensup.clip import Json, Status

Params: TypeAlias = Mapping[str, Json]
Role: TypeAlias = Literal["normal", "sham", "anomaly"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One scored clip of the table, scored by candidates that were fitted without its source."""

    clip: str  # a real clip's path or a synthetic clip's id
    fold: int
    source: str  # sha256 of the real normal clip it came from
    target_domain: bool | None
    role: Role
    chain: str  # what the clip went through before it was scored; "none" for recordings and faults added to them


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
    normal: tuple[int, ...]  # indices into the table's columns
    anomaly: tuple[int, ...]  # every anomaly is judged against every normal


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """One configuration."""

    id: str
    recipe: str
    params: Params
    varied: Params  # those of the params that are axes of the recipe's space: what tells it from its neighbours
    state: Literal["complete", "pruned"]
    parameters: int  # numbers that a fitted model holds
    reason: str | None = None  # why it was pruned


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreTable:
    """Complete trials by scored clips, and the exams on them."""

    trials: tuple[Trial, ...]
    columns: tuple[Column, ...]
    scores: NDArray[np.float64]  # (trials, columns)
    exams: tuple[Exam, ...]
    default: str | None  # id of the trial with the recipe's published values
    paired: bool  # False: there are anomalies without a normal twin


@dataclass(frozen=True, slots=True)
class Judgement:
    """What one family says about the trials."""

    family: str
    mechanism: str
    status: Status
    value: NDArray[np.float64]  # (trials,) utility, higher = better
    auc: NDArray[np.float64]  # (trials,) at the severity that is read
    resampled: NDArray[np.float64]  # (trials, resamples) utility on resampled source clips
    severity: float  # the severity that is read, between two rungs of the ladder or on one
    information: float  # spread between candidates over the spread by chance, less one
    weight: float  # 0 = says nothing about these candidates
    why: str  # why it has no weight, or how its severity was chosen


@dataclass(frozen=True, slots=True, kw_only=True)
class FamilyReport:
    """One family's part in the verdict."""

    mechanism: str
    status: Status
    severity: float
    information: float
    weight: float  # share of all weights
    median_auc: float
    member_auc: float | None  # of the chosen configuration
    member_rank: int | None
    best: str  # trial that this family alone would choose
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The answer. It is written before any real label is opened and never changed by one."""

    answer: Literal["select", "default"]
    members: tuple[str, ...]  # ids of the trials to use; empty when there is neither evidence nor a default
    paired: bool
    rank_interval: tuple[int, int] | None  # of the chosen, in 90 % of the resamples of source clips
    ties: tuple[str, ...]  # trials whose Borda count lies within the chosen one's interval, best first
    rows: Mapping[str, float] = field(default_factory=dict)  # single, default, random: weighted mean utility
    families: Mapping[str, FamilyReport] = field(default_factory=dict)
    ranking: tuple[tuple[str, float], ...] = ()  # trial and its Borda count, best first
    sentence: str = ""
