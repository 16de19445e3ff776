"""The outcomes as a table of every set, and as the few numbers that all of them come to."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping, Sequence
from io import StringIO

import numpy as np

from benchmarks.validity.records import FEW, Outcome

CHOICES = (
    "answer",
    "single",
    "fusion",
    "hedged",
    "default",
    "random",
    "one family alone",
    "mean score alone",
    "minimax regret alone",
    "threshold in dB alone",
    "left-out condition alone",
    "domain as anomaly alone",
    "consensus alone",
    "cross-fit oracle",
    "in-sample oracle",
)
RANKINGS = (
    "Borda",
    "one family",
    "mean score",
    "minimax regret",
    "threshold in dB",
    "left-out condition",
    "domain as anomaly",
    "consensus",
)
PRIORS = ("wrong 1", "wrong 3", "wrong many")
GROUPS: Mapping[str, str] = {
    "rendered": "rendered machines, like mechanisms withheld",
    "audio": "recordings",
    "table": "feature tables, twins in feature space",
}


def as_csv(outcomes: Sequence[Outcome]) -> str:
    """A row a set, everything that was measured."""
    text = StringIO()
    rows = [_row(outcome) for outcome in outcomes]
    writer = csv.DictWriter(text, fieldnames=list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def _row(o: Outcome) -> dict[str, str | int]:
    row: dict[str, str | int] = {
        "set": o.case,
        "machine": o.machine,
        "kind": o.kind,
        "seen": int(o.seen),
        "n small": int(o.small),
        "normals": o.normals,
        "test normals": o.test_normals,
        "test anomalies": o.test_anomalies,
        "candidates": o.candidates,
        "withheld": " ".join(o.withheld),
        "families that vote": o.voters,
        "mechanisms that vote": o.mechanisms,
        "verdict": o.answer,
    }
    row |= {choice: _number(o.mean(choice)) for choice in CHOICES}
    for choice in ("answer", "single", "fusion", "hedged"):
        row[f"{choice}: gap closed"] = _number(o.gap(choice))
        for other in ("default", "cross-fit oracle"):
            mean, error = o.against(choice, other)
            row |= {f"{choice} - {other}": _number(mean), f"{choice} - {other}, s.e.": _number(error)}
    row |= {f"Spearman: {ranking}": _number(o.spearman.get(ranking, float("nan"))) for ranking in RANKINGS}
    for prior in PRIORS:
        wrong = o.wrong.get(prior)
        row |= {
            f"{prior}: families": "" if wrong is None else wrong.families,
            f"{prior}: agreement": "" if wrong is None else _number(wrong.agreement),
            f"{prior}: verdict": "" if wrong is None else wrong.answer,
            f"{prior}: over random": "" if wrong is None else _number(wrong.gain),
        }
    return row | {"note": o.note}


def _number(value: float) -> str:
    return "" if np.isnan(value) else f"{value:.4f}"


def as_markdown(outcomes: Sequence[Outcome], shown: str, command: str) -> str:
    """What it shows and what not, the numbers that all sets come to, the violations, and a line a set."""
    lines = [
        "# Does the selection choose well?",
        "",
        f"`{command}`. Every number of every set is in the `.csv` beside.",
        "",
    ]
    lines += [f"![Scores of what is chosen]({shown})", ""]
    lines += [READING.format(few=FEW)]
    groups = {kind: [o for o in outcomes if o.kind == kind and not o.seen] for kind in GROUPS}
    lines += ["**In short.**", "", *(_headline(kind, members) for kind, members in groups.items() if members), ""]
    # Where there are too few test clips in every set, the sets together may still say something.
    for kind, members in groups.items():
        if members:
            lines += [f"## {GROUPS[kind].capitalize()}: {_counted(members)}", "", *_summary(members), ""]
    seen = [o for o in outcomes if o.seen]
    if seen:
        lines += [f"## Labels known before: {_counted(seen)}", "", *_summary(seen), ""]
    lines += ["## Wrong priors", "", *_priors(outcomes), ""]
    lines += ["## Every set", "", *_sets(outcomes), ""]
    return "\n".join(lines)


def _headline(kind: str, members: Sequence[Outcome]) -> str:
    """What a kind of sets comes to, in one line."""
    better, worse = (
        sum(sign * (o.mean("answer") - o.mean(other)) > 0 for o in members)
        for sign, other in ((1, "cross-fit oracle"), (-1, "random"))
    )
    priors = [o.wrong[prior] for o in members for prior in PRIORS if prior in o.wrong]
    selected, low = sum(w.answer == "select" for w in priors), sum(w.gain < -0.02 for w in priors)
    return (
        f"- {GROUPS[kind].capitalize()}, {_counted(members)}: the answer scores "
        f"{np.mean([o.mean('answer') for o in members]):.3f}, {_difference(members, 'answer', 'random')} against a "
        f"random candidate, {_difference(members, 'answer', 'default')} against the default, "
        f"{_difference(members, 'answer', 'cross-fit oracle')} against the cross-fit oracle (better on {better} sets), "
        f"and closes {_gap(members, 'answer')} of the gap; it is below random on {worse} sets. "
        f"Under {len(priors)} wrong priors it selects {selected} times and falls below random − .02 {low} times."
    )


def _counted(members: Sequence[Outcome]) -> str:
    machines = len({o.machine for o in members})
    small = sum(o.small for o in members)
    few = f", {small} of them with too few clips" if small else ""
    sets = "1 set" if len(members) == 1 else f"{len(members)} sets"
    return f"{sets} of {'1 machine' if machines == 1 else f'{machines} machines'}{few}"


READING = """\
**Reading it.** Scores have the shape of the official one: the harmonic mean of the AUC of either domain's normal clips
against all anomalies and the partial AUC. Each is the mean over ten random stratified halves of the test, of the half
that did not choose; what twins choose never sees a label. *Answer* is what `gensup tune` would build. *Random* is the
mean candidate, *cross-fit oracle* what half of the real labels would choose, *in-sample oracle* the best candidate of
the judging half, which nobody can know. *Gap closed* is (choice − random) / (in-sample oracle − random), summed over
sets. Standard errors are of machines, not of sets: the failures of one machine share its normal clips. Those of single
sets come of halves that overlap, and are too small.

