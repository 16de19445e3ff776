"""The clips of a selection: real normal clips, twins and strays, with who is fitted on and who asks what."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gensup.audio.files import AudioRef
from gensup.clip import Clip
from gensup.detection.crossfit import Arrangement
from gensup.detection.examples import Examples
from gensup.errors import GensupError
from gensup.metadata import scan
from gensup.rng import digest, seed
from gensup.selection import folds
from gensup.selection.records import Column, Question
from gensup.steps.candidates import group_of
from gensup.steps.recordings import Recording, Recordings
from gensup.store import sha256_file
from gensup.synthesis import twinset
from gensup.synthesis.twinset import MANIFEST, SyntheticClip

UNPAIRED = Question(family="unpaired", mechanism="unknown", status="generic", severity=1.0)


@dataclass(frozen=True, slots=True)
class Synthetic:
    """The clips that ask, and whether each anomaly has its normal twin."""

    clips: tuple[SyntheticClip, ...]
    paired: bool
    fingerprint: tuple[str, ...]  # one a set


@dataclass(frozen=True, slots=True)
class Exercise:
    """Everything that candidates are fitted on and asked, in the order of the table's columns."""

    columns: tuple[Column, ...]
    refs: tuple[AudioRef, ...]
    keys: tuple[str, ...]
    clips: tuple[Clip, ...]  # of a synthetic clip: its source, or what its own name says
    questions: Mapping[str, Question]
    arrangement: Arrangement
    paired: bool

    def examples(self, machine: str, group_by: Sequence[str]) -> Examples:
        """The clips as a detector may see them."""
        known = any(column.target_domain is not None for column in self.columns)
        return Examples(
            audio=self.refs,
            key=self.keys,
            group=tuple(group_of(clip, machine, group_by) for clip in self.clips),
            target_domain=np.array([c.target_domain is True for c in self.columns]) if known else None,
        )

    def normals(self, machine: str, group_by: Sequence[str]) -> tuple[Examples, Arrangement]:
        """The clips that a detector is fitted on, and their folds."""
        rows = np.flatnonzero(self.arrangement.train)
        return (
            self.examples(machine, group_by).take(rows),
            Arrangement(train=self.arrangement.train[rows], fold=self.arrangement.fold[rows]),
        )


def folds_of(recordings: Recordings, run_seed: int) -> NDArray[np.intp]:
    """(clips,) fold of every recording; one sound under two names is held out together."""
    first = {member.key: member for member in reversed(recordings.members)}
    unique = list(first.values())
    strata = [f"{m.clip.section}|{m.clip.domain}|{m.clip.attributes}" for m in unique]
    by_key = dict(zip(first, folds.arrange(strata, [m.clip.path for m in unique], run_seed), strict=True))
    return np.array([by_key[member.key] for member in recordings.members], dtype=np.intp)


def read_sets(folders: Sequence[Path], machine: str) -> Synthetic:
    """Twin sets, or folders of labelled synthetic clips without twins, which are taken as unpaired.

    Raises:
        GensupError: a folder without a single anomaly, a clip of another machine, or a damaged set.
    """
    clips: list[SyntheticClip] = []
    fingerprints = []
    for folder in folders:
        if (folder / MANIFEST).is_file() or (folder / "run.json").is_file():
            found = twinset.read(folder)
            _check_bytes(found)
            fingerprints.append(sha256_file(folder / MANIFEST))
        else:
            found = _strays(folder)
            fingerprints.append(digest([clip.sha256 for clip in found]))
        for clip in found:
            if clip.machine not in (None, machine):
                raise GensupError(
                    "a synthetic clip of another machine",
                    where=str(clip.file),
                    value=clip.machine,
                    rule=f"the machine is {machine}",
                    remedy="name a set of this machine",
                )
        if not any(clip.condition == "anomaly" for clip in found):
            raise GensupError("no anomalies in this set", where=str(folder), rule="a set asks with anomalous clips")
        clips += found
    ids = [clip.id for clip in clips]
    if len(set(ids)) != len(ids):
        raise GensupError(
            "a synthetic set twice", where="--synthetic", rule="every clip is asked once", remedy="name each once"
        )
    return Synthetic(tuple(clips), paired(clips), tuple(fingerprints))


def _check_bytes(clips: Sequence[SyntheticClip]) -> None:
    for clip in clips:
        if sha256_file(clip.file) != clip.sha256:
            raise GensupError(
                "a clip is not what its row says",
                where=str(clip.file),
                rule="its SHA-256 stands in metadata.jsonl",
                remedy="run the same `gensup synthesize` again: it makes the clip again",
            )


def paired(clips: Sequence[SyntheticClip]) -> bool:
    """Whether every anomaly's normal twin is there."""
    twins = {clip.id for clip in clips if clip.condition == "normal"}
    return all(clip.twin in twins for clip in clips if clip.condition == "anomaly")


