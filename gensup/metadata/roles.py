"""Roles: which clips may be read before the verdict. Of the target, normal training clips and nothing else."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from gensup.clip import Clip
from gensup.errors import GensupError
from gensup.metadata.folders import SPLITS, named, read
from gensup.metadata.names import parts, shown
from gensup.metadata.patterns import PATTERNED
from gensup.registry import unknown

SUPPLEMENTAL = "supplemental"
CONTRADICTED = "contradicted by a folder"


@dataclass(frozen=True, slots=True)
class Normals:
    """What may be read before the verdict: normal training clips of the target, and reference machines.

    Only ``first_shot`` makes one. The target's other clips are left aside, counted and never opened.
    """

    root: Path
    target: tuple[Clip, ...]
    reference: tuple[Clip, ...] = ()  # other machines; the only place where an anomaly may stand

    def __post_init__(self) -> None:
        targets = {clip.machine for clip in self.target}
        for clip in self.reference:
            if clip.machine in targets:
                raise GensupError("a target's clip among the references", where=clip.path, value=clip.machine)
        for clip in self.target:
            if clip.condition == "anomaly" or clip.split not in ("train", None):
                raise GensupError(
                    "not a normal training clip of the target",
                    where=clip.path,
                    value=f"{clip.condition or 'no condition'}, {clip.split or 'no split'}",
                    rule="nothing else of the target is read before the verdict",
                )


@dataclass(frozen=True, slots=True)
class Aside:
    """What ``first_shot`` left aside, and why; ``assumed`` clips were taken as normal though nothing says they are.

    ``sets``: data sets and their clips, where what was taken is of several: another year's fan is another fan.
    """

    counts: tuple[tuple[str, int], ...] = ()
    assumed: int = 0
    sets: tuple[tuple[str, int], ...] = ()

    def lines(self) -> tuple[str, ...]:
        """What to print: nothing where nothing was left aside or assumed."""
        left = f"left aside: {', '.join(f'{count} {reason}' for reason, count in self.counts)}" if self.counts else ""
        assumed = f"{self.assumed} clips taken as normal: neither name nor folder says" if self.assumed else ""
        several = ", ".join(f"{shown(name)} ({count})" for name, count in self.sets)
        sets = f"clips of {len(self.sets)} data sets are taken for one machine: {several}; name the folder of one"
        return tuple(line for line in (left, assumed, sets if several else "") if line)


def first_shot(
    root: Path, clips: Iterable[Clip], machine: str, *, reference: Sequence[str] = ()
) -> tuple[Normals, Aside]:
    """Give every clip its role.

    A clip that names no machine is ``machine``'s. Taken are its normal training clips; where no clip says ``train``,
    the normal clips outside test folders. A recording whose name follows no known grammar and that says no condition
    is the user's own: taken as normal and counted, below a train folder or where no clip of the target says normal.

    Args:
        reference: machines of which normal and anomalous clips are taken, see ``references``. Whether one is the target
            under another name is asked before (``captions.machines.same_machine``): names alone do not tell.

    Raises:
        GensupError: no clip of this machine or of a reference machine, or none of the target that may be taken.
    """
    clips = tuple(clips)
    named = tuple(sorted({clip.machine for clip in clips if clip.machine is not None}))
    if machine not in named and all(clip.machine is not None for clip in clips):
        raise unknown("machine", machine, named, where=str(root))
    for other in reference:
        if other == machine:
            raise GensupError(
                "the target is no reference", where="--reference", value=other, remedy="name other machines"
            )
    others, aside_of_others = references(root, clips, reference)
    taken: list[Clip] = []
    aside: Counter[str] = Counter(dict(aside_of_others.counts))
    target = _roles(root, clips, machine)
    for clip, reason in target:
        if reason:
            aside[reason] += 1
        else:
            taken.append(clip)
    aside["clips of other machines"] = sum(clip.machine not in (machine, None, *reference) for clip in clips)
    left = Aside(
        counts=tuple(sorted((reason, count) for reason, count in aside.items() if count)),
        assumed=sum(clip.condition is None for clip in taken),
        sets=_sets(taken),
    )
    if not taken:
        raise GensupError(
            "no normal training clip",
            where=str(root),
            value=f"{machine}: {len(target)} clips; {'; '.join(left.lines())}",
            rule="a clip is taken when its name or folders say normal and not test",
            remedy="name the folder of the normal recordings",
        )
    return Normals(root, tuple(taken), others), left


def references(root: Path, clips: Iterable[Clip], machines: Sequence[str]) -> tuple[tuple[Clip, ...], Aside]:
    """The clips of reference machines that say whether the machine was normal, train and test alike.

    Left aside: clips that say nothing of it (here nothing is assumed), supplemental ones (noise alone is called normal
    too), and those whose name their folders deny.

    Raises:
        GensupError: no clip of one of these machines.
    """
    clips = tuple(clips)
    named = tuple(sorted({clip.machine for clip in clips if clip.machine is not None}))
    for machine in machines:
        if machine not in named:
            raise unknown("machine", machine, named, where="--reference")
    aside: Counter[str] = Counter()
    taken: list[Clip] = []
    for clip in clips:
        if clip.machine not in machines:
            continue
        if clip.split == SUPPLEMENTAL:
            aside[f"{SUPPLEMENTAL} clips of references"] += 1
        elif clip.condition is None:
            aside["unlabelled clips of references"] += 1
        elif _denied(clip):
            aside[f"clips of references {CONTRADICTED}"] += 1
        else:
            taken.append(clip)
    return tuple(taken), Aside(tuple(sorted(aside.items())))


def labelled(root: Path, clips: Iterable[Clip], machine: str) -> tuple[Clip, ...]:
    """The target's clips that ``first_shot`` leaves aside and whose name or folders say normal or anomaly.

    For who scores a verdict that stands, and nobody else. Left out: supplemental clips, and what a name says and its
    folders deny.
    """
    return tuple(
        clip
        for clip, reason in _roles(root, tuple(clips), machine)
        if reason not in ("", SUPPLEMENTAL, CONTRADICTED) and clip.condition is not None and not _denied(clip)
    )


def _roles(root: Path, clips: Sequence[Clip], machine: str) -> list[tuple[Clip, str]]:
    """The target's clips, each with why it is left aside; "" where it is taken."""
    target = [replace(clip, machine=machine) for clip in clips if clip.machine in (machine, None)]
    in_test = SPLITS.get(root.resolve().name.lower()) == "test"
    # No test clip has a say in what is taken: its name may hold the answer.
    others = [clip for clip in target if not _tested(clip, in_test) and clip.split != "supplemental"]
    trains = any(clip.split == "train" for clip in others)
    known = any(clip.condition == "normal" for clip in others)
    return [(clip, _reason(clip, trains=trains, known=known, in_test=in_test)) for clip in target]


