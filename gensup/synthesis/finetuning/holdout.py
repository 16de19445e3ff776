"""What is held out of training: some of the ways in which each machine was run, and one reference machine."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from gensup.captions.machines import same_machine
from gensup.errors import GensupError
from gensup.registry import unknown
from gensup.rng import generator
from gensup.synthesis.finetuning.examples import Group, TrainingClip

SHARE = 0.1  # of a machine's attribute groups
MOST = 0.25  # of a machine's clips, unless the smallest group that may go has more


@dataclass(frozen=True, slots=True)
class HeldOut:
    """Indices of clips: trained on, of held-out attribute groups, of the held-out machine, and of the held-out machine
    under other names, which serve for nothing. Every clip is in one of them."""

    training: tuple[int, ...]
    groups: tuple[int, ...] = ()
    machine: tuple[int, ...] = ()
    aside: tuple[int, ...] = ()


def hold_out(
    clips: Sequence[TrainingClip],
    seed: int,
    *,
    share: float = SHARE,
    machine: str | None = None,
    overlay: Path | None = None,
) -> HeldOut:
    """Part clips into those to train on and those to validate on.

    Of each machine ``share`` of its attribute groups (section and attributes, without the damage done) are held
    out, at least one where it has several, with all their clips, normal and anomalous. A group stays when without it
    the machine would have no clip left in a condition or a domain, or when more than ``MOST`` of its clips would go.

    Args:
        share: 0 holds no group out.
        machine: a reference machine of which nothing is trained on, under whatever name.

    Raises:
        GensupError: the machine is no reference, or is a target under another name; a share outside 0 to 1; nothing is
            left to train on.
    """
    if not 0 <= share < 1:
        raise GensupError("not a share", where="held-out groups", value=share, rule="from 0 to less than 1")
    whole = set() if machine is None else _names(clips, machine, overlay)
    groups: list[int] = []
    for name in sorted({clip.machine for clip in clips} - whole):
        rows = [row for row, clip in enumerate(clips) if clip.machine == name]
        groups += _groups(clips, rows, seed, share)
    of_machine = [row for row, clip in enumerate(clips) if clip.machine == machine]
    aside = [row for row, clip in enumerate(clips) if clip.machine in whole and clip.machine != machine]
    training = sorted(set(range(len(clips))) - set(groups) - set(of_machine) - set(aside))
    if not training:
        raise GensupError(
            "nothing is left to train on",
            where="--hold-out",
            value=machine,
            remedy="name more reference machines, or a target",
        )
    return HeldOut(tuple(training), tuple(sorted(groups)), tuple(of_machine), tuple(aside))


def _names(clips: Sequence[TrainingClip], machine: str, overlay: Path | None) -> set[str]:
    """The held-out machine under every name that it has here."""
    roles = {clip.machine: clip.role for clip in clips}
    if machine not in roles:
        references = tuple(sorted(name for name, role in roles.items() if role == "reference"))
        raise unknown("reference machine", machine, references, where="--hold-out")
    same = {name for name in roles if same_machine(name, machine, overlay)} | {machine}
    targets = sorted(name for name in same if roles[name] == "target")
    if targets:
        raise GensupError(
            "a target cannot be held out",
            where="--hold-out",
            value=machine,
            rule="validation listens to anomalies, and a target's are not opened"
            if machine in targets
            else f"it is the target {targets[0]} under another name",
            remedy="name a reference machine",
        )
    return same


def _groups(clips: Sequence[TrainingClip], rows: Sequence[int], seed: int, share: float) -> list[int]:
    """Rows of the held-out groups of one machine."""
    members: dict[Group, list[int]] = {}
    for row in rows:
        members.setdefault(clips[row].operation, []).append(row)
    left = Counter(_cell(clips[row]) for row in rows)
    cells = {group: Counter(_cell(clips[row]) for row in of) for group, of in members.items()}

    def spared(group: Group) -> bool:
        return all(left[cell] > count for cell, count in cells[group].items())

    sizes = [len(of) for group, of in members.items() if spared(group)]
    if not share or not sizes:
        return []
    most = max(MOST * len(rows), min(sizes))
    wanted = max(1, round(share * len(members)))
    order = sorted(members)
    generator("hold out", seed, clips[rows[0]].machine).shuffle(order)
    taken: list[int] = []
    for group in order:
        if wanted and spared(group) and len(taken) + len(members[group]) <= most:
            left -= cells[group]
            taken += members[group]
            wanted -= 1
    return taken


def _cell(clip: TrainingClip) -> tuple[str, str | None]:
    return clip.condition, clip.clip.domain
