"""The clips of a selection, arranged: real normal clips, twins and strays, who is fitted on and who asks what."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from gensup.audio.files import AudioRef
from gensup.clip import Clip
from gensup.detection.crossfit import Arrangement
from gensup.detection.examples import Examples
from gensup.errors import GensupError
from gensup.rng import generator, seed
from gensup.selection import folds
from gensup.selection.constants import constants
from gensup.selection.records import LEFT_OUT, Column, Question
from gensup.steps.candidates import group_of, is_plain, label_of
from gensup.steps.recordings import Recording, Recordings
from gensup.steps.synthetic import PLAIN, Synthetic, questions_of, role_of
from gensup.synthesis import codec
from gensup.synthesis.codec import CodecNormal
from gensup.synthesis.twinset import SyntheticClip

ENOUGH = 0.5  # share of every section's recordings; of fewer normals a candidate is another candidate


@dataclass(frozen=True, slots=True)
class Exercise:
    """Everything that candidates are fitted on and asked, in every arrangement of folds."""

    columns: tuple[Column, ...]  # arrangement by arrangement, the clips in each
    refs: tuple[AudioRef, ...]  # (clips,), as the next two
    keys: tuple[str, ...]
    clips: tuple[Clip, ...]  # of a synthetic clip: its source, or what its own name says
    questions: Mapping[str, Question]
    arrangements: tuple[Arrangement, ...]
    paired: bool

    def examples(self, machine: str, group_by: Sequence[str]) -> Examples:
        """The clips as a detector may see them."""
        own = self.columns[: len(self.clips)]
        known = any(column.target_domain is not None for column in own)
        recorded = [(column.role, column.chain) == ("normal", PLAIN) for column in own]
        groups = (group_of(clip, machine, group_by) for clip in self.clips)
        return Examples(
            audio=self.refs,
            key=self.keys,
            # A model for each chain: nobody is fitted on the clips of one and asked by those of another.
            group=tuple(
                group if column.fitted == PLAIN else f"{group}, {column.fitted}"
                for group, column in zip(groups, own, strict=True)
            ),
            target_domain=np.array([c.target_domain is True for c in own]) if known else None,
            # Twins ask, and what a codec made of a recording carries its marks: no network is trained on them.
            label=tuple(
                label_of(clip, machine) if real else "" for clip, real in zip(self.clips, recorded, strict=True)
            ),
            plain=np.array([r and is_plain(c) for c, r in zip(self.clips, recorded, strict=True)], dtype=bool),
        )

    def normals(self, machine: str, group_by: Sequence[str]) -> tuple[Examples, tuple[Arrangement, ...]]:
        """The clips that a detector is fitted on, and their folds: recordings, and nothing that was made of them."""
        own = self.columns[: len(self.clips)]
        rows = np.array([i for i, c in enumerate(own) if (c.role, c.chain) == ("normal", PLAIN)], dtype=np.intp)
        return (
            self.examples(machine, group_by).take(rows),
            tuple(Arrangement(train=a.train[rows], fold=a.fold[rows]) for a in self.arrangements),
        )


def folds_of(recordings: Recordings, run_seed: int, repeats: int | None = None) -> list[NDArray[np.intp]]:
    """(clips,) fold of every recording, in every repeat; one sound under two names is held out together.

    Args:
        repeats: arrangements at most; as many as the number of clips asks for if None.

    Raises:
        GensupError: fewer than two different sounds.
    """
    first = {member.key: member for member in reversed(recordings.members)}
    unique = list(first.values())
    if len(unique) < 2:
        raise GensupError(
            "too few normal clips",
            where=recordings.machine,
            value=len(unique),
            rule="at least 2 of different sound, so that one can be held out",
            remedy="give more normal clips; equal sounds count once",
        )
    strata = [f"{m.clip.section}|{m.clip.domain}|{m.clip.attributes}" for m in unique]
    names = [m.clip.path for m in unique]
    found = []
    for repeat in range(min(folds.repeats(len(unique)), repeats or sys.maxsize)):
        by_key = dict(zip(first, folds.arrange(strata, names, run_seed, repeat), strict=True))
        found.append(np.array([by_key[member.key] for member in recordings.members], dtype=np.intp))
    return found


def exercise(recordings: Recordings, synthetic: Synthetic, run_seed: int, repeats: int | None = None) -> Exercise:
    """Put recordings and synthetic clips side by side; what was made from a clip stays in its fold.

    Normal twins stand in the table only where they differ from their source: with faults added to a recording, the
    recording itself is the normal twin.

    Clips that went through a chain are scored by models of their own, which are fitted on the recordings after that
    chain's codec where the set has those. Where its twins were made of noise alone, the normal twins of other folds'
    noise are fitted on, too. The recordings themselves are scored by models that are fitted on recordings.

    Raises:
        GensupError: twins of recordings that are not among these.
    """
    place = {member.key: i for i, member in enumerate(recordings.members)}
    foreign = {clip.source for clip in synthetic.clips if clip.source is not None and clip.source not in place}
    if foreign:
        raise GensupError(
            "twins of other recordings",
            value=f"{len(foreign)} sources",
            rule="a twin's source is among the normal clips",
            remedy="give the ROOT and --channel that the set was made with, or make a new set",
        )
    asked = [c for c in synthetic.clips if c.condition == "anomaly" or c.nuisance is not None or c.chain != "none"]
    sources = [None if clip.source is None else recordings.members[place[clip.source]] for clip in asked]
    fits = _fits(recordings, synthetic)
    coded = [(fitted, member, normal) for fitted, heard in fits.heard.items() for member, normal in heard]
    # Recordings, generated normals where there is nothing else to a chain's sound, and recordings after a codec.
    train = np.array(
        [
            *(True for _ in recordings.members),
            *(c.source is None and c.chain in fits.name and role_of(c) == "sham" for c in asked),
            *(True for _ in coded),
        ]
    )
    columns: list[Column] = []
    arrangements = []
    for repeat, fold_of in enumerate(folds_of(recordings, run_seed, repeats)):
        arranged = [_real(member, repeat, int(f)) for member, f in zip(recordings.members, fold_of, strict=True)]
        for clip, source in zip(asked, sources, strict=True):
            made = _made(clip, source, repeat, _fold(clip, place, fold_of))
            arranged.append(replace(made, fitted=fits.name.get(clip.chain, PLAIN)))
        for fitted, member, normal in coded:
            real = _real(member, repeat, int(fold_of[place[member.key]]))
            arranged.append(replace(real, chain=normal.chain, fitted=fitted))
        fold = np.array([column.fold for column in arranged], dtype=np.intp)
        arrangements.append(Arrangement(train=train, fold=fold))
        columns += arranged
    files = [(clip.file, clip.sha256) for clip in asked] + [(normal.file, normal.sha256) for _, _, normal in coded]
    return Exercise(
        columns=tuple(columns),
        refs=(*(m.ref for m in recordings.members), *(AudioRef(file, recordings.rate, 0) for file, _ in files)),
        keys=(*(m.key for m in recordings.members), *(sha256 for _, sha256 in files)),
        clips=(
            *(member.clip for member in recordings.members),
            *(s.clip if s else _stray(c, recordings) for c, s in zip(asked, sources, strict=True)),
            *(member.clip for _, member, _ in coded),
        ),
        questions=questions_of(asked),
        arrangements=tuple(arrangements),
        paired=synthetic.paired,
    )


@dataclass(frozen=True, slots=True)
class _Fits:
    """Models that are fitted on anything but recordings."""

    name: Mapping[str, str]  # chain -> what its models are called by
    heard: Mapping[str, tuple[tuple[Recording, CodecNormal], ...]]  # by that name: recordings after the codec


def _fits(recordings: Recordings, synthetic: Synthetic) -> _Fits:
    """Chains of one codec share their models, unless generated normals of one are fitted on, too."""
    generated = {clip.chain for clip in synthetic.clips if clip.source is None}
    name: dict[str, str] = {}
    heard: dict[str, tuple[tuple[Recording, CodecNormal], ...]] = {}
    for chain, normals in synthetic.normals.items():
        if _lacking(recordings, normals) is None:
            name[chain] = chain if chain in generated else next(iter(normals.values())).chain
            found = [(member, normals[member.key]) for member in recordings.members if member.key in normals]
            heard.setdefault(name[chain], tuple(found))
    return _Fits(name, heard)


def _lacking(recordings: Recordings, normals: Mapping[str, CodecNormal]) -> str | None:
    """Why candidates cannot be fitted on these, or None."""
    for section in sorted({str(member.clip.section) for member in recordings.members}):
        keys = {member.key for member in recordings.members if str(member.clip.section) == section}
        if len(keys & normals.keys()) < ENOUGH * len(keys):
            return f"of {len(keys)} recordings of section {section} it has {len(keys & normals.keys())}"
    return None


def unfitted(recordings: Recordings, synthetic: Synthetic) -> Iterator[str]:
    """What to say of chains whose candidates are not, or not wholly, fitted on normals of the same chain."""
    keys = {member.key for member in recordings.members}
    for chain in sorted({clip.chain for clip in synthetic.clips} - {PLAIN}):
        normals = synthetic.normals.get(chain, {})
        why = _lacking(recordings, normals) if normals else f"there is no {codec.FOLDER}/ in it"
        if why is not None:
            yield (
                f"the set of {chain} does not say how its codec sounds ({why}): candidates are fitted on recordings, "
                f"and it has no vote if it is told from them; `gensup synthesize` makes {codec.FOLDER}/ where its "
                "generator has a codec"
            )
        elif missing := len(keys - normals.keys()):
            yield f"the set of {chain} lacks {missing} of {len(keys)} recordings after its codec: fitted on the others"


def conditions_left_out(recordings: Recordings, run_seed: int) -> Exercise | None:
    """Normal clips alone, with folds that each leave an operating condition out; None where there is only one.

    Of the section that has most conditions, since models of different sections do not score alike.
    """
    by_section: dict[str | None, list[Recording]] = {}
    for member in {member.key: member for member in reversed(recordings.members)}.values():
        by_section.setdefault(member.clip.section, []).append(member)
    most = max(by_section, key=lambda s: (len({m.clip.attributes for m in by_section[s]}), str(s)))
    members = sorted(by_section[most], key=lambda m: m.clip.path)
    rng = generator("left out", run_seed)
    members = [members[i] for i in sorted(rng.permutation(len(members))[: constants().left_out_clips])]
    names = [member.clip.path for member in members]
    arranged = folds.leave_out([str(m.clip.attributes) for m in members], names, run_seed)
    if arranged is None:
        return None
    fold, also, asks = arranged
    columns = [
        replace(_real(member, LEFT_OUT, int(f)), role="anomaly" if ask else "normal")
        for member, f, ask in zip(members, fold, asks, strict=True)
    ]
    return Exercise(
        columns=tuple(columns),
        refs=tuple(member.ref for member in members),
        keys=tuple(member.key for member in members),
        clips=tuple(member.clip for member in members),
        questions={},
        arrangements=(Arrangement(train=np.ones(len(members), dtype=bool), fold=fold, also=also),),
        paired=True,
    )


def _fold(clip: SyntheticClip, place: Mapping[str, int], fold_of: NDArray[np.intp]) -> int:
    """The fold of a clip's source. What nothing was recorded for may be held out of any fold: its twin's id decides."""
    if clip.source is not None:
        return int(fold_of[place[clip.source]])
    return seed("fold", clip.twin or clip.id) % int(fold_of.max() + 1)


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


def _real(member: Recording, repeat: int, fold: int) -> Column:
    domain = member.clip.domain
    return Column(
        clip=member.clip.path,
        repeat=repeat,
        fold=fold,
        source=member.key,
        target_domain=None if domain is None else domain == "target",
        role="normal",
        chain="none",
    )


def _made(clip: SyntheticClip, source: Recording | None, repeat: int, fold: int) -> Column:
    domain = source.clip.domain if source else clip.domain
    return Column(
        clip=clip.id,
        repeat=repeat,
        fold=fold,
        source=clip.source or clip.twin or clip.id,
        target_domain=None if domain is None else domain == "target",
        role=role_of(clip),
        chain=clip.chain,
    )
