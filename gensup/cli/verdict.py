"""How a verdict reads on a terminal: the most important first."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from gensup.cli.console import print_table

if TYPE_CHECKING:
    from gensup.selection.records import Verdict


FORMS = {
    "single": "{first}",
    "default": "the published default, {first}",
    "fusion": "the mean of {n} candidates, first {first}",
    "hedged": "the mean of {n} candidates, first {first}, or the loudest of a panel that no twin chose",
}
ROWS = ("fusion", "hedged", "single", "default", "random")


def print_verdict(verdict: Verdict, names: Mapping[str, str]) -> None:
    """Answer, sentence, warnings, what else could be built, and the families. ``names`` maps trial ids to words."""
    first = names[verdict.members[0]] if verdict.members else "nothing"
    form = FORMS[verdict.form] if verdict.members else "{first}"
    if len(verdict.members) == 1:
        form = form.replace("the mean of {n} candidates, first {first}", "{first}")
    print(f"verdict   {verdict.answer}")
    print(f"built     {form.format(n=len(verdict.members), first=first)}")
    print(f"\n{verdict.sentence}\n")
    if verdict.tainted:
        print("warning   tainted: unbroken, synthetic clips are told from what their candidates are fitted on")
    if not verdict.paired:
        print("warning   unpaired: some anomalies have no normal twin")
    if verdict.rows:
        named = [name for name in ROWS if name in verdict.rows]
        print("utility   " + ", ".join(f"{name} {verdict.rows[name]:.3f}" for name in named) + " (on the twins)")
    if verdict.gains:
        gains = sorted(verdict.gains.items(), key=lambda item: (item[1], item[0]))
        good = sum(gain > 0 for _, gain in gains)
        print(
            f"unheard   a choice without a mechanism gains on it for {good} of {len(gains)}; least {gains[0][0]} "
            f"{gains[0][1]:+.3f}"
        )
    if verdict.rank_interval is not None:
        low, high = verdict.rank_interval
        print(
            f"steady    the first has rank {low} to {high} of {len(verdict.ranking)} in 90 % of resamples; "
            f"{max(0, len(verdict.ties) - 1)} others tie with it"
        )
    _print_shown(verdict)
    _print_families(verdict)


def _print_shown(verdict: Verdict) -> None:
    """Where the choices of rules without a say stand in the ranking."""
    places = {trial: place for place, (trial, _) in enumerate(verdict.ranking, 1)}
    said = [f"{rule} {places[trial]}" for rule, trial in sorted(verdict.shown.items()) if trial in places]
    if said:
        print(f"not used  places of what others would choose: {', '.join(said)}")


def _print_families(verdict: Verdict) -> None:
    ordered = sorted(verdict.families.items(), key=lambda item: (-item[1].weight, item[0]))
    voters = [(name, report) for name, report in ordered if report.weight > 0]
    silent = [name for name, report in ordered if not report.weight > 0]
    print()
    if voters:
        print_table(
            ("family", "mechanism", "signature", "severity", "weight", "median AUC", "utility", "rank"),
            [
                (
                    family,
                    report.mechanism,
                    report.status,
                    f"{report.severity:.2f}",
                    f"{report.weight:.0%}",
                    f"{report.median_auc:.3f}",
                    "-" if report.utility is None else f"{report.utility:.3f}",
                    "-" if report.rank is None else report.rank,
                )
                for family, report in voters
            ],
        )
    if silent:
        print(f"without weight: {', '.join(silent)}")
    if verdict.wanted:
        wanted = ", ".join(f"{rung.family} at {rung.severity:g}" for rung in verdict.wanted)
        print(f"rungs that are lacking: {wanted}")
