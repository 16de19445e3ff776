"""Which machines are references of a target: others, and the target under another name only where that is asked for."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from gensup.captions.machines import same_machine
from gensup.clip import Json
from gensup.errors import GensupError
from gensup.registry import unknown

ALL = "all"


@dataclass(frozen=True, slots=True)
class References:
    """Reference machines by name, sorted. ``same`` are those of them that are a target under another name: a detector
    that is chosen with them is no first-shot detector. ``left_out`` are those that ``all`` did not mean."""

    machines: tuple[str, ...]
    same: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()

    def lines(self) -> tuple[str, ...]:
        """What to print."""
        marked = f"no first shot: {', '.join(self.same)} are the target under another name" if self.same else ""
        left = f"no references: {', '.join(self.left_out)} (the target under another name)" if self.left_out else ""
        return tuple(line for line in (marked, left) if line)

    def described(self) -> dict[str, Json]:
        """For run.json."""
        return {"machines": list(self.machines), "same_machine": list(self.same)}


def chosen(
    asked: Sequence[str],
    targets: Sequence[str],
    named: Collection[str],
    *,
    same: bool = False,
    overlay: Path | None = None,
) -> References:
    """The references that ``--reference`` means.

    Args:
        asked: machines, or ``all``: every machine that is no target.
        targets: the machines that are tuned for.
        named: the machines that lie in the recordings.
        same: whether an alias, an emulation or another edition of a target may be a reference; it is marked then.

    Raises:
        GensupError: a machine that is not there, a target, or one under another name without ``same``.
    """
    for machine in asked:
        if machine == ALL:
            continue
        if machine in targets:
            raise GensupError(
                "the target is no reference", where="--reference", value=machine, remedy="name other machines"
            )
        if machine not in named:
            raise unknown("machine", machine, tuple(sorted(named)), where="--reference")
    wanted = set(named if ALL in asked else asked) - set(targets)
    alike = {
        machine: target for machine in sorted(wanted) for target in targets if same_machine(machine, target, overlay)
    }
    explicit = sorted(set(asked) & set(alike))
    if explicit and not same:
        raise GensupError(
            "a reference that is the target under another name",
            where="--reference",
            value=explicit[0],
            rule=f"{explicit[0]} and {alike[explicit[0]]} are one machine: its anomalies are the target's",
            remedy="leave it out, or allow it by --same-machine, which is written into the record",
        )
    if same:
        return References(tuple(sorted(wanted)), tuple(alike))
    return References(tuple(sorted(wanted - set(alike))), (), tuple(alike))
