"""Which file of a record is which machine's, and which of two revisions is taken."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from gensup.errors import GensupError
from gensup.retrieval.catalogue import Source
from gensup.retrieval.record import Record, RecordFile

# dev_data_fan (2020, 2021), dev_fan (since 2022), eval_data_train_fan (2020), eval_data_fan_train (since 2021), …_r2
_NAME = re.compile(
    r"(?:dev|eval)(?:_data)?(?:_(?:train|test))?_(?P<machine>.+?)(?:_(?:train|test))?(?:_r(?P<revision>[0-9]+))?\.zip",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Archive:
    """One machine's file of one part. ``replaced``: older revisions in the same record; ``reason``: why, or ''."""

    source: Source
    record: Record
    machine: str
    file: RecordFile
    replaced: tuple[str, ...] = ()
    reason: str = ""


def archives_of(source: Source, record: Record) -> tuple[tuple[Archive, ...], tuple[str, ...]]:
    """The newest archive of every machine of a record, sorted by machine; and the names of its other files."""
    revisions: dict[str, list[tuple[int, RecordFile]]] = {}
    others = []
    for file in record.files:
        found = _NAME.fullmatch(file.name)
        if found is None:
            others.append(file.name)
        else:
            revisions.setdefault(found["machine"], []).append((int(found["revision"] or 1), file))
    newest = []
    for machine, files in sorted(revisions.items(), key=lambda item: item[0].lower()):
        *older, (revision, file) = sorted(files, key=lambda item: item[0])
        if older and older[-1][0] == revision:
            two = f"{older[-1][1].name} and {file.name}"
            raise GensupError("two archives of one machine", where=f"record {record.id}", value=two)
        reason = source.corrected.get(file.name, "the record holds this later revision" if revision > 1 else "")
        newest.append(Archive(source, record, machine, file, tuple(old.name for _, old in older), reason))
    return tuple(newest), tuple(others)


def choose(found: Sequence[Archive], machines: Iterable[str]) -> tuple[Archive, ...]:
    """The archives of some machines (upper or lower case), or of all when none is named or one is ``all``.

    Raises:
        GensupError: a machine that no archive is of.
    """
    wanted = tuple(dict.fromkeys(machines))
    if not wanted or "all" in wanted:
        return tuple(found)
    known = {archive.machine.lower(): archive.machine for archive in found}
    for machine in wanted:
        if machine.lower() not in known:
            near = get_close_matches(machine.lower(), known, n=1)
            raise GensupError(
                "no such machine in these parts",
                where="--machine",
                value=machine,
                rule=f"there are {', '.join(sorted(known.values(), key=str.lower))}",
                remedy=f"did you mean {known[near[0]]}?" if near else "name other parts, or another year",
            )
    low = {machine.lower() for machine in wanted}
    return tuple(archive for archive in found if archive.machine.lower() in low)
