"""The official scores of a DCASE Task 2 year: one function of the ground truth, a team and the year's conventions.

AUC of a domain is that domain's normal clips against its own anomalies (2021) or those of both domains (from 2022 on);
precision, recall and F1 are always of the domain's own clips. What is not defined is None, with a sentence that says
why; it is never 0.5, and a mean over something that is not defined is not defined either.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from gensup.evaluation.conventions import CONFIDENCE, MAX_FPR, Conventions
from gensup.evaluation.jackknife import Interval, interval, leave_one_out
from gensup.evaluation.teams import Answers, Team
from gensup.metrics import EPSILON, auc, hmean, pauc

Value: TypeAlias = float | None
Row: TypeAlias = Mapping[str, Value | str]
Vector = NDArray[np.float64]
DOMAINS = ("source", "target")
ALL = "ALL"
_OVER_ALL = " over all machine types, sections, and domains"


@dataclass(frozen=True, slots=True, kw_only=True)
class Worst:
    """mAUC: the worst section of a machine."""

    section: str
    value: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Official:
    """One system's official scores. Keys and order are those of the evaluator's own output."""

    team: str
    conventions: Conventions
    as_published: bool
    machines: Mapping[str, Mapping[str, tuple[Row, ...]]]  # machine -> section -> a row, or one of each domain
    summary: Mapping[str, Mapping[str, tuple[Value, ...]]]  # machine or "ALL" -> mean -> values of ``columns``
    official: Value  # None also in 2020, which has none
    jackknife: Interval | None
    worst: Mapping[str, Mapping[str, Worst | None]]  # machine -> AUC column -> mAUC
    mean_worst: Mapping[str, Value]  # AUC column -> arithmetic mean of mAUC over machines
    undefined: tuple[str, ...]  # what these clips cannot say, and why
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Section:
    """All clips of a section, and where a domain is said, which one."""

    name: str
    scores: Vector
    anomaly: NDArray[np.bool_]
    target: NDArray[np.bool_] | None
    alarms: NDArray[np.bool_] | None

    def inside(self, domain: str | None) -> NDArray[np.bool_]:
        """The clips of a domain; None is both."""
        if domain is None or self.target is None:
            return np.ones(len(self.scores), dtype=bool)
        return self.target if domain == "target" else ~self.target


def evaluate(team: Team, conventions: Conventions, *, as_published: bool) -> Official:
    """Score a team by a year's conventions.

    Args:
        team: as ``read_team`` made it by the same conventions.
        as_published: with the evaluator's quirks that are followed only then, see ``Conventions.quirks``.
    """
    sections = _sections(team.answers)
    undefined: list[str] = []
    machines: dict[str, dict[str, tuple[Row, ...]]] = {}
    summary: dict[str, Mapping[str, tuple[Value, ...]]] = {}
    sides: dict[str, list[Vector]] = {domain: [] for domain in DOMAINS}
    longest = len({section.name for members in sections.values() for section in members})
    for machine, members in sections.items():
        measured = [_measure(section, conventions, f"{machine} {section.name}", undefined) for section in members]
        machines[machine] = {s.name: tuple(_rows(m, conventions)) for s, m in zip(members, measured, strict=True)}
        if not conventions.domains:
            summary[machine] = {"Average": _values(_table(measured, conventions, None).mean(axis=0))}
            continue
        source, target = (_table(measured, conventions, domain) for domain in DOMAINS)
        split = len(source)
        if as_published:
            split = {
                "at the domains": split,
                "at half the machines": len(sections) // 2,
                "at half the sections": longest // 2,
            }[conventions.split]
            if not split:
                undefined.append(
                    f"the source harmonic mean of {machine} is over no value: the evaluator splits {conventions.split}"
                )
        summary[machine] = _means(np.concatenate([source, target]), split, "")
        for domain, table in zip(DOMAINS, (source, target), strict=True):
            sides[domain].append(table)
    official = None
    if conventions.domains:
        both = [np.concatenate(sides[domain]) for domain in DOMAINS]
        summary[ALL] = _means(np.concatenate(both), len(both[0]), _OVER_ALL)
        partial = both if conventions.pauc_of == "domain" else both[:1]
        official = _value(hmean(np.concatenate([*(t[:, 0] for t in both), *(t[:, 1] for t in partial)])))
        if official is None:
            undefined.append("the official score is not defined: it is a mean over all of the above")
    worst = {machine: _worst(rows) for machine, rows in machines.items()}
    return Official(
        team=team.name,
        conventions=conventions,
        as_published=as_published,
        machines=machines,
        summary=summary,
        official=official,
        jackknife=_jackknife(sections, undefined) if conventions.jackknife else None,
        worst=worst,
        mean_worst=_mean_worst(worst),
        undefined=tuple(undefined),
        notes=(*team.notes, *_floored(machines)),
    )


def _floored(machines: Mapping[str, Mapping[str, tuple[Row, ...]]]) -> tuple[str, ...]:
    """Why a harmonic mean may be about 0."""
    zeros = [
        f"{name} of {machine} {section}"
        for machine, sections in machines.items()
        for section, rows in sections.items()
        for row in rows
        for name, value in row.items()
        if not isinstance(value, str | None) and value < EPSILON
    ]
    if not zeros:
        return ()
    return (f"{len(zeros)} of the values are 0 and count as 2.2e-16 in harmonic means, first {zeros[0]}",)


def _sections(answers: Sequence[Answers]) -> dict[str, tuple[_Section, ...]]:
    """Machine -> its sections; the files of two domains are one section."""
    grouped: dict[tuple[str, str], list[Answers]] = {}
    for answer in answers:
        grouped.setdefault((answer.sheet.machine, answer.sheet.section), []).append(answer)
    sections: dict[str, tuple[_Section, ...]] = {}
    for (machine, name), parts in grouped.items():
        targets = [part.sheet.target for part in parts if part.sheet.target is not None]
        alarms = [part.alarms for part in parts if part.alarms is not None]
        section = _Section(
            name=name,
            scores=np.concatenate([part.scores for part in parts]),
            anomaly=np.concatenate([part.sheet.anomaly for part in parts]),
            target=np.concatenate(targets) if targets else None,
            alarms=np.concatenate(alarms) if alarms else None,
        )
        sections[machine] = (*sections.get(machine, ()), section)
    return sections


def _measure(section: _Section, conventions: Conventions, place: str, undefined: list[str]) -> dict[str, Value]:
    """All that one section says: "AUC", "pAUC", and with domains "AUC (source)" and so on."""

    def area(what: str, domain: str | None, both: bool, of: Callable[[Vector, Vector], Vector]) -> Value:
        inside = section.inside(domain)
        low = section.scores[inside & ~section.anomaly]
        high = section.scores[section.anomaly if both else inside & section.anomaly]
        value = _value(of(low, high))
        if value is None:
            undefined.append(f"{what} of {place} is not defined: {len(low)} normal and {len(high)} anomalous clips")
        return value

    def partial(low: Vector, high: Vector) -> Vector:
        return pauc(low, high, MAX_FPR)

    if not conventions.domains:
        return {"AUC": area("AUC", None, True, auc), "pAUC": area("pAUC", None, True, partial)}
    found: dict[str, Value] = {}
    if conventions.pauc_of == "section":
        found |= {"AUC (all)": area("AUC (all)", None, True, auc)}
        found |= {"pAUC": area("pAUC", None, True, partial)}
    for domain in DOMAINS:
        what = f"AUC ({domain})"
        found[what] = area(what, domain, conventions.anomalies_of_both_domains, auc)
        if conventions.pauc_of == "domain":
            found[f"pAUC ({domain})"] = area(f"pAUC ({domain})", domain, False, partial)
        if section.alarms is not None:
            decided = _decided(section, domain, place, undefined)
            found |= {f"{name} ({domain})": value for name, value in decided.items()}
    return found


def _decided(section: _Section, domain: str, place: str, undefined: list[str]) -> dict[str, Value]:
    """Precision, recall and F1 of a domain's own clips, 0 where there is nothing to count, None without any clip."""
    assert section.alarms is not None
    inside = section.inside(domain)
    alarms, anomaly = section.alarms[inside], section.anomaly[inside]
    if not inside.any():
        undefined.append(
            f"precision, recall and F1 score ({domain}) of {place} are not defined: no clip of that domain"
        )
        return {"precision": None, "recall": None, "F1 score": None}
    hits, flagged, there = int((alarms & anomaly).sum()), int(alarms.sum()), int(anomaly.sum())
    if not flagged:
        undefined.append(f"precision ({domain}) of {place} is 0 of 0 clips flagged; the evaluator's floor makes it 0")
    if not there:
        undefined.append(f"recall ({domain}) of {place} is 0 of 0 anomalies; the evaluator's floor makes it 0")
    precision, recall = hits / max(flagged, EPSILON), hits / max(there, EPSILON)
    f1 = 2.0 * precision * recall / max(precision + recall, EPSILON)
    return {"precision": precision, "recall": recall, "F1 score": f1}