def _reason(clip: Clip, *, trains: bool, known: bool, in_test: bool) -> str:
    """Why a clip of the target is left aside; "" where it is taken."""
    if clip.split == "supplemental":
        return SUPPLEMENTAL
    if _tested(clip, in_test):
        return "test clips"
    if clip.condition == "anomaly":
        return "anomalies"
    place = read(PurePosixPath(clip.path).parts[:-1])
    if place.condition == "anomaly" or (clip.split == "train" and place.split == "test"):
        return CONTRADICTED
    in_grammar = clip.index is not None and clip.spelling != PATTERNED  # a pattern without {condition} leaves no slot
    if clip.condition is None and (in_grammar or (known and clip.split is None)):
        return "unlabelled"
    if trains and clip.split is None:
        return "not in train"
    return ""


def _sets(clips: Sequence[Clip]) -> tuple[tuple[str, int], ...]:
    """The data sets that one machine's clips are of: years, or folders that hold clips of the same names; () if one."""
    years = Counter(f"DCASE {clip.year}" for clip in clips if clip.year is not None)
    if len(years) > 1:
        return tuple(sorted(years.items()))
    above: Counter[str] = Counter()
    names: set[str] = set()
    for clip in clips:
        split = parts(clip.path)
        at = max((i for i, word in enumerate(split[:-1]) if named(word) == clip.machine), default=0)
        above["/".join(split[:at]) or "."] += 1
        names.add("/".join(split[at + 1 :]))
    return tuple(sorted(above.items())) if len(above) > 1 and len(names) < len(clips) else ()


def _tested(clip: Clip, in_test: bool) -> bool:
    """Whether a clip is of the test: its name says so, or its folders do where the name says no split."""
    above = PurePosixPath(clip.path).parts[:-1]
    said = in_test or any(SPLITS.get(word.lower()) == "test" for word in above)
    return clip.split == "test" or (clip.split is None and said)


def _denied(clip: Clip) -> bool:
    """Whether the folders say the other condition than the name."""
    place = read(PurePosixPath(clip.path).parts[:-1])
    return place.condition not in (None, clip.condition)
