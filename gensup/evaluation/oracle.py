"""The oracle: what real labels say of a verdict that stands, beside every candidate that it was chosen among."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from gensup.errors import GensupError
from gensup.evaluation.figures import MAX_FPR, Count, Figures, Labels, Measured, count, measure, undefined
from gensup.selection.records import Verdict

Scores: TypeAlias = NDArray[np.float64]
Judge: TypeAlias = Literal["official", "auc"]
RANDOM = "random"
BEST = "in-sample oracle"
JUDGES: Mapping[Judge, str] = {"official": "official score", "auc": "AUC"}
EQUAL = 1e-12  # figures that are nearer are equal: a detector and its candidate may differ in the last bit
COLUMNS = ("official", "auc_source", "auc_target", "auc", "pauc")
HEADER = ("official", "AUC source", "AUC target", "AUC", "pAUC", "rank", "gap closed")


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What one detector reaches on the labelled clips; what is not defined is None."""

    name: str  # a form of answer, "random" or "in-sample oracle"
    figures: Figures  # over all sections
    sections: Mapping[str, Figures]
    rank: int | None  # one more than the candidates that are better
    gap_closed: float | None  # way from random (0) to the in-sample oracle (1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Oracle:
    """A verdict before real labels. It decides nothing."""

    machine: str
    counts: tuple[Count, ...]
    judge: Judge  # the figure that ranks: the official score, or AUC where that is not defined
    chosen: str  # the row of what was built
    candidates: int
    rows: tuple[Row, ...]
    best: str  # trial of the in-sample oracle
    spearman: float | None  # the verdict's ranking and the labels' one, over the candidates; 1 = the same order
    undefined: tuple[str, ...]  # what these clips cannot say, and why
    left_out: Mapping[str, str] = field(default_factory=dict)  # clip or trial -> why it was not counted

    def row(self, name: str) -> Row:
        """The row of this name."""
        return next(row for row in self.rows if row.name == name)

    def lines(self) -> tuple[str, ...]:
        """What to print: the table, and what so many clips allow to be said."""
        return (_clips(self), *_table(self.rows), *_findings(self), *self.undefined)


def evaluate(
    labels: Labels,
    trials: Sequence[str],
    scores: Scores,
    built: Mapping[str, Scores],
    verdict: Verdict,
    *,
    machine: str,
    left_out: Mapping[str, str] | None = None,
) -> Oracle:
    """Measure what was built, and every candidate, on labelled clips.

    Args:
        scores: (trials, clips), every candidate fitted on all normal clips.
        built: (clips,) scores by form (single, fusion, hedged, default), ``verdict.form`` among them.

    Raises:
        GensupError: no section has both conditions, or a score is not finite.
    """
    counts = count(labels)
    if not any(c.tells for c in counts):
        raise GensupError(
            "nothing to tell apart",
            where=machine,
            value=f"{sum(c.normal for c in counts)} normal and {sum(c.anomaly for c in counts)} anomalous clips",
            rule="a section has labelled clips of both conditions that no detector was fitted on",
            remedy="give labelled test clips",
        )
    rows = np.concatenate([np.stack([*built.values()]), scores])
    if not np.isfinite(rows).all():
        raise GensupError("a score is not finite", where=machine, rule="every detector scores every labelled clip")
    measured = measure(labels, rows)
    ours, theirs = measured[: len(built)], measured[len(built) :]
    judge: Judge = "auc" if theirs[0].overall.official is None else "official"
    values = np.array([getattr(m.overall, judge) for m in theirs])
    # Equal figures are settled by id, never by the order of the work.
    best = min(range(len(trials)), key=lambda i: (-values[i], trials[i]))
    found = dict(zip(built, ours, strict=True)) | {RANDOM: _mean(theirs), BEST: theirs[best]}
    return Oracle(
        machine=machine,
        counts=counts,
        judge=judge,
        chosen=verdict.form,
        candidates=len(trials),
        rows=tuple(_row(name, m, judge, values) for name, m in found.items()),
        best=trials[best],
        spearman=_agreement(verdict, dict(zip(trials, values.tolist(), strict=True))),
        undefined=undefined(counts),
        left_out=dict(left_out or {}),
    )


def _row(name: str, measured: Measured, judge: Judge, values: Scores) -> Row:
    value = getattr(measured.overall, judge)
    mean = math.fsum(values) / len(values)
    gap = float(values.max()) - mean
    return Row(
        name=name,
        figures=measured.overall,
        sections=measured.sections,
        rank=None if name == RANDOM else 1 + int(np.count_nonzero(values > value + EQUAL)),
        gap_closed=(value - mean) / gap if gap > EQUAL else None,
    )


