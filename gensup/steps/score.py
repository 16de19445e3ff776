"""score: a fitted detector on any clips, each by itself."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass, replace
from io import StringIO
from pathlib import Path

import numpy as np

from gensup import metadata
from gensup.audio.files import SUFFIXES
from gensup.clip import Clip
from gensup.detection.detector import Detector, load
from gensup.detection.examples import Examples
from gensup.detection.saved import DESCRIPTION, WEIGHTS
from gensup.engine import for_workers
from gensup.errors import GensupError
from gensup.metadata import Pattern, compiled, parse, scan
from gensup.steps.alarms import NormalScores, threshold_of
from gensup.steps.candidates import group_of
from gensup.steps.needed import Needed
from gensup.steps.progress import QUIET, Followed, Progress
from gensup.steps.recordings import listen
from gensup.store import write_text


@dataclass(frozen=True, slots=True)
class Score:
    """One clip's anomaly score."""

    name: str  # relative to the folder it was found under
    score: float  # higher = more anomalous
    anomalous: bool  # above the threshold


def score(
    detector: Path,
    places: Sequence[Path],
    *,
    out: Path | None = None,
    decisions: Path | None = None,
    normalised: bool = False,
    false_alarms: float | None = None,
    pattern: str | None = None,
    skip_bad: bool = False,
    cache: Path | None = None,
    weights: Path | None = None,
    device: str | None = None,
    workers: int | None = None,
    progress: Progress = QUIET,
) -> tuple[Score, ...]:
    """Score clips and folders of clips; write ``name,score`` rows to ``out`` and ``name,0|1`` rows to ``decisions``.

    Args:
        normalised: a score is the share of normal clips that score lower, 0 to 1: its place in a gamma distribution of
            held-out normal scores.
        false_alarms: the share of normal clips that may be called anomalous; None: the detector's own threshold.
        weights: folder of pretrained checkpoints that the detector was fitted with.
        device: cpu, cuda, cuda:1, for networks; None: the best that is there.
        pattern: how own names are read, below each folder of ``places``; see ``metadata.patterns``.

    Raises:
        GensupError: bad input, another machine's clip, a clip of a group that the detector does not know.
    """
    detector, places = Path(detector), [Path(place) for place in places]  # text is welcome, too
    for output in (out, decisions):
        _check_output(output, detector)
    if out is not None and decisions is not None and out.resolve() == decisions.resolve():
        raise GensupError("two outputs of one name", where="--decisions", value=str(out), remedy="name another file")
    means = Needed(weights=weights, device=device, cache=cache).means()
    fitted = load(detector, means)
    threshold = threshold_of(fitted.held_out, false_alarms)
    own = None if pattern is None else compiled(pattern)
    left_out: list[str] = []
    misfits: list[tuple[str, str]] = []
    members: dict[str, tuple[Clip, Path, str]] = {}
    for place in places:
        for clip, path in _clips(place, own, misfits):
            try:
                group = _group(fitted, clip, str(path))
            except GensupError as error:
                if not skip_bad:
                    raise
                left_out.append(f"{path}: {error.what} ({error.value})")
                continue
            if clip.path in members:
                raise GensupError(
                    "two clips of one name",
                    where=str(path),
                    value=str(members[clip.path][1]),
                    rule="a score file names each clip once",
                    remedy="score the folders one by one",
                )
            members[clip.path] = clip, path, group
    for reason in left_out:
        progress.note(f"left out {reason}")
    for line in metadata.left_out(misfits):
        progress.note(line)
    if not members:
        raise GensupError(
            "nothing to score", value=", ".join(map(str, places)), rule="at least one clip of this machine"
        )
    if fitted.transductive and len(members) == 1:
        raise GensupError(
            "this detector cannot score a single clip",
            where=next(iter(members)),
            value=fitted.description,
            rule="it is transductive: a clip's score depends on the clips that it is scored with",
            remedy="score all clips of the test together, or use another detector",
        )
    with Followed(for_workers(workers), progress) as engine:
        heard = listen(
            [(clip, path) for clip, path, _ in members.values()],
            fitted.machine,
            rate=fitted.rate,
            channel=fitted.channel,
            skip_bad=skip_bad,
            engine=engine,
            progress=progress,
        )
        clips = Examples(
            audio=tuple(member.ref for member in heard.members),
            key=tuple(member.key for member in heard.members),
            group=tuple(members[member.clip.path][2] for member in heard.members),
        )
        raw = fitted.score(clips, engine, means)
    shown = NormalScores.of(fitted.held_out).cdf(raw) if normalised else raw
    if not np.isfinite(shown).all():
        bad = heard.members[int(np.argmin(np.isfinite(shown)))].clip.path
        raise GensupError("the score is not finite", where=bad, remedy="look at the clip: it is unlike anything fitted")
    if normalised and (beyond := int((shown == 1).sum())) > 1:
        progress.note(f"{beyond} clips are beyond all normal ones, with one normalised score: rank them by raw scores")
    result = tuple(
        Score(member.clip.path, float(value), bool(plain > threshold))
        for member, value, plain in zip(heard.members, shown, raw, strict=True)
    )
    if out is not None:
        write_text(out, _rows([(s.name, repr(s.score)) for s in result]))
    if decisions is not None:
        write_text(decisions, _rows([(s.name, str(int(s.anomalous))) for s in result]))
    return result


def _check_output(output: Path | None, detector: Path) -> None:
    """A typing error must not cost a recording or the detector."""
    if output is None:
        return
    if output.suffix.lower() in SUFFIXES:
        raise GensupError(
            "scores are no recording", where=str(output), rule="the file does not end as clips do", remedy="use .csv"
        )
    # A fusion's members are detectors below its folder.
    if output.name in (DESCRIPTION, WEIGHTS) and output.resolve().is_relative_to(detector.resolve()):
        raise GensupError("this file is the detector's", where=str(output), remedy="name another file")


def _clips(place: Path, pattern: Pattern | None, misfits: list[tuple[str, str]]) -> list[tuple[Clip, Path]]:
    if place.is_dir():
        return [(clip, place / clip.path) for clip in scan(place, pattern=pattern, misfits=misfits)]
    if not place.is_file() or place.suffix.lower() not in SUFFIXES:
        raise GensupError("no clip and no folder of clips", where=str(place), rule=f"ends in {' or '.join(SUFFIXES)}")
    if pattern is not None:
        # A clip's own folders may be part of the pattern; they do not become part of its name.
        path = "/".join(place.resolve().parts[-len(pattern.parts) :])
        read = pattern.read(path)
        if not isinstance(read, Clip):
            raise GensupError("the clip does not fit the pattern", where=str(place), value=pattern.text, rule=read)
        return [(replace(read, path=place.name), place)]
    # A clip's own folders may say its section, as in id_00/abnormal/00000000.wav; they do not become part of its name.
    return [(parse(place.name, under=place.resolve().parts[-3:-1]), place)]


def _group(detector: Detector, clip: Clip, where: str) -> str:
    if clip.machine not in (None, detector.machine):
        raise GensupError(
            "another machine's clip",
            where=where,
            value=clip.machine,
            rule=f"this detector is of {detector.machine}",
            remedy="score its own clips, or pass --skip-bad to leave others out",
        )
    # The only model there is takes a clip that says no section; one that was fitted on such clips takes every clip.
    only = len(detector.groups) == 1 and (clip.section is None or detector.machine in detector.groups)
    return detector.group_of("" if only else group_of(clip, detector.machine, detector.group_by), where)


def _rows(rows: Sequence[tuple[str, str]]) -> str:
    text = StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()
