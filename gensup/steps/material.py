"""What networks are trained on: normal training clips of several machines, each with its class."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from gensup.audio.files import Channel
from gensup.clip import Clip
from gensup.detection.examples import Examples
from gensup.engine import Engine
from gensup.errors import GensupError
from gensup.metadata import compiled, first_shot, join, scan, tables_below
from gensup.registry import unknown
from gensup.steps.candidates import group_of, is_plain, label_of
from gensup.steps.progress import Progress
from gensup.steps.recordings import Recording, Recordings, listen

GROUP_BY = ("machine", "section")


def found(
    root: Path,
    machines: Sequence[str] | None,
    *,
    out: Path,
    progress: Progress,
    pattern: str | None = None,
    attributes: Path | None = None,
    but: str | None = None,
) -> list[tuple[Clip, Path]]:
    """The normal training clips of machines below ``root``, in order of the machines' names; nothing is opened.

    Each machine's are those that ``metadata.first_shot`` takes of it: no test clip, no anomaly, no supplemental one.

    Args:
        machines: those wanted; None: all. Clips that name no machine are the only wanted one's.
        but: a machine that is left out, whatever ``machines`` says.

    Raises:
        GensupError: nothing of a machine that is asked for by name, or a damaged table.
    """
    scanned = scan(root, exclude=[out], pattern=None if pattern is None else compiled(pattern), misfits=[])
    named = sorted({clip.machine for clip in scanned if clip.machine is not None})
    alone = machines[0] if machines is not None and len(machines) == 1 and not named else None
    wanted = named if machines is None else sorted(set(machines))
    tables = tables_below(root, exclude=[out])
    asked = () if attributes is None else (attributes,)
    taken: list[tuple[Clip, Path]] = []
    for machine in wanted:
        if machine == but:
            continue
        if machine not in named and machine != alone:
            raise unknown("machine", machine, named, where=str(root))
        mine = [clip for clip in scanned if clip.machine == (None if alone else machine)]
        try:
            normals, _ = first_shot(root, mine, machine)
        except GensupError:
            if machines is not None:
                raise
            progress.note(f"{machine}: no normal training clip, left out")
            continue
        joined = join(root, normals.target, tables, named=asked, machines=set(named) | {machine})
        taken += [(clip, root / clip.path) for clip in joined.clips]
    return taken


def examples(members: Sequence[Recording], machine: str = "") -> Examples:
    """Clips as a detector may see them, with their classes; one sound under two names once."""
    once = list({member.key: member for member in reversed(members)}.values())[::-1]
    domains = any(member.clip.domain is not None for member in once)
    return Examples(
        audio=tuple(member.ref for member in once),
        key=tuple(member.key for member in once),
        group=tuple(group_of(member.clip, machine, GROUP_BY) for member in once),
        target_domain=np.array([member.clip.domain == "target" for member in once]) if domains else None,
        label=tuple(label_of(member.clip, machine) for member in once),
        plain=np.array([is_plain(member.clip) for member in once], dtype=bool),
    )


def others(
    root: Path,
    like: Recordings,
    *,
    out: Path,
    skip_bad: bool,
    engine: Engine,
    progress: Progress,
    pattern: str | None = None,
    attributes: Path | None = None,
) -> Examples | None:
    """Normal training clips of the other machines below ``root``, at the target's rate and channel; None without any.

    A sound that is a clip of the target, too, is left out: what judges a frontend stays out of its training.

    Raises:
        GensupError: a damaged table, or (without ``skip_bad``) a clip that the gate refuses.
    """
    files = found(root, None, out=out, progress=progress, pattern=pattern, attributes=attributes, but=like.machine)
    if not files:
        progress.note(f"no other machine below {root}: frontends are trained on {like.machine} alone")
        return None
    heard = _heard(files, like.rate, like.channel, skip_bad, engine, progress)
    own = {member.key for member in like.members}
    kept = [member for member in heard.members if member.key not in own]
    machines = sorted({str(member.clip.machine) for member in kept})
    progress.note(f"frontends hear {len(kept)} normal clips of other machines, too: {', '.join(machines)}")
    return examples(kept) if kept else None


def gathered(
    roots: Sequence[Path],
    machines: Sequence[str] | None,
    *,
    out: Path,
    channel: Channel,
    skip_bad: bool,
    engine: Engine,
    progress: Progress,
    pattern: str | None = None,
    attributes: Path | None = None,
) -> tuple[Recordings, tuple[str, ...]]:
    """The normal training clips of machines in several folders, at the rate that most of them have, and the machines.

    Raises:
        GensupError: a machine that is in none of the folders, none at all, or a clip that the gate refuses.
    """
    files: list[tuple[Clip, Path]] = []
    missing = dict.fromkeys(machines or (), 0)
    for root in roots:
        for machine in [None] if machines is None else machines:
            try:
                files += found(
                    root, None if machine is None else [machine], out=out, progress=progress, pattern=pattern,
                    attributes=attributes,
                )  # fmt: skip
            except GensupError:
                if machine is None:
                    raise
                missing[machine] += 1
                if missing[machine] == len(roots):  # it is in none of them
                    raise
    if not files:
        raise GensupError(
            "no normal training clip",
            where=", ".join(map(str, roots)),
            rule="clips of machines, whose names or folders say normal and not test",
            remedy="name the folders of the recordings, or the machine with --machines",
        )
    of = tuple(sorted({clip.machine for clip, _ in files if clip.machine is not None}))
    return _heard(files, None, channel, skip_bad, engine, progress), of


def _heard(
    files: list[tuple[Clip, Path]],
    rate: int | None,
    channel: Channel,
    skip_bad: bool,
    engine: Engine,
    progress: Progress,
) -> Recordings:
    what = ", ".join(sorted({str(clip.machine) for clip, _ in files}))
    return listen(files, what, rate=rate, channel=channel, skip_bad=skip_bad, engine=engine, progress=progress)
