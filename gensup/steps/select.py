"""select: the same selection on score files of any detector, whoever wrote them."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from gensup.errors import GensupError
from gensup.selection import exams
from gensup.selection.records import Column, ScoreTable, Trial, Verdict
from gensup.selection.utility import judge
from gensup.selection.verdict import decide
from gensup.steps.synthetic import paired, questions_of, role_of
from gensup.synthesis.twinset import SyntheticClip, read

HELD_OUT = "none"  # the chain of a recording that nothing was done to


def select(twins: Path, scores: Sequence[Path], *, held_out: Path | None = None) -> Verdict:
    """Choose among candidates by their score files on the twin set ``twins``.

    The candidates must be fitted without the set's sources (``source_path`` in its rows), or the normal twins are clips
    they know and every fault is told from them.

    Args:
        scores: one CSV a candidate (``name,score``, higher = more anomalous), or folders of them; names are the set's
            file names, with or without folders.
        held_out: a folder with files of the same names: the candidates' scores of normal recordings they were not
            fitted on, which take the place of the normal twins of faults that were added to recordings.

    Raises:
        GensupError: no candidate, a clip without a score, a score that is no number. A candidate with a score that is
            not finite has failed and is left out; if all have, there is nothing to choose from.
    """
    every = read(twins)
    files = _files(scores)
    normals = {path: _read(held_out / path.name) for path in files} if held_out else {}
    recorded = sorted(set.intersection(*(set(rows) for rows in normals.values()))) if normals else []
    # The normal twins of faults added to recordings are recordings: where others are given, those that a candidate
    # may have been fitted on are no negatives.
    clips = [clip for clip in every if clip.condition == "anomaly" or clip.chain != HELD_OUT or not recorded]
    columns = (*(_column(clip) for clip in clips), *(_recorded(name) for name in recorded))
    questions = questions_of(clips)
    scores_of = {
        path: np.array([*_matched(path, clips, twins), *(normals[path][name] for name in recorded)]) for path in files
    }
    whole = [path for path in files if np.isfinite(scores_of[path]).all()]
    if not whole:
        raise GensupError(
            "no candidate has a finite score of every clip",
            where=str(files[0]),
            rule="a candidate whose scores are not finite has failed",
            remedy="look at the score files, and score the set again",
        )
    scored = ScoreTable(
        trials=tuple(
            Trial(id=_candidate(path), recipe=_candidate(path), params={}, varied={}, state="complete", parameters=0)
            for path in whole
        ),
        columns=columns,
        scores=np.stack([scores_of[path] for path in whole]),
        exams=exams.build(columns, questions),
        default=None,
        paired=paired(every),
        failed=len(files) - len(whole),
    )
    return decide(scored, judge(scored))


def _files(scores: Sequence[Path]) -> tuple[Path, ...]:
    files: list[Path] = []
    for place in scores:
        files += sorted(place.glob("*.csv")) if place.is_dir() else [place]
    for path in files:
        if not path.is_file():
            raise GensupError("no such score file", where=str(path), rule="name,score rows", remedy="check the path")
    names = [_candidate(path) for path in files]
    if not files:
        raise GensupError(
            "no candidates",
            where=", ".join(map(str, scores)),
            rule="score files, or folders of *.csv",
            remedy="check the path",
        )
    if len(set(names)) != len(names):
        raise GensupError(
            "two score files of one name", value=", ".join(sorted({n for n in names if names.count(n) > 1}))
        )
    return tuple(files)


def _candidate(path: Path) -> str:
    return path.stem.removeprefix("anomaly_score_")


def _read(path: Path) -> dict[str, float]:
    """Scores by name.

    Raises:
        GensupError: unreadable, a header, a row that is not ``name,score``, or a name twice.
    """
    rows: dict[str, float] = {}
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            for number, line in enumerate(csv.reader(file), 1):
                where = f"{path}:{number}"
                if not line:
                    continue
                try:
                    name, text = line
                    value = float(text)
                except ValueError:
                    raise GensupError(
                        "not a score row", where=where, value=",".join(line), rule="name,score without a header"
                    ) from None
                if name in rows:
                    raise GensupError("a clip scored twice", where=where, value=name, rule="one row a clip")
                rows[name] = value
    except (OSError, UnicodeDecodeError) as error:
        raise GensupError("cannot read the score file", where=str(path), value=str(error)) from None
    return rows


def _matched(path: Path, clips: Sequence[SyntheticClip], twins: Path) -> list[float]:
    """The file's scores in the order of the set's clips, matched by relative path or by name."""
    rows = _read(path)
    found = []
    for clip in clips:
        relative = clip.file.relative_to(twins).as_posix()
        score = rows.get(relative, rows.get(clip.file.name))
        if score is None:
            raise GensupError(
                "a clip of the set has no score",
                where=str(path),
                value=relative,
                rule=f"one row for each of the {len(clips)} clips",
                remedy="score the whole set again",
            )
        found.append(score)
    return found


def _column(clip: SyntheticClip) -> Column:
    return Column(
        clip=clip.id,
        repeat=0,
        fold=0,
        source=clip.source or clip.twin or clip.id,
        target_domain=None if clip.domain is None else clip.domain == "target",
        role=role_of(clip),
        chain=clip.chain,
    )


def _recorded(name: str) -> Column:
    return Column(clip=name, repeat=0, fold=0, source=name, target_domain=None, role="normal", chain=HELD_OUT)