def _strays(folder: Path) -> tuple[SyntheticClip, ...]:
    """Synthetic clips of any other tool: their names or folders say which are anomalies."""
    return tuple(
        SyntheticClip(
            id=f"{folder.resolve().name}/{clip.path}",
            file=folder / clip.path,
            condition=clip.condition,
            caption="",
            twin=None,
            source=None,
            machine=clip.machine,
            section=clip.section,
            domain=clip.domain,
            family=UNPAIRED.family,
            mechanism=UNPAIRED.mechanism,
            status=UNPAIRED.status,
            severity=UNPAIRED.severity,
            chain=f"unknown: {folder.name}",
            sha256=sha256_file(folder / clip.path),
        )
        for clip in scan(folder)
        if clip.condition is not None
    )


def exercise(recordings: Recordings, synthetic: Synthetic, run_seed: int) -> Exercise:
    """Put recordings and synthetic clips side by side; what was made from a clip stays in its fold.

    Normal twins stand in the table only where they differ from their source: with faults added to a recording, the
    recording itself is the normal twin.

    Raises:
        GensupError: twins of recordings that are not among these.
    """
    fold_of = folds_of(recordings, run_seed)
    place = {member.key: i for i, member in enumerate(recordings.members)}
    foreign = {clip.source for clip in synthetic.clips if clip.source is not None and clip.source not in place}
    if foreign:
        raise GensupError(
            "twins of other recordings",
            value=f"{len(foreign)} sources",
            rule="a twin's source is among the normal clips",
            remedy="give the ROOT and --channel that the set was made with, or make a new set",
        )
    asked = [c for c in synthetic.clips if c.condition == "anomaly" or c.chain != "none"]
    columns = [_real(member, int(fold_of[i])) for i, member in enumerate(recordings.members)]
    clips = [member.clip for member in recordings.members]
    for clip in asked:
        source = recordings.members[place[clip.source]] if clip.source is not None else None
        # A clip that nothing was recorded for may be held out of any fold: its id decides.
        fold = (
            int(fold_of[place[clip.source]])
            if clip.source is not None
            else seed("fold", clip.id) % int(fold_of.max() + 1)
        )
        columns.append(_made(clip, source, fold))
        clips.append(source.clip if source else _stray(clip, recordings))
    return Exercise(
        columns=tuple(columns),
        refs=(*(m.ref for m in recordings.members), *(AudioRef(clip.file, recordings.rate, 0) for clip in asked)),
        keys=(*(m.key for m in recordings.members), *(clip.sha256 for clip in asked)),
        clips=tuple(clips),
        questions=questions_of(asked),
        arrangement=Arrangement(
            train=np.array([column.role == "normal" for column in columns]),
            fold=np.array([column.fold for column in columns], dtype=np.intp),
        ),
        paired=synthetic.paired,
    )


def questions_of(clips: Sequence[SyntheticClip]) -> dict[str, Question]:
    """What every anomaly asks, by its id."""
    return {
        clip.id: Question(
            family=clip.family or UNPAIRED.family,
            mechanism=clip.mechanism or UNPAIRED.mechanism,
            status=clip.status or UNPAIRED.status,
            severity=clip.severity,
        )
        for clip in clips
        if clip.condition == "anomaly"
    }


def _stray(clip: SyntheticClip, recordings: Recordings) -> Clip:
    """The clip whose model scores a stray: one of the section that the stray says, or of the only one there is.

    Raises:
        GensupError: the recordings have several sections and not the one that the stray says.
    """
    sections = {member.clip.section: member.clip for member in recordings.members}
    if clip.section not in sections and len(sections) > 1:
        raise GensupError(
            "a synthetic clip of no section that was recorded",
            where=str(clip.file),
            value=clip.section or "not said",
            rule=f"recorded: {', '.join(sorted(str(section) for section in sections))}",
            remedy="name it like section_00_..., or put it into a folder id_00",
        )
    return sections.get(clip.section) or next(iter(sections.values()))


def _real(member: Recording, fold: int) -> Column:
    domain = member.clip.domain
    return Column(
        clip=member.clip.path,
        fold=fold,
        source=member.key,
        target_domain=None if domain is None else domain == "target",
        role="normal",
        chain="none",
    )


def _made(clip: SyntheticClip, source: Recording | None, fold: int) -> Column:
    domain = source.clip.domain if source else clip.domain
    return Column(
        clip=clip.id,
        fold=fold,
        source=clip.source or clip.id,
        target_domain=None if domain is None else domain == "target",
        role="anomaly" if clip.condition == "anomaly" else "sham",
        chain=clip.chain,
    )
