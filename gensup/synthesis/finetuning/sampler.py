"""Which clips a step is made of: shares of machines, conditions, domains and attribute groups, by step number alone."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from gensup.clip import Condition
from gensup.errors import GensupError
from gensup.rng import generator
from gensup.synthesis.finetuning.examples import TrainingClip

ANOMALIES = 0.35  # of a reference machine's draws; as recorded it would be one in twelve, and the word would be lost
TARGET_DOMAIN = 0.1  # at least so much of a machine's draws in one condition, where it has any


@dataclass(frozen=True, slots=True)
class Cell:
    """A machine in one condition and one domain: how many clips it has, their share of all draws, and how often they
    were drawn."""

    machine: str
    condition: Condition
    target_domain: bool
    clips: int
    share: float
    seen: int = 0


class Sampler:
    """Clips by step number, with replacement and without end.

    A machine is as likely as any other. Within a reference machine anomalies have ``ANOMALIES`` of the draws; within a
    condition an attribute group of n clips has a share that goes with the root of n, and the target domain at least
    ``TARGET_DOMAIN``. What a machine does not have (anomalies, a target domain) leaves its share to what it has.
    A group is a section and attributes as written, in one domain.

    Raises:
        GensupError: no clips, or a machine that is both a reference and a target.
    """

    def __init__(self, clips: Sequence[TrainingClip], seed: int) -> None:
        self.clips = tuple(clips)
        self.seed = seed
        self.shares = _shares(self.clips)
        # A last bound over 1 would be a clip that is never drawn, one under 1 an index that does not exist.
        self._bounds = np.cumsum(self.shares)
        self._bounds /= self._bounds[-1]

    def draw(self, step: int, batch: int) -> NDArray[np.intp]:
        """Indices of a step's ``batch`` clips: a function of the seed, the step and the batch's size.

        Processes that share a step draw the whole batch and each take their rows of it.
        """
        return np.searchsorted(self._bounds, generator("draw", self.seed, step).random(batch), side="right")

    def cells(self, steps: Iterable[int] = (), batch: int = 0) -> tuple[Cell, ...]:
        """Every cell with clips, and how often it was drawn in these steps, which are drawn again to be counted."""
        drawn = Counter(int(index) for step in steps for index in self.draw(step, batch))
        members: dict[tuple[str, Condition, bool], list[int]] = defaultdict(list)
        for index, clip in enumerate(self.clips):
            members[clip.machine, clip.condition, _in_target_domain(clip)].append(index)
        return tuple(
            Cell(*key, len(rows), float(self.shares[rows].sum()), sum(drawn[row] for row in rows))
            for key, rows in sorted(members.items())
        )


def _shares(clips: Sequence[TrainingClip]) -> NDArray[np.float64]:
    """The probability of each clip."""
    shares = np.zeros(len(clips))
    machines = _parted(clips, range(len(clips)), lambda clip: clip.machine)
    if not machines:
        raise GensupError("no clips to train on", where="--reference, --target", remedy="name machines that have clips")
    for machine, rows in machines.items():
        if len({clips[row].role for row in rows}) > 1:
            raise GensupError(
                "a machine that is both a target and a reference",
                where=machine,
                rule="of a target nothing but normal training clips is read",
            )
        conditions = _parted(clips, rows, lambda clip: clip.condition)
        for condition, of_condition in conditions.items():
            anomalies = ANOMALIES if condition == "anomaly" else 1 - ANOMALIES
            share = (1.0 if len(conditions) == 1 else anomalies) / len(machines)
            _share_out(shares, clips, of_condition, share)
    return shares


def _share_out(shares: NDArray[np.float64], clips: Sequence[TrainingClip], rows: Sequence[int], share: float) -> None:
    """Give the clips of one machine and condition their part of ``share``."""
    groups = _parted(clips, rows, lambda clip: (_in_target_domain(clip), clip.group))
    roots = {True: 0.0, False: 0.0}
    for (target, _), members in groups.items():
        roots[target] += len(members) ** 0.5
    of_target = roots[True] / sum(roots.values())
    if 0 < of_target < TARGET_DOMAIN:
        of_target = TARGET_DOMAIN
    for (target, _), members in groups.items():
        in_domain = of_target if target else 1 - of_target
        shares[members] = share * in_domain * np.sqrt(len(members)) / roots[target] / len(members)


def _in_target_domain(clip: TrainingClip) -> bool:
    return clip.clip.domain == "target"


_Key = TypeVar("_Key", bound=Hashable)


def _parted(
    clips: Sequence[TrainingClip], rows: Iterable[int], key: Callable[[TrainingClip], _Key]
) -> dict[_Key, list[int]]:
    """Rows by what ``key`` says of their clips, in order."""
    parts: dict[_Key, list[int]] = {}
    for row in rows:
        parts.setdefault(key(clips[row]), []).append(row)
    return parts