def _rows(measured: Mapping[str, Value], conventions: Conventions) -> list[Row]:
    """As the evaluator of the year prints them."""
    if not conventions.domains:
        return [measured]
    if conventions.pauc_of == "domain":
        return [
            {"domain": domain} | {column: measured[f"{column} ({domain})"] for column in conventions.columns}
            for domain in DOMAINS
        ]
    pairs = [f"{column} ({domain})" for column in conventions.columns[2:] for domain in DOMAINS]
    return [{name: measured[name] for name in ("AUC (all)", "AUC (source)", "AUC (target)", "pAUC", *pairs)}]


def _table(measured: Sequence[Mapping[str, Value]], conventions: Conventions, domain: str | None) -> Vector:
    """(sections, columns) of one domain; NaN where something is not defined."""
    tagged = {column: f"{column} ({domain})" for column in conventions.columns}
    if domain is None:
        tagged = {column: column for column in conventions.columns}
    elif conventions.pauc_of == "section":
        tagged["pAUC"] = "pAUC"
    rows = [[row[tagged[column]] for column in conventions.columns] for row in measured]
    return np.array([[math.nan if value is None else value for value in row] for row in rows])


def _means(table: Vector, split: int, suffix: str) -> dict[str, tuple[Value, ...]]:
    """The four means over the rows of a table, of which the first ``split`` are the source ones."""
    return {
        f"arithmetic mean{suffix}": _values(table.mean(axis=0)),
        f"harmonic mean{suffix}": _values(hmean(table, axis=0)),
        f"source harmonic mean{suffix}": _values(hmean(table[:split], axis=0)),
        f"target harmonic mean{suffix}": _values(hmean(table[split:], axis=0)),
    }


