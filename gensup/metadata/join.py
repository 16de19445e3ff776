"""Clips and attribute tables, joined by name and never by position.

A row speaks of the clip whose path ends as the row's name does; a bare name means a clip beside or below its table, or
of the machine that a folder of the table or a line above names. Two clips that fit equally well: neither is joined.

What a file's own name says wins over its table, and within a table the full name wins over the columns: names travel
with the sound. Every contradiction is reported. A row whose full name denies the split, condition, domain or section of
its clip is not used at all. Domain and condition of a blind clip are taken from lists and correspondence tables alone:
the full names of DCASE 2022's attribute tables deny the ground truth for ToyCar and ToyTrain. Rows that name none of
the clips are counted and not read any further; whoever passes only the target's training clips therefore reads only
training rows.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from gensup.clip import Clip
from gensup.metadata import tables
from gensup.metadata.folders import SPLITS
from gensup.metadata.names import parse, parts, shown, stem
from gensup.metadata.tree import find

Pairs = tuple[tuple[str, str], ...]

SHOWN = 5  # contradictions that are printed in full


@dataclass(frozen=True, slots=True)
class Joined:
    """What joining tables to clips came to."""

    clips: tuple[Clip, ...]
    files: tuple[Path, ...] = ()  # the tables that were read
    joined: int = 0  # clips that a row spoke of
    without: int = 0  # clips beside joined ones of the same folder that no row speaks of
    elsewhere: int = 0  # rows that name none of the clips
    ambiguous: int = 0  # rows that several clips fit
    repeated: int = 0  # rows that say the same of a clip again
    empty: tuple[Path, ...] = ()  # tables without a row
    conflicts: tuple[str, ...] = ()  # each with file and line

    def lines(self) -> tuple[str, ...]:
        """What to print: nothing where no table was read."""
        if not self.files:
            return ()
        counts = {
            "no row": self.without,
            "rows of other clips": self.elsewhere,
            "ambiguous rows": self.ambiguous,
            "repeated rows": self.repeated,
            "empty tables": len(self.empty),
        }
        said = "".join(f"; {count} {what}" for what, count in counts.items() if count)
        first = f"attribute tables: {len(self.files)}, {self.joined} of {len(self.clips)} clips joined by name{said}"
        more = len(self.conflicts) - SHOWN
        examples = [f"  {shown(conflict)}" for conflict in self.conflicts[:SHOWN]]
        return (
            first,
            *([f"{len(self.conflicts)} contradictions between names and tables; the names win:"] if examples else ()),
            *examples,
            *([f"  and {more} more"] if more > 0 else ()),
        )


def tables_below(root: Path, *, exclude: Sequence[Path] = ()) -> tuple[Path, ...]:
    """The attribute tables below a folder of recordings, known by their names."""
    return tuple(root / path for path in find(root, tables.is_table, exclude=exclude))


def join(
    root: Path,
    clips: Sequence[Clip],
    files: Iterable[Path],
    *,
    named: Iterable[Path] = (),
    machines: Collection[str] = (),
    labels: bool = False,
) -> Joined:
    """Add to ``clips`` the attributes that tables say of them.

    Args:
        root: the folder that the clips' paths are relative to.
        files: tables that were found; bare names in them need a folder or a line that says whose they are.
        named: tables that the user named; bare names in them may mean any clip, unless another machine's folder
            holds the table.
        machines: all machines that are known, also those that none of ``clips`` is of.
        labels: also fill in split and condition where a clip's name leaves them open.

    Raises:
        GensupError: a damaged table, with file, line and the line itself.
    """
    work = _Join(root, clips, {*machines, *(clip.machine for clip in clips if clip.machine)}, labels)
    done = dict.fromkeys((*((file, False) for file in files), *((file, True) for file in named)))
    for file, asked in done:
        work.read(file, asked)
    return work.joined()


class _Join:
    def __init__(self, root: Path, clips: Sequence[Clip], machines: set[str], labels: bool) -> None:
        self.clips, self.machines, self.labels = list(clips), machines, labels
        self.root = root.resolve()
        self.folders = [self.root.parts + parts(clip.path)[:-1] for clip in clips]
        self.by_stem: dict[str, list[int]] = defaultdict(list)
        for place, clip in enumerate(clips):
            self.by_stem[stem(clip.path)].append(place)
        self.said: dict[int, tuple[str, tables.Said]] = {}  # by clip: where, and what
        self.files: list[Path] = []
        self.empty: list[Path] = []
        self.conflicts: list[str] = []
        self.elsewhere = self.ambiguous = self.repeated = 0

    def read(self, file: Path, asked: bool) -> None:
        """Take from a table what it says of the clips."""
        beside = file.resolve().parent.parts
        below = {place for place, folders in enumerate(self.folders) if folders[: len(beside)] == beside}
        depth = len(self.root.parts) if beside[: len(self.root.parts)] == self.root.parts else max(1, len(beside) - 2)
        owner = next((word for word in reversed(beside[depth:]) if word in self.machines), None)
        if not below and owner is not None and not asked and all(clip.machine != owner for clip in self.clips):
            return  # another machine's table: nothing in it can be of these clips
        self.files.append(file)
        count = 0
        for row in tables.rows(file):
            count += 1
            places = self._meant(row, beside, below, owner, asked)
            if not places:
                self.elsewhere += 1
            elif len(places) > 1:
                self.ambiguous += 1
            else:
                self._take(places[0], file, row)
        if not count:
            self.empty.append(file)

    def _meant(
        self, row: tables.Row, beside: tuple[str, ...], below: set[int], owner: str | None, asked: bool
    ) -> list[int]:
        """The clips that a row may speak of: one, where all is well."""
        found = self.by_stem.get(stem(row.name), [])
        above = parts(row.name)[:-1]
        if not found:
            return []
        if above:
            fit = [place for place in found if self.folders[place][-len(above) :] == above]
            if not fit:  # the same clip in other folders: train/ unpacked into its parent, or the machine's renamed
                split = SPLITS.get(above[-1].lower())
                known = (*above, owner if owner == beside[-1] else None)
                fit = [
                    place
                    for place in found
                    if self.clips[place].machine in (known if place in below or asked else above)
                    and self.clips[place].split in (None, split)
                ]
        elif row.machine is not None:
            fit = [place for place in found if self.clips[place].machine == row.machine]
        else:
            fit = [place for place in found if place in below]
            if not fit and owner is not None:
                fit = [place for place in found if self.clips[place].machine == owner]
            elif not fit and asked:
                fit = list(found)
        if len(fit) > 1:  # several years in one folder: a table speaks of its own neighbours
            near = [_common(self.folders[place], beside) for place in fit]
            fit = [place for place, shared in zip(fit, near, strict=True) if shared == max(near)]
        return fit

    def _take(self, place: int, file: Path, row: tables.Row) -> None:
        where, said = f"{file}:{row.line}", tables.said(file, row)
        clip = self.clips[place]
        if said.odd:
            self.conflicts.append(f"{where}: {said.odd}: {','.join(row.cells)}")
        again = place in self.said
        if again:
            before, other = self.said[place]
            same_name = said.full and other.full and stem(said.full) == stem(other.full)
            if not same_name and (other.full, other.pairs) != (said.full, said.pairs):
                self.conflicts.append(f"{where}: {clip.path}: {before} says something else and came first")
                return
            self.repeated += 1
        else:
            self.said[place] = where, said
        full = parse(said.full) if said.full else None
        if full is not None:
            for field in ("section", "domain", "split", "condition"):
                ours, theirs = getattr(clip, field), getattr(full, field)
                if None not in (ours, theirs) and ours != theirs:
                    self.conflicts.append(f"{where}: {clip.path}: {field} {ours}, table {theirs}; the row is not used")
                    return
        if not again:
            pairs: Pairs = full.attributes if full is not None else ()
            pairs += _added(pairs, said.pairs, f"{where}: {said.full}", self.conflicts)
            added = _added(clip.attributes, pairs, f"{where}: {clip.path}", self.conflicts)
            clip = replace(clip, attributes=clip.attributes + added)
        if full is not None and said.labels:
            clip = replace(clip, domain=clip.domain or full.domain)
            if self.labels:
                clip = replace(clip, split=clip.split or full.split, condition=clip.condition or full.condition)
        self.clips[place] = clip

    def joined(self) -> Joined:
        tabled = {self.folders[place] for place in self.said}
        return Joined(
            clips=tuple(self.clips),
            files=tuple(self.files),
            joined=len(self.said),
            without=sum(at in tabled and place not in self.said for place, at in enumerate(self.folders)),
            elsewhere=self.elsewhere,
            ambiguous=self.ambiguous,
            repeated=self.repeated,
            empty=tuple(self.empty),
            conflicts=tuple(self.conflicts),
        )


def _added(own: Pairs, others: Pairs, where: str, conflicts: list[str]) -> Pairs:
    """Those of ``others`` that ``own`` leaves open; contradictions are reported.

    A key may be written in two ways (``spd`` and ``speed``): with one value, an abbreviation is the same key. A value
    that ``own`` has under a key of another number, which ``others`` do not know, was given the wrong key: DCASE 2022
    has tables that say ``v1pat`` of clips whose names say ``v2pat``.
    """
    added: list[tuple[str, str]] = []
    free = [pair for pair in own if pair[0] not in {key for key, _ in others}]
    for key, value in others:
        values = [text for name, text in own if name == key]
        if value in values or (key, value) in added:
            continue
        if values:
            conflicts.append(f"{where}: {key} {values[0]}, table {value}")
            continue
        alike = [name for name, text in free if text == value]
        numbered = next((name for name in alike if _numberless(name) == _numberless(key)), None)
        if numbered is not None:
            conflicts.append(f"{where}: {numbered} {value}, table {key} {value}")
        elif not any(_abbreviates(name, key) for name in alike):
            added.append((key, value))
    return tuple(added)


def _numberless(key: str) -> str:
    return "".join(character for character in key if not character.isdigit())


def _abbreviates(one: str, other: str) -> bool:
    """Whether one word has the letters of the other, in order and from the same first one on: spd and speed."""
    short, long = sorted((one.lower(), other.lower()), key=len)
    letters = iter(long)
    return short[:1] == long[:1] and all(letter in letters for letter in short)


def _common(one: Sequence[str], other: Sequence[str]) -> int:
    return next((at for at, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))