def _mean(measured: Sequence[Measured]) -> Measured:
    """What a candidate drawn at random is expected to reach; no standard error is known of it."""
    return Measured(
        _mean_figures([m.overall for m in measured]),
        {section: _mean_figures([m.sections[section] for m in measured]) for section in measured[0].sections},
    )


def _mean_figures(figures: Sequence[Figures]) -> Figures:
    values = {name: [getattr(f, name) for f in figures] for name in COLUMNS}
    means = {name: None if None in column else math.fsum(column) / len(column) for name, column in values.items()}
    return Figures(**means, auc_source_error=None, auc_target_error=None, auc_error=None)


def _agreement(verdict: Verdict, values: Mapping[str, float]) -> float | None:
    """Spearman's correlation of Borda counts and figures; None where there is no ranking or nothing differs."""
    both = [(-borda, values[trial]) for trial, borda in verdict.ranking if trial in values]
    if any(len({pair[side] for pair in both}) < 2 for side in (0, 1)):
        return None
    from scipy.stats import spearmanr  # slow to load, and official scores do not need it

    return float(spearmanr([ranked for ranked, _ in both], [value for _, value in both]).statistic)


def _clips(oracle: Oracle) -> str:
    counts = oracle.counts
    by_domain = {domain: sum(getattr(c, domain) for c in counts) for domain in ("source", "target", "unsaid")}
    names = {"unsaid": "of no said domain"}
    domains = ", ".join(f"{n} {names.get(domain, domain)}" for domain, n in by_domain.items() if n)
    normal, anomaly = sum(by_domain.values()), sum(c.anomaly for c in counts)
    several = f" in {len(counts)} sections" if len(counts) > 1 else ""
    said = f" ({domains})" if domains else ""
    left = f"; {len(oracle.left_out)} left out" if oracle.left_out else ""
    return (
        f"oracle for {oracle.machine}, opened after the verdict: {normal} normal{said} and {anomaly} anomalous "
        f"clips{several}{left}"
    )


def _table(rows: Sequence[Row]) -> list[str]:
    cells = [["", *HEADER]]
    for row in rows:
        gap = "–" if row.gap_closed is None else f"{row.gap_closed:.0%}"
        rank = "–" if row.rank is None else str(row.rank)
        cells.append([row.name, *(_number(getattr(row.figures, name)) for name in COLUMNS), rank, gap])
    widths = [max(len(line[i]) for line in cells) for i in range(len(cells[0]))]
    return ["  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip() for line in cells]


def _findings(oracle: Oracle) -> list[str]:
    chosen = oracle.row(oracle.chosen)
    said = [f"chosen: {oracle.chosen}, rank {chosen.rank} of {oracle.candidates} candidates by {JUDGES[oracle.judge]}"]
    if oracle.spearman is not None:
        said.append(f"Spearman correlation of the verdict's ranking with the labels' ranking: {oracle.spearman:.2f}")
    said.append(f"{BEST}: {oracle.best}; it saw the very labels that it is judged by: a bound, not a result")
    return said + _allowed(oracle, chosen)


def _allowed(oracle: Oracle, chosen: Row) -> list[str]:
    """What so few clips allow to be said."""
    telling = [c for c in oracle.counts if c.tells]
    normal, anomaly = sum(c.normal for c in telling), sum(c.anomaly for c in telling)
    area, error = chosen.figures.auc, chosen.figures.auc_error
    # The rates that pAUC is of hold the highest tenth of each section's normal clips.
    top = sum(math.ceil(MAX_FPR * c.normal) for c in telling)
    said = [f"pAUC rests on the {top} highest of {normal} normal clips"]
    if area is None or error is None:
        return [
            f"AUC {_number(area)}: the formula gives no standard error at 0 or 1; so few clips prove neither",
            *said,
        ]
    low, high = max(0.0, area - 2 * error), min(1.0, area + 2 * error)
    said.insert(
        0,
        f"AUC {area:.3f} on {normal} normal and {anomaly} anomalous clips has a standard error of {error:.3f} "
        f"(Hanley & McNeil 1982): anything from {low:.2f} to {high:.2f} is the same finding",
    )
    mean = oracle.row(RANDOM).figures.auc
    if mean is not None and abs(area - mean) < 2 * error:
        said.insert(1, "by AUC it lies within two standard errors of a random candidate: no gain is shown, and no loss")
    return said


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"
