"""The clips that ask: twin sets, and other tools' labelled clips, read and checked."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from gensup.errors import GensupError
from gensup.metadata import scan
from gensup.rng import digest
from gensup.selection.records import Question, Role
from gensup.store import sha256_file
from gensup.store.files import is_temporary
from gensup.synthesis import codec, twinset
from gensup.synthesis.codec import CodecNormal, read_normals
from gensup.synthesis.twinset import MANIFEST, SyntheticClip

UNPAIRED = Question(family="unpaired", mechanism="unknown", status="generic", severity=1.0)
CLIPS = "clips"  # folder of a twin set's clips
PLAIN = "none"  # the chain of a recording that nothing was done to


@dataclass(frozen=True, slots=True)
class Synthetic:
    """The clips that ask, and whether each anomaly has its normal twin."""

    clips: tuple[SyntheticClip, ...]
    paired: bool
    fingerprint: tuple[str, ...]  # one a set
    # Chain -> the recordings after its codec, by their keys; a chain that is not here has none.
    normals: Mapping[str, Mapping[str, CodecNormal]] = field(default_factory=dict)

    def further(self, made: Synthetic) -> Synthetic:
        """``made``, other rungs of the same set, beside all that this one's candidates are fitted on."""
        known = {clip.id for clip in made.clips}
        generated = [c for c in self.clips if role_of(c) == "sham" and c.source is None and c.id not in known]
        clips = sorted([*made.clips, *generated], key=lambda clip: clip.id)  # a fit may go by its clips' order
        return replace(made, clips=tuple(clips), normals={**made.normals, **self.normals})


def read_sets(folders: Sequence[Path], machine: str) -> Synthetic:
    """Twin sets, or folders of labelled synthetic clips without twins, which are taken as unpaired.

    Raises:
        GensupError: a folder without a single anomaly, a clip of another machine, or a damaged set.
    """
    clips: list[SyntheticClip] = []
    fingerprints = []
    normals: dict[str, Mapping[str, CodecNormal]] = {}
    for folder in folders:
        if (folder / MANIFEST).is_file() or (folder / "run.json").is_file():
            found = twinset.read(folder)
            through = read_normals(folder)
            _check_rows(folder / CLIPS, folder / MANIFEST, {clip.file for clip in found})
            normals_rows = folder / codec.FOLDER / codec.MANIFEST
            if through:
                _check_rows(normals_rows.parent, normals_rows, {normal.file for normal in through.values()})
            _check_bytes(found)
            _check_bytes(tuple(through.values()))
            fingerprints.append(_fingerprint(folder))
            if through:
                normals |= {clip.chain: through for clip in found if clip.chain not in (PLAIN, *normals)}
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
    return Synthetic(_once(clips), paired(clips), tuple(fingerprints), normals)


def _fingerprint(folder: Path) -> str:
    """Of a twin set: its rows and, where it has them, those of its normals."""
    normals = folder / codec.FOLDER / codec.MANIFEST
    rows = sha256_file(folder / MANIFEST)
    return digest(rows, sha256_file(normals)) if normals.is_file() else rows


def _once(clips: Sequence[SyntheticClip]) -> tuple[SyntheticClip, ...]:
    """Each clip once: two sets of the same sources share their normal twins, and no anomaly."""
    found: dict[str, SyntheticClip] = {}
    for clip in clips:
        there = found.setdefault(clip.id, clip)
        if there is not clip and (clip.condition == "anomaly" or clip.sha256 != there.sha256):
            raise GensupError(
                "a synthetic set twice",
                where="--synthetic",
                value=clip.id,
                rule="every clip is asked once",
                remedy="name each set once",
            )
    return tuple(found.values())


def files_without_row(place: Path, known: Collection[Path]) -> list[Path]:
    """Files of a folder (which may not be there) that no row names, in order; half-written ones do not count."""
    entries = sorted(place.iterdir()) if place.is_dir() else []
    return [path for path in entries if path not in known and path.is_file() and not is_temporary(path.name)]


def _check_rows(place: Path, manifest: Path, known: Collection[Path]) -> None:
    """A set is as it was finished: one that lost some of its rows by hand would pass for a smaller one."""
    for path in files_without_row(place, {*known, manifest}):
        raise GensupError(
            "a file of the set without a row",
            where=str(path),
            rule=f"every file there has its row in {manifest.name}",
            remedy=f"restore {manifest}, or remove it and run the same `gensup synthesize` again",
        )


def _check_bytes(clips: Sequence[SyntheticClip] | Sequence[CodecNormal]) -> None:
    for clip in clips:
        if sha256_file(clip.file) != clip.sha256:
            raise GensupError(
                "a clip is not what its row says",
                where=str(clip.file),
                rule="its SHA-256 stands in the set's rows",
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


def role_of(clip: SyntheticClip) -> Role:
    """What a synthetic clip is to an exam."""
    if clip.condition == "anomaly":
        return "anomaly"
    return "sham" if clip.nuisance is None else "nuisance"
