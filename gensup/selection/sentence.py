"""The verdict in words, which claim no more than was asked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from gensup.selection.constants import constants
from gensup.selection.records import Answer, FamilyReport, Form, ScoreTable, Trial
from gensup.selection.taint import told_from

TOP = 0.1  # of the candidates
POOR = 0.5


def sentence(
    table: ScoreTable, answer: Answer, form: Form, members: Sequence[int], families: Mapping[str, FamilyReport]
) -> str:
    """What was chosen, under which failures it is good, under which it is poor, and why it is no more than that."""
    voters = {name: report for name, report in families.items() if report.weight > 0}
    said = [_evidence(table, voters, families)] if answer != "select" or form == "default" else []
    if members and form != "default":
        said.append(_claim(table, form, members, voters))
    elif answer == "default":
        said.append("The recipe's published values stand." if members else "Nothing is chosen.")
    else:
        said.append("The recipe's published values were asked for." if members else "There is no published default.")
    if not table.paired:
        said.append("Some anomalies have no normal twin: what tells them apart may be how they were made, not a fault.")
    for chain, auc in sorted(table.taint.items()):
        if auc > constants().tainted:
            normal = told_from(table.columns, chain)
            said.append(f"What went through {chain} is told from {normal}, unbroken, with AUC {auc:.2f}: no evidence.")
    return " ".join(said)


def _evidence(table: ScoreTable, voters: Mapping[str, FamilyReport], families: Mapping[str, FamilyReport]) -> str:
    fixed = constants()
    mechanisms = {report.mechanism for report in voters.values()}
    return (
        f"Fault families that tell {_candidates(len(table.trials))} apart: {len(voters)} of {len(families)}, of "
        f"{len(mechanisms)} mechanisms; a choice that needs no hedge takes {fixed.least_families} families "
        f"of {fixed.least_mechanisms} mechanisms, and must do for a mechanism that had no say in it."
    )


def _candidates(count: int) -> str:
    return f"these {count} candidates" if count > 1 else "candidates"


def _claim(table: ScoreTable, form: Form, members: Sequence[int], voters: Mapping[str, FamilyReport]) -> str:
    n = len(table.trials)
    mechanisms = sorted({report.mechanism for report in voters.values()})
    good = [name for name, report in voters.items() if report.rank is not None and report.rank <= max(1, TOP * n)]
    poor = [name for name, report in voters.items() if report.rank is not None and report.rank > POOR * n]
    regrets = f"it would be a poor choice for {listed(poor)}" if poor else "it is in the lower half for none of them"
    hedge = (
        " About failures unlike these it says nothing."
        if form != "hedged"
        else (" It is hedged by candidates that no simulated fault chose, for failures unlike these.")
    )
    return (
        f"If this machine fails in ways like {listed(mechanisms)}, {_named(table, form, members)} ranks in the top "
        f"{TOP:.0%} of {n} candidates for {len(good)} of {len(voters)} fault families; {regrets}.{hedge}"
    )


def _named(table: ScoreTable, form: Form, members: Sequence[int]) -> str:
    best = describe(table.trials[members[0]])
    named = best if form == "single" or len(members) == 1 else f"the mean of {len(members)} candidates, first {best},"
    # Ranks are of what is built: the same candidates without their hedge may do otherwise.
    return f"the hedge of {named}" if form == "hedged" else named


def describe(trial: Trial) -> str:
    """A trial in words: its recipe, and what tells it from its neighbours in the grid."""
    varied = ", ".join(f"{path}={value}" for path, value in sorted(trial.varied.items()))
    return f"{trial.named} ({varied})" if varied else trial.named


def listed(names: Sequence[str]) -> str:
    """Words with commas and a last "and"."""
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else list(names))
