"""A verdict in words, for the page of a run and for that of several machines."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from gensup.clip import Json
from gensup.reporting.run_folder import Run
from gensup.reporting.slices import short
from gensup.selection.records import Answer, Form, Trial, Verdict
from gensup.selection.sentence import describe, listed
from gensup.selection.verdict import FORMS
from gensup.synthesis.physical import MECHANISMS

LONG = 12  # entries of a list in run.json that are still written out

ANSWERS: Mapping[Answer, str] = {
    "select": "The simulated faults tell the candidates apart, and what was chosen without hearing one kind of fault "
    "was nearly always good for that kind, too. So they may choose.",
    "hedge": "The simulated faults tell the candidates apart, but too few kinds of them do, or what was chosen by some "
    "did not do well on the others. So they may choose, but not alone.",
    "default": "No simulated fault tells the candidates apart better than chance. So there is nothing to choose by.",
}
ROWS: Mapping[Form | str, str] = {
    "fusion": "the best, fused",
    "hedged": "the best, fused, and hedged by the panel",
    "single": "the first in the ranking alone",
    "default": "the published default",
    "random": "a candidate drawn at random (mean of all)",
}


@dataclass(frozen=True, slots=True)
class Shown:
    """What another rule would have chosen."""

    rule: str
    trial: str
    place: int | None  # in the ranking
    utility: float | None


def built(verdict: Verdict) -> str:
    """What was built, in as few words as will do; a configuration's own name is the sentence's matter."""
    count = len(verdict.members)
    best = f"the mean of the {count} best candidates" if count > 1 else "the best candidate"
    if not count:
        return "nothing"
    return {
        "single": "the best candidate alone",
        "fusion": best,
        "hedged": f"{best}, hedged by a panel of {len(verdict.panel)}",
        "default": "the published default",
    }[verdict.form]


def headline(run: Run) -> str:
    """What was built, in one sentence."""
    verdict = run.verdict
    if not verdict.members:
        return "Nothing is chosen."
    first = describe(run.trials[verdict.members[0]])
    if verdict.form == "default":
        return f"The published setting stands: {first}."
    if verdict.form == "single":
        return f"Use {first}."
    return f"Use {built(verdict)}."


def how_built(run: Run) -> str:
    """How the score of what was built comes about; nothing to say of a single configuration."""
    verdict = run.verdict
    mean = (
        "Each candidate's score is put into standard deviations of its own held-out normal clips, and the mean of "
        f"all {len(verdict.members)} counts."
    )
    hedge = (
        f"Beside it, and by the louder of the two, counts the loudest of {len(verdict.panel)} candidates spread "
        "over the space by normal clips alone: for faults unlike the simulated ones."
    )
    said: Mapping[Form, str] = {"fusion": mean, "hedged": f"{mean} {hedge}", "single": "", "default": ""}
    return said[verdict.form]


def otherwise(run: Run) -> str:
    """Why something else was built than the answer allows; nothing where it was not."""
    verdict = run.verdict
    if verdict.form == FORMS[verdict.answer]:
        return ""
    choosing = run.config.get("choosing")
    asked = choosing.get("answer") if isinstance(choosing, dict) else None
    why = "more is beyond the device's limits" if asked == "auto" else f"--answer {asked or verdict.form} asked for it"
    usual = {"fusion": "the best candidates fused", "hedged": "the best, hedged", "default": "the published default"}
    return f"The evidence allows {usual[FORMS[verdict.answer]]}; built was {built(verdict)}, because {why}."


def briefly(run: Run) -> dict[str, str]:
    """Every trial in as few words as tell it from the others, for tables; its recipe only where there are several."""
    several = len({trial.recipe for trial in run.table.trials}) > 1
    paths = {path for trial in run.table.trials for path in trial.varied}
    names = {path: path.rpartition(".")[2] for path in paths}
    clear = {path: name if list(names.values()).count(name) == 1 else path for path, name in names.items()}

    def said(trial: Trial) -> str:
        varied = ", ".join(f"{clear[path]} {short(value)}" for path, value in sorted(trial.varied.items()))
        if not varied:
            return trial.named
        return f"{trial.named}: {varied}" if several or trial.transductive else varied

    return {trial.id: said(trial) for trial in run.table.trials}


def rows(verdict: Verdict) -> list[tuple[str, str, float]]:
    """Name, words and utility of everything that could be built, in a fixed order."""
    named = [name for name in ROWS if name in verdict.rows] + sorted(set(verdict.rows) - set(ROWS))
    return [(name, ROWS.get(name, name), verdict.rows[name]) for name in named]


def gains(verdict: Verdict) -> list[tuple[str, float, float]]:
    """Mechanism, its share of the weights, and what a choice without it gained on it; the heaviest first."""
    weight: dict[str, float] = {}
    for report in verdict.families.values():
        weight[report.mechanism] = weight.get(report.mechanism, 0.0) + report.weight
    found = [(mechanism, weight.get(mechanism, 0.0), gain) for mechanism, gain in verdict.gains.items()]
    return sorted(found, key=lambda row: (-row[1], row[0]))


def quartile(verdict: Verdict) -> float | None:
    """The lower quartile of the gains, by which an answer is *select* or not."""
    return float(np.quantile(list(verdict.gains.values()), 0.25)) if verdict.gains else None


def shown(verdict: Verdict, trials: Sequence[str], utility: Sequence[float]) -> list[Shown]:
    """What the rules that have no say would have chosen; ``utility`` is of ``trials``, or empty."""
    places = {trial: place for place, (trial, _) in enumerate(verdict.ranking, 1)}
    worth = dict(zip(trials, utility, strict=False))
    return [Shown(rule, trial, places.get(trial), worth.get(trial)) for rule, trial in sorted(verdict.shown.items())]


def asked_for(run: Run, family: str) -> str:
    """What became of the rungs that a family's ladder lacked."""
    said = []
    if family in run.rungs:
        said.append(f"made for it afterwards: severity {listed([f'{s:g}' for s in run.rungs[family]])}")
    wanted = [f"{w.severity:g}" for w in run.verdict.wanted if w.family == family]
    if wanted:
        said.append(f"a rung at severity {listed(wanted)} is still lacking")
    return "; ".join(said)