**What it shows.** Whether synthetic failures that are unlike the real ones still choose better than the published
default and than a random candidate: on machines whose physics is written down, on what labelled recordings there are,
and on other people's features.

**What it does not show.** Rendered machines are no machines: their rooms, spreads and failures are ours, and how far a
failure goes was set by what the published default (mean pooling, two components) hears, which favours that default.
Recordings with fewer than {few} normal or anomalous test clips are marked *n small*: alone they say nothing. The
tables' twins live in feature space: they test the rules of choosing, not the faults. All candidates are of one recipe
(on tables, of three back ends). No constant was set by these numbers.
"""
UNLIKE = """\
The procedure with the mechanisms alone that fit the real anomalies least, as the real labels say: one, three, or as
many as may be selected with (these only where their mean agreement is not above zero). It must not *select*, nor fall
below random − .02.
"""


def _summary(members: Sequence[Outcome]) -> list[str]:
    """A line a choice: means over sets, errors over machines."""
    rows = [
        "| choice | score | − random | − default | − cross-fit oracle | gap closed | sets below default by 2 s.e. |"
    ]
    rows += ["|---|---|---|---|---|---|---|"]
    for choice in CHOICES:
        having = [o for o in members if choice in o.scores]
        if not having:
            continue
        worse = sum(_worse(o, choice) for o in having)
        rows.append(
            f"| {choice}{_of(having, members)} | {np.mean([o.mean(choice) for o in having]):.3f} "
            f"| {_difference(having, choice, 'random')} | {_difference(having, choice, 'default')} "
            f"| {_difference(having, choice, 'cross-fit oracle')} | {_gap(having, choice)} "
            f"| {worse if choice not in ('default', 'in-sample oracle') else ''} |"
        )
    rows += ["", "| ranking | Spearman with the real one, mean | sets below 0 |", "|---|---|---|"]
    for ranking in RANKINGS:
        values = [o.spearman[ranking] for o in members if ranking in o.spearman]
        if values:
            below = sum(value < 0 for value in values)
            rows.append(f"| {ranking} | {np.mean(values):.2f} | {below} of {len(values)} |")
    answers = [o.answer for o in members]
    told = ", ".join(
        f"{answer} {answers.count(answer)}" for answer in ("select", "hedge", "default") if answer in answers
    )
    return [f"Verdicts: {told}.", "", *rows]


def _of(having: Sequence[Outcome], members: Sequence[Outcome]) -> str:
    return "" if len(having) == len(members) else f" ({len(having)} sets)"


def _worse(o: Outcome, choice: str) -> bool:
    mean, error = o.against(choice, "default")
    return bool(mean < -2 * error)


def _difference(members: Sequence[Outcome], choice: str, other: str) -> str:
    """Mean over sets, and the standard error of the machines' means."""
    if choice == other:
        return ""
    by_machine: dict[str, list[float]] = {}
    for o in members:
        if choice in o.scores and other in o.scores:
            by_machine.setdefault(o.machine, []).append(o.against(choice, other)[0])
    values = [value for machine in by_machine.values() for value in machine]
    if not values:
        return ""
    means = np.array([np.mean(machine) for machine in by_machine.values()])
    error = f" ± {means.std(ddof=1) / np.sqrt(len(means)):.3f}" if len(means) > 1 else ""
    return f"{np.mean(values):+.3f}{error}"


