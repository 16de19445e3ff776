"""How a verdict reads on a terminal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from gensup.cli.console import print_table

if TYPE_CHECKING:
    from gensup.selection.records import Verdict


FORMS = {
    "single": "{first}",
    "default": "{first}",
    "fusion": "the mean of {n} candidates, first {first}",
    "hedged": "the mean of {n} candidates, first {first}, or the loudest of a panel that no twin chose",
}


def print_verdict(verdict: Verdict, names: Mapping[str, str]) -> None:
    """The sentence, the choice, and the families that made it. ``names`` maps trial ids to words."""
    first = names[verdict.members[0]] if verdict.members else "nothing"
    print(f"verdict   {verdict.answer}: {FORMS[verdict.form].format(n=len(verdict.members), first=first)}")
    print(f"\n{verdict.sentence}\n")
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
            for family, report in sorted(verdict.families.items(), key=lambda item: (-item[1].weight, item[0]))
        ],
    )
    if verdict.rows:
        print(
            "\nutility on the twins, weighted mean: "
            + ", ".join(f"{k} {v:.3f}" for k, v in sorted(verdict.rows.items()))
        )