def said_of(mechanism: str) -> str:
    """What a mechanism says of itself in its first line; nothing for another tool's."""
    if mechanism not in MECHANISMS.names():
        return ""
    lines = (sys.modules[MECHANISMS.load(mechanism).__module__].__doc__ or "").splitlines()
    return lines[0] if lines else ""


def origin(run: Run) -> dict[str, str]:
    """Where the twins came from."""
    if run.clips is None:
        return {}
    anomalies = sum(clip.condition == "anomaly" for clip in run.clips)
    copies = sum(clip.nuisance is not None for clip in run.clips)
    sources = {clip.source for clip in run.clips if clip.source is not None}
    twins = f"{anomalies} anomalies of {len(run.clips) - anomalies - copies} normal twins"
    said = {
        "twins": f"{twins}, made from {len(sources)} recordings" + (f"; {copies} nuisance copies" if copies else "")
    }
    for key in ("generator", "revision", "licence"):
        said[key] = "; ".join(sorted({str(row[key]) for row in run.twin_rows if row.get(key)}))
    return said


def leaves(node: Json, prefix: str = "") -> Iterator[tuple[str, str]]:
    """(dotted key, value) of everything below a mapping; long lists as their length."""
    if isinstance(node, dict) and (node or not prefix):
        for key in sorted(node):
            yield from leaves(node[key], f"{prefix}.{key}" if prefix else key)
    elif isinstance(node, list):
        written = len(node) <= LONG
        yield prefix, (", ".join(map(str, node)) or "none") if written else f"{len(node)} entries, see run.json"
    else:
        yield prefix, "not set" if node is None else str(node)