def _gap(members: Sequence[Outcome], choice: str) -> str:
    won = sum(o.mean(choice) - o.mean("random") for o in members)
    way = sum(o.mean("in-sample oracle") - o.mean("random") for o in members)
    return f"{won / way:.2f}" if way > 0 else ""


def _priors(outcomes: Sequence[Outcome]) -> list[str]:
    """What came of families that the real labels call the least fitting."""
    lines = [
        UNLIKE,
        "| prior | kind | sets | mean agreement | verdicts | − random, mean | worst | selects | below random − .02 |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    broken: list[str] = []
    for prior in PRIORS:
        for kind, members in _by_kind(outcomes):
            asked = [(o, o.wrong[prior]) for o in members if prior in o.wrong]
            if not asked:
                continue
            answers = [w.answer for _, w in asked]
            gains = [w.gain for _, w in asked]
            told = ", ".join(f"{a} {answers.count(a)}" for a in ("select", "hedge", "default") if a in answers)
            low = [o for o, w in asked if w.gain < -0.02]
            broken += [
                f"{o.case} ({prior}: {w.answer}, {w.gain:+.3f}, agreement {w.agreement:.2f}"
                f"{', n small' if o.small else ''})"
                for o, w in asked
                if w.violates
            ]
            lines.append(
                f"| {prior} | {kind} | {len(asked)} | {np.mean([w.agreement for _, w in asked]):.2f} | {told} "
                f"| {np.nanmean(gains):+.3f} | {np.nanmin(gains):+.3f} | {answers.count('select')} | {len(low)} |"
            )
    return [*lines, "", f"Violations: {len(broken)}. {'; '.join(broken)}".rstrip(". ") + "."]


def _by_kind(outcomes: Sequence[Outcome]) -> Iterable[tuple[str, list[Outcome]]]:
    for kind in GROUPS:
        yield kind, [o for o in outcomes if o.kind == kind]


def _sets(outcomes: Sequence[Outcome]) -> list[str]:
    lines = [
        "| set | train + test normals, anomalies | verdict | random | default | answer | cross-fit oracle "
        "| in-sample oracle | answer − default ± s.e. | Borda's Spearman | withheld; notes |",
        "|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for o in outcomes:
        mean, error = o.against("answer", "default")
        remarks = [
            "n small" if o.small else "",
            "seen" if o.seen else "",
            ", ".join(o.withheld),
            o.note,
        ]
        difference = "" if np.isnan(mean) else f"{mean:+.3f} ± {error:.3f}"
        agreement = f"{o.spearman['Borda']:.2f}" if "Borda" in o.spearman else ""
        scores = " | ".join(
            _short(o.mean(c)) for c in ("random", "default", "answer", "cross-fit oracle", "in-sample oracle")
        )
        lines.append(
            f"| {o.case} | {o.normals} + {o.test_normals}, {o.test_anomalies} | {o.answer} | {scores} | {difference} "
            f"| {agreement} | {'; '.join(remark for remark in remarks if remark)} |"
        )
    return lines


def _short(value: float) -> str:
    return "" if np.isnan(value) else f"{value:.3f}"
