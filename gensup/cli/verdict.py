"""How a verdict reads on a terminal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from gensup.cli.console import print_table

if TYPE_CHECKING:
    from gensup.selection.records import Verdict


def print_verdict(verdict: Verdict, names: Mapping[str, str]) -> None:
    """The sentence, the choice, and the families that made it. ``names`` maps trial ids to words."""
    chosen = ", ".join(names[member] for member in verdict.members) or "nothing"
    print(f"verdict   {verdict.answer}: {chosen}")
    print(f"\n{verdict.sentence}\n")
    print_table(
        ("family", "mechanism", "signature", "severity", "weight", "median AUC", "chosen AUC", "rank"),
        [
            (
                family,
                report.mechanism,
                report.status,
                f"{report.severity:.2f}",
                f"{report.weight:.0%}",
                f"{report.median_auc:.3f}",
                "-" if report.member_auc is None else f"{report.member_auc:.3f}",
                "-" if report.member_rank is None else report.member_rank,
            )
            for family, report in sorted(verdict.families.items(), key=lambda item: (-item[1].weight, item[0]))
        ],
    )
    if verdict.rows:
        print(
            "\nutility on the twins, weighted mean: "
            + ", ".join(f"{k} {v:.3f}" for k, v in sorted(verdict.rows.items()))
        )
