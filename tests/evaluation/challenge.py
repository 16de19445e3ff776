"""Small challenges on disk: ground truth and a team's files in each year's layout, from rows that are written out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np


@dataclass(frozen=True)
class Clip:
    name: str
    anomaly: int
    target: int
    score: float
    alarm: int


Challenge = Mapping[tuple[str, str], Sequence[Clip]]  # machine, section -> clips


def clips(source: str, target: str, scores: Sequence[float], alarms: str = "", section: str = "00") -> list[Clip]:
    """Clips from words such as "nna" (normal, normal, anomaly), the source ones first."""
    labels = source + target
    alarms = alarms or "0" * len(labels)
    return [
        Clip(
            name=f"section_{section}_{i:04d}.wav",
            anomaly=int(label == "a"),
            target=int(i >= len(source)),
            score=score,
            alarm=int(alarm),
        )
        for i, (label, score, alarm) in enumerate(zip(labels, scores, alarms, strict=True))
    ]


def drawn(
    machines: Sequence[str], sections: Sequence[str], seed: int, each: int = 9
) -> dict[tuple[str, str], list[Clip]]:
    """Random scores with many ties; anomalies tend to score higher."""
    rng = np.random.default_rng(seed)
    found = {}
    for machine in machines:
        for section in sections:
            labels = "n" * each + "a" * (each - 2)
            shifted = [float(np.round(rng.normal(label == "a"), 1)) for label in labels * 2]
            alarms = "".join(str(int(score > 0.7)) for score in shifted)
            found[machine, section] = clips(labels, labels, shifted, alarms, section)
    return found


def write(
    folder: Path, year: int, challenge: Challenge, team: str = "someone", shuffled: bool = True
) -> tuple[Path, Path]:
    """Write a challenge; the folders of its truth and of its team."""
    truth, teams = folder / "truth", folder / "teams" / team
    teams.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(1)
    listed: dict[str, list[str]] = {}
    for (machine, section), members in challenge.items():
        if year == 2020:
            named = [replace(clip, name=f"id_{section}_{i:08d}.wav") for i, clip in enumerate(members)]
            listed.setdefault(machine, []).extend(
                f"{c.name},{'anomaly' if c.anomaly else 'normal'}_{c.name[:6]}{i + 50:08d}.wav,{c.anomaly}"
                for i, c in enumerate(named)
            )
            parts = {f"{machine}_id_{section}": named}
        elif year == 2021:
            parts = {}
            for target, domain in enumerate(("source", "target")):
                own = [clip for clip in members if clip.target == target]
                parts[f"{machine}_section_{section}_{domain}_test"] = [
                    replace(clip, name=f"section_{section}_{domain}_test_{i:04d}.wav") for i, clip in enumerate(own)
                ]
        else:
            parts = {f"{machine}_section_{section}_test": list(members)}
        for stem, own in parts.items():
            order = rng.permutation(len(own)) if shuffled else np.arange(len(own))
            rows(teams / f"anomaly_score_{stem}.csv", [f"{own[i].name},{own[i].score!r}" for i in order])
            if year > 2020:
                rows(teams / f"decision_result_{stem}.csv", [f"{own[i].name},{own[i].alarm}" for i in order])
                rows(truth / "ground_truth_data" / f"ground_truth_{stem}.csv", [f"{c.name},{c.anomaly}" for c in own])
            if year > 2021:
                rows(truth / "ground_truth_domain" / f"ground_truth_{stem}.csv", [f"{c.name},{c.target}" for c in own])
    if year == 2020:
        rows(truth / "eval_data_list.csv", [line for machine in listed for line in (machine, *listed[machine])])
    return truth, teams


def rows(path: Path, lines: Sequence[str]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{line}\n" for line in lines))