def _jackknife(sections: Mapping[str, Sequence[_Section]], undefined: list[str]) -> Interval | None:
    """The mean of the intervals of AUC and pAUC over the scores of all machines together."""
    every = [section for members in sections.values() for section in members]
    scores = np.concatenate([section.scores for section in every])
    anomaly = np.concatenate([section.anomaly for section in every])
    parts = [interval(leave_one_out(scores[~anomaly], scores[anomaly], p), CONFIDENCE) for p in (1.0, MAX_FPR)]
    if None in parts:
        undefined.append(
            f"the jackknife interval is not defined: {int((~anomaly).sum())} normal and {int(anomaly.sum())} anomalous "
            "clips, and each of them is left out once"
        )
        return None
    both = [part for part in parts if part is not None]
    return Interval(sum(p.published for p in both) / 2, sum(p.usual for p in both) / 2)


def _worst(rows: Mapping[str, Sequence[Row]]) -> dict[str, Worst | None]:
    """The lowest AUC over sections, for each kind of AUC; None where a section's is not defined."""
    columns: dict[str, list[tuple[Value, str]]] = {}
    for section, of in rows.items():
        for row in of:
            for name, value in row.items():
                if name.startswith("AUC") and not isinstance(value, str):
                    tag = f"{name} ({row['domain']})" if "domain" in row else name
                    columns.setdefault(tag, []).append((value, section))
    return {name: _lowest(values) for name, values in columns.items()}


def _lowest(values: Sequence[tuple[Value, str]]) -> Worst | None:
    defined = [(value, section) for value, section in values if value is not None]
    if len(defined) < len(values):
        return None
    value, section = min(defined)
    return Worst(section=section, value=value)


def _mean_worst(worst: Mapping[str, Mapping[str, Worst | None]]) -> dict[str, Value]:
    names = list(dict.fromkeys(name for of in worst.values() for name in of))
    found: dict[str, Value] = {}
    for name in names:
        values = [of.get(name) for of in worst.values()]
        defined = [w.value for w in values if w is not None]
        found[name] = math.fsum(defined) / len(defined) if len(defined) == len(values) else None
    return found


def _values(row: Vector) -> tuple[Value, ...]:
    return tuple(_value(value) for value in row)


def _value(value: Vector | np.float64) -> Value:
    number = float(value)
    return None if math.isnan(number) else number
