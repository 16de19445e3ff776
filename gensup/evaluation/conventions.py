"""What each year's official evaluator does with a submission: one frozen record a year, read from its code and results.

The harmonic means floor their values at 2.2e-16 (``gensup.metrics.hmean``), pAUC is up to a false positive rate of 0.1
and standardised; both hold in every year. An evaluator's deviations from what its own output says are quirks.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

from gensup.errors import GensupError

MAX_FPR = 0.1
CONFIDENCE = 0.95

Follow: TypeAlias = Literal["with --as-published", "always", "never"]
Split: TypeAlias = Literal["at the domains", "at half the machines", "at half the sections"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Quirk:
    """Where an evaluator does something else than its output says, or than a reader expects."""

    name: str
    what: str
    followed: Follow  # by gensup


@dataclass(frozen=True, slots=True, kw_only=True)
class Conventions:
    """How one year counts."""

    year: int
    evaluator: str  # whose conventions these are
    section_word: Literal["id", "section"]
    domains: bool  # whether clips have a domain; without them there is one arithmetic mean and no official score
    files_by_domain: bool = False  # one score file for each domain of a section, or one for the section
    anomalies_of_both_domains: bool = False  # what a domain's normal clips are compared with, for its AUC
    pauc_of: Literal["domain", "section"] = "section"
    decisions: bool = True  # precision, recall and F1 from 0|1 decision files
    jackknife: bool = False
    split: Split = "at the domains"  # as published; what "source" and "target harmonic mean" of a machine are over
    maps_labelled_names: bool = False  # whether the evaluator itself maps labelled names back to blind ones
    sorts: Literal["names", "rows"] = "rows"  # the order that it brings score rows to, before it pairs by position
    truth_sorted: bool = True  # whether it sorts the ground truth, too
    passes_over_missing: bool = False  # whether its means leave out what has no score file
    quirks: tuple[Quirk, ...] = ()

    @property
    def columns(self) -> tuple[str, ...]:
        """Of the rows of means."""
        return ("AUC", "pAUC", "precision", "recall", "F1 score") if self.decisions else ("AUC", "pAUC")


_BY_POSITION = Quirk(
    name="pairs by position",
    what=(
        "score rows and ground truth are sorted and paired by position, and names are not compared: with one row "
        "missing and another doubled, every label in between moves to the next clip without a word. Doubled rows are "
        "refused all the same"
    ),
    followed="with --as-published",
)
_DECISIONS = Quirk(
    name="decisions are truncated",
    what="a decision is read as a number and cut to an integer, so that 0.9 is a 0",
    followed="never",
)
_FLOOR = Quirk(
    name="floor of the harmonic means",
    what=(
        "values below 2.2e-16 count as 2.2e-16, so that a single 0 makes a harmonic mean about 0 and no error; "
        "precision, recall and F1 score without anything to count are 0"
    ),
    followed="always",
)
_NAMES = Quirk(
    name="machine names end at an underscore",
    what="a machine's name is read from the ground truth's file name up to its next underscore",
    followed="never",
)
_JACKKNIFE = Quirk(
    name="divisor of the jackknife",
    what=(
        "the sum of squares is divided by N (N - 1) instead of multiplied by (N - 1) / N: 'official score ci95' is "
        "N - 1 times narrower than a jackknife interval. It is the mean of the intervals of AUC and pAUC over the "
        "pooled scores of all machines, not one of the official score. 'jackknife ci95' has the usual divisor"
    ),
    followed="always",
)
_REPEATED = Quirk(
    name="pAUC stands in both domains",
    what="a section has one pAUC; in the source and in the target harmonic means it is the same",
    followed="always",
)
_COMMON = (_BY_POSITION, _NAMES, _FLOOR)

_OF_2020 = Conventions(
    year=2020,
    evaluator="dcase2020_task2_evaluator",
    section_word="id",
    domains=False,
    decisions=False,
    sorts="names",
    truth_sorted=False,
    passes_over_missing=True,
    quirks=(
        _BY_POSITION,
        Quirk(
            name="missing files are passed over",
            what="an id without a score file is left out of its machine's average",
            followed="with --as-published",
        ),
    ),
)
_OF_2021 = Conventions(
    year=2021,
    evaluator="dcase2021_task2_evaluator",
    section_word="section",
    domains=True,
    files_by_domain=True,
    pauc_of="domain",
    split="at half the machines",
    quirks=(
        *_COMMON,
        Quirk(
            name="source and target of a machine are split at half the number of machines",
            what=(
                "a machine's rows are its source sections, then its target sections; its source harmonic mean is over "
                "the first (machines // 2) rows. With 7 machines of 3 sections that is right by coincidence"
            ),
            followed="with --as-published",
        ),
    ),
)
_OF_2022 = Conventions(
    year=2022,
    evaluator="dcase2022_task2_evaluator",
    section_word="section",
    domains=True,
    anomalies_of_both_domains=True,
    jackknife=True,
    split="at half the sections",
    quirks=(
        *_COMMON,
        _DECISIONS,
        _REPEATED,
        _JACKKNIFE,
        Quirk(
            name="source and target of a machine are split at half the number of sections",
            what=(
                "a machine's values are its source sections, then its target sections; its source harmonic mean is "
                "over the first (sections // 2) values, with 3 sections the first section's alone, and its target "
                "harmonic mean over all others, source values among them. The means over all machines are right"
            ),
            followed="with --as-published",
        ),
    ),
)
_LATER = (*_COMMON, _DECISIONS, _REPEATED, _JACKKNIFE)


def _first_shot(year: int, evaluator: str) -> Conventions:
    return Conventions(
        year=year,
        evaluator=evaluator,
        section_word="section",
        domains=True,
        anomalies_of_both_domains=True,
        jackknife=True,
        maps_labelled_names=True,
        quirks=_LATER,
    )


CONVENTIONS: Mapping[int, Conventions] = {
    c.year: c
    for c in (
        _OF_2020,
        _OF_2021,
        _OF_2022,
        _first_shot(2023, "dcase2023_task2_evaluator"),
        _first_shot(2024, "dcase2024_task2_evaluator"),
        _first_shot(2025, "dcase2024_task2_evaluator (no evaluator of 2025 is known; its rules are those of 2024)"),
    )
}


def conventions(year: int) -> Conventions:
    """How a year counts.

    Raises:
        GensupError: nothing is known of that year's evaluator.
    """
    if year not in CONVENTIONS:
        raise GensupError(
            "no official evaluator of this year is known",
            where="--year",
            value=year,
            rule=f"{min(CONVENTIONS)} to {max(CONVENTIONS)}",
            remedy="scores by another year's rules are not official; name the year whose rules you want",
        )
    return CONVENTIONS[year]
