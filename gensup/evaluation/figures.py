"""What labelled clips say of scores: AUCs by domain, partial AUC, their official mean, and an AUC's standard error.

As the DCASE Task 2 evaluators of 2022 to 2024 compute them, section by section: AUC of a domain is that domain's normal
clips against the section's anomalies of both domains, pAUC is of all clips, and the official score is the harmonic mean
of all three over all sections. Where no clip says its domain (2020, MIMII; there was no official score then) it is that
of AUC and pAUC.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gensup.metrics import auc, hmean, pauc

MAX_FPR = 0.1

Vector = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Labels:
    """What is known of the scored clips, each field over clips."""

    section: tuple[str, ...]  # "" where it is not said
    target_domain: tuple[bool | None, ...]  # None where it is not said
    anomaly: tuple[bool, ...]

    def __len__(self) -> int:
        return len(self.anomaly)


@dataclass(frozen=True, slots=True, kw_only=True)
class Count:
    """How many clips of a section, the normal ones by domain."""

    section: str
    source: int
    target: int
    unsaid: int
    anomaly: int

    @property
    def normal(self) -> int:
        return self.source + self.target + self.unsaid

    @property
    def tells(self) -> bool:
        """Whether there is anything to tell apart."""
        return bool(self.normal and self.anomaly)


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What one set of scores reaches, in a section or over several (their harmonic means). None: not defined."""

    official: float | None
    auc_source: float | None
    auc_target: float | None
    auc: float | None
    pauc: float | None  # up to a false positive rate of 0.1, standardised
    auc_source_error: float | None  # standard errors, see hanley_mcneil
    auc_target_error: float | None
    auc_error: float | None


@dataclass(frozen=True, slots=True)
class Measured:
    """The figures of one set of scores."""

    overall: Figures
    sections: Mapping[str, Figures]


def count(labels: Labels) -> tuple[Count, ...]:
    """The clips of every section, sorted by its name."""
    counts = []
    for section in sorted(set(labels.section)):
        of = [i for i, name in enumerate(labels.section) if name == section]
        normal = [labels.target_domain[i] for i in of if not labels.anomaly[i]]
        counts.append(
            Count(
                section=section,
                source=normal.count(False),
                target=normal.count(True),
                unsaid=normal.count(None),
                anomaly=len(of) - len(normal),
            )
        )
    return tuple(counts)


def has_domains(counts: tuple[Count, ...]) -> bool:
    """Whether any normal clip says its domain: what the official score is a mean of depends on it."""
    return any(c.source or c.target for c in counts)


def undefined(counts: tuple[Count, ...]) -> tuple[str, ...]:
    """What these clips cannot say, and why, a sentence each; () where everything is defined."""
    said = [
        f"section {c.section or '(not said)'} says nothing: {c.normal} normal and {c.anomaly} anomalous clips"
        for c in counts
        if not c.tells
    ]
    telling = tuple(c for c in counts if c.tells)
    if not telling:
        return tuple(said)
    if not has_domains(telling):
        return (*said, "no normal clip says its domain: the official score is the harmonic mean of AUC and pAUC alone")
    for domain in ("source", "target"):
        without = [c.section or "(not said)" for c in telling if not getattr(c, domain)]
        if without:
            said.append(
                f"AUC {domain} and the official score are not defined: no normal clip of the {domain} domain in "
                f"section {', '.join(without)}"
            )
    return tuple(said)


def measure(labels: Labels, scores: Vector) -> tuple[Measured, ...]:
    """The figures of every row of (rows, clips) scores; sections without both conditions count for nothing."""
    telling = [c for c in count(labels) if c.tells]
    by_section = [_section(labels, c, scores) for c in telling]
    if not by_section:
        nothing = Figures(**{field.name: None for field in fields(Figures)})
        return tuple(Measured(nothing, {}) for _ in scores)
    stacked = {name: np.stack([section[name] for section in by_section], axis=1) for name in by_section[0]}
    overall = {name: hmean(stacked[name], axis=1) for name in ("auc_source", "auc_target", "auc", "pauc", "official")}
    for name in ("auc_source", "auc_target", "auc"):
        # The harmonic mean H of k independent sections: dH/dA = H²/(k A²). NaN carries over.
        slope = overall[name][:, None] ** 2 / (len(telling) * np.maximum(stacked[name], np.finfo(float).tiny) ** 2)
        overall[f"{name}_error"] = np.sqrt(((slope * stacked[f"{name}_error"]) ** 2).sum(axis=1))
    return tuple(
        Measured(
            _figures(overall, row),
            {c.section: _figures(section, row) for c, section in zip(telling, by_section, strict=True)},
        )
        for row in range(len(scores))
    )


def hanley_mcneil(area: ArrayLike, normal: int, anomaly: int) -> Vector:
    """Standard error of an AUC on ``normal`` and ``anomaly`` clips (Hanley & McNeil, Radiology 143:29-36, 1982).

    NaN where there are no clips, and at an AUC of 0 or 1, for which the formula claims certainty.
    """
    a = np.asarray(area, dtype=np.float64)
    if not normal or not anomaly:
        return np.full(a.shape, np.nan)
    both_anomalies, both_normals = a / (2 - a), 2 * a**2 / (1 + a)
    variance = a * (1 - a) + (anomaly - 1) * (both_anomalies - a**2) + (normal - 1) * (both_normals - a**2)
    error = np.sqrt(np.maximum(variance, 0) / (normal * anomaly))
    return np.asarray(np.where((a > 0) & (a < 1), error, np.nan))


def _section(labels: Labels, counted: Count, scores: Vector) -> dict[str, Vector]:
    """(rows,) of every figure in one section, NaN where it is not defined."""
    inside = np.array([section == counted.section for section in labels.section])
    anomaly = np.array(labels.anomaly) & inside
    normal = ~np.array(labels.anomaly) & inside
    target = np.array([domain is True for domain in labels.target_domain])
    source = np.array([domain is False for domain in labels.target_domain])
    high = scores[:, anomaly]
    values = {
        "auc_source": auc(scores[:, normal & source], high),
        "auc_target": auc(scores[:, normal & target], high),
        "auc": auc(scores[:, normal], high),
        "pauc": pauc(scores[:, normal], high, MAX_FPR),
    }
    sides = {"auc_source": counted.source, "auc_target": counted.target, "auc": counted.normal}
    errors = {f"{name}_error": hanley_mcneil(values[name], side, counted.anomaly) for name, side in sides.items()}
    domains = has_domains(tuple(c for c in count(labels) if c.tells))
    parts = ("auc_source", "auc_target", "pauc") if domains else ("auc", "pauc")
    return values | errors | {"official": hmean(np.stack([values[part] for part in parts]), axis=0)}


def _figures(values: Mapping[str, Vector], row: int) -> Figures:
    return Figures(**{name: None if np.isnan(value[row]) else float(value[row]) for name, value in values.items()})
