"""What each year's rules ask for: names of the files, whether decisions are wanted, fields of the meta yaml.

Names and fields are those of the evaluators and of the submissions that teams have published: the 2020 rules want no
decisions and number machines by id; 2021 keeps the test clips of the two domains apart; from 2022 on the domain of a
test clip is not known.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, TypeAlias

from gensup.clip import Domain
from gensup.errors import GensupError
from gensup.registry import unknown

Kind: TypeAlias = Literal["anomaly_score", "decision_result"]
KINDS: tuple[Kind, ...] = ("anomaly_score", "decision_result")

_FILES = {
    "id": re.compile(r"(anomaly_score|decision_result)_([^_]+)_id_([0-9]{2})()\.csv"),
    "domain": re.compile(r"(anomaly_score|decision_result)_([^_]+)_section_([0-9]{2})_(source|target)_test\.csv"),
    "section": re.compile(r"(anomaly_score|decision_result)_([^_]+)_section_([0-9]{2})()_test\.csv"),
}
_CLIPS = {
    "id": re.compile(r"(?:normal_|anomaly_)?id_([0-9]{2})()_[0-9]{8}"),
    "domain": re.compile(r"section_([0-9]{2})_(source|target)_test_(?:normal_|anomaly_)?[0-9]{4}(?:_.*)?"),
    "section": re.compile(r"section_([0-9]{2})()_(?:(?:source|target|test|normal|anomaly)_)*[0-9]{4}(?:_.*)?"),
}
_BASE = (
    "input_sampling_rate", "data_augmentation", "front_end", "acoustic_features", "embeddings",
    "machine_learning_method", "aggregation_method",
)  # fmt: skip
_TAIL = ("ensemble_method_subsystem_count", "decision_making", "external_data_usage", "development_data_usage")
_SINCE_2022 = (
    *_BASE, "domain_adaptation_method", "domain_generalization_method", *_TAIL[:2], "attribute_usage", *_TAIL[2:],
)  # fmt: skip


@dataclass(frozen=True, slots=True, order=True)
class Table:
    """Whose test clips a file is of: one a machine and section, in 2021 one a domain, too."""

    machine: str
    section: str  # 2020: the id
    domain: Domain | None = None  # None: the file holds both, or the year knows none

    def __str__(self) -> str:
        return " ".join(part for part in (self.machine, self.section, self.domain) if part)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """A year's rules."""

    year: int
    names: Literal["id", "domain", "section"]  # how files and test clips are called
    decisions: bool
    description: tuple[str, ...]  # fields of system.description, all of them present, null where they do not apply
    results: tuple[str, ...]  # fields of results.development_dataset.MACHINE
    complexity: tuple[str, ...] = ("total_parameters",)

    @property
    def kinds(self) -> tuple[Kind, ...]:
        return KINDS if self.decisions else KINDS[:1]

    def file(self, kind: Kind, table: Table) -> str:
        """The name of a file."""
        if self.names == "id":
            return f"{kind}_{table.machine}_id_{table.section}.csv"
        domain = f"{table.domain}_" if self.names == "domain" else ""
        return f"{kind}_{table.machine}_section_{table.section}_{domain}test.csv"

    def read_file(self, name: str) -> tuple[Kind, Table] | None:
        """What a file's name says; None where it is no name of this year."""
        found = _FILES[self.names].fullmatch(name)
        if found is None:
            return None
        kind, machine, section, domain = found.groups()
        return kind, Table(machine, section, domain or None)  # type: ignore[return-value, arg-type]

    def read_clip(self, stem: str) -> tuple[str, str | None] | None:
        """Section and domain that a test clip's name says; None where it is no name of this year."""
        found = _CLIPS[self.names].fullmatch(stem)
        return None if found is None else (found[1], found[2] or None)

    def said(self) -> str:
        """How files are called, for a message."""
        kind = "|".join(self.kinds)
        tail = {"id": "id_NN", "domain": "section_NN_source|target_test", "section": "section_NN_test"}[self.names]
        return f"{self.year}: {kind}_MACHINE_{tail}.csv"


YEARS: dict[int, Rules] = {
    2020: Rules(
        year=2020,
        names="id",
        decisions=False,
        description=(*_BASE, *_TAIL),
        results=("averaged_auc", "averaged_pauc"),
    ),
    2021: Rules(
        year=2021,
        names="domain",
        decisions=True,
        description=(*_BASE, "domain_adaptation_method", *_TAIL),
        results=("harmonic_mean_auc", "harmonic_mean_pauc"),
    ),
    2022: Rules(
        year=2022,
        names="section",
        decisions=True,
        description=_SINCE_2022,
        results=("harmonic_mean_auc_source", "harmonic_mean_auc_target", "harmonic_mean_pauc"),
    ),
    **{
        year: Rules(
            year=year,
            names="section",
            decisions=True,
            description=_SINCE_2022,
            results=("auc_source", "auc_target", "pauc"),
        )
        for year in (2023, 2024, 2025, 2026)
    },
}


def rules_of(year: int) -> Rules:
    """A year's rules; GensupError when there are none."""
    if year not in YEARS:
        raise unknown("year", str(year), [str(known) for known in YEARS], where="--year")
    return YEARS[year]


def guessed(names: Iterable[str]) -> Rules:
    """The rules that most of these file names follow; of several years that name them alike, the latest.

    Raises:
        GensupError: no name of any year.
    """
    names = tuple(names)
    counts = {year: sum(rules.read_file(name) is not None for name in names) for year, rules in YEARS.items()}
    best = max(YEARS, key=lambda year: (counts[year], year))
    if not counts[best]:
        raise GensupError(
            "no score files of any year here",
            value=", ".join(names[:3]) or None,
            rule="; ".join(YEARS[year].said() for year in (2020, 2021, 2022)),
            remedy="name the folder that `gensup submit` wrote, or one of score files",
        )
    return YEARS[best]
