"""The gate to a run folder: what ``tune`` wrote, checked and typed, for the page to show."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from gensup.clip import Json
from gensup.errors import GensupError
from gensup.evaluation import Oracle
from gensup.selection.records import Role, Trial, Verdict
from gensup.store import check_schema, read_json, read_manifest
from gensup.store.run import RUN, read_run
from gensup.synthesis import twinset
from gensup.synthesis.twinset import SyntheticClip

T = TypeVar("T")
NEIGHBOURHOOD = "neighbourhood.json"  # in trials/
BUILT = "built"  # in table.json's scores: what was built, be it of one candidate or of several


@dataclass(frozen=True, slots=True, kw_only=True)
class FamilyScores:
    """What one family said about every trial."""

    severity: float  # the severity that is read
    weight: float  # 0 = says nothing about these candidates
    utility: tuple[float, ...]  # (trials,)
    auc: tuple[float, ...]  # (trials,)


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """trials/table.json."""

    default: str | None
    trials: tuple[Trial, ...]
    families: Mapping[str, FamilyScores]
    pruned: Mapping[str, str]  # trials that could not be fitted, each with the reason
    ladders: Mapping[str, tuple[tuple[float, float], ...]]  # severity and median AUC, by family
    roles: tuple[Role, ...]  # (clips,)
    clips: tuple[str, ...]
    scores: Mapping[str, tuple[float, ...]]  # (clips,) of what was built (``BUILT``) and of the default


@dataclass(frozen=True, slots=True, kw_only=True)
class Neighbourhood:
    """trials/neighbourhood.json: where some clips lie by their sound."""

    clips: tuple[str, ...]
    roles: tuple[Role, ...]  # (clips,), as the next three
    target: tuple[bool, ...]  # of the target domain
    mechanisms: tuple[str | None, ...]  # of an anomaly
    places: tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldOut:
    """detector.json: scores of normal clips by models fitted without them."""

    mean: float
    sd: float
    threshold: float


@dataclass(frozen=True, slots=True)
class Suspect:
    """A normal clip that does not sound like the others."""

    path: str
    distance: float  # robust standard deviations


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A finished run."""

    folder: Path
    record: Mapping[str, Json]  # run.json
    verdict: Verdict
    table: Table
    clips: tuple[SyntheticClip, ...] | None  # None: the twins lie elsewhere
    twin_rows: tuple[Mapping[str, Json], ...]  # metadata.jsonl as written; () where the twins lie elsewhere
    held_out: HeldOut | None
    suspects: tuple[Suspect, ...]  # the strangest first
    oracle: Oracle | None  # None: no real label was opened
    neighbourhood: Neighbourhood | None  # None: of a run that drew none
    rungs: Mapping[str, tuple[float, ...]]  # family -> severities that were made when its ladder lacked them

    @property
    def config(self) -> Mapping[str, Json]:
        config = self.record["config"]
        assert isinstance(config, dict)  # read_run has checked it
        return config

    @property
    def trials(self) -> dict[str, Trial]:
        return {trial.id: trial for trial in self.table.trials}


def read_verdict(folder: Path) -> tuple[dict[str, Json], Verdict]:
    """run.json, and the verdict in it.

    Raises:
        GensupError: no run folder, one without a verdict, or a damaged or newer record.
    """
    if not (folder / RUN).is_file():
        raise GensupError(
            "no run here",
            where=str(folder),
            rule=f"a run folder has a {RUN}",
            remedy="run `gensup tune` first, or check the path",
        )
    record = read_run(folder)
    if record.get("verdict") is None:
        raise GensupError(
            "no verdict yet",
            where=str(folder),
            rule="a report is of a finished `gensup tune`",
            remedy="run `gensup tune` first",
        )
    return record, _typed(Verdict, record["verdict"], f"{folder / RUN}: verdict")


def read_suspects(folder: Path, record: Mapping[str, Json]) -> tuple[Suspect, ...]:
    """The suspicious normal clips in a run's ``record``; none in one that looked for none.

    Raises:
        GensupError: a damaged record.
    """
    return _typed(tuple[Suspect, ...], record.get("suspects") or [], f"{folder / RUN}: suspects")


def read_run_folder(folder: Path, sets: Sequence[Path] = ()) -> Run:
    """Everything that the page shows; ``sets`` are the twin sets that the run was given, where it did not make its own.

    Raises:
        GensupError: no run folder, one without a verdict, or a damaged or newer record.
    """
    record, verdict = read_verdict(folder)
    table = _table(folder / "trials" / "table.json")
    known = {trial.id for trial in table.trials}
    foreign = {
        *verdict.members,
        *verdict.panel,
        *verdict.ties,
        *verdict.shown.values(),
        *(trial for trial, _ in verdict.ranking),
    }
    foreign |= {report.best for report in verdict.families.values()}
    foreign -= known
    if foreign or not set(verdict.families) <= set(table.families):
        raise _damaged(str(folder), "run.json and trials/table.json are of different runs")
    return Run(
        folder=folder,
        record=record,
        verdict=verdict,
        table=table,
        held_out=_held_out(folder / "detector" / "detector.json"),
        suspects=read_suspects(folder, record),
        oracle=_oracle(folder / "evaluation" / "oracle.json"),
        neighbourhood=_neighbourhood(folder / "trials" / NEIGHBOURHOOD),
        rungs=_rungs(folder / twinset.WANTED / twinset.MANIFEST),
        **_twins(sets or [folder]),
    )


def _twins(folders: Sequence[Path]) -> dict[str, Any]:
    """The clips of all sets and of their further rungs, each once: sets of the same sources share normal twins."""
    every = (part for folder in folders for part in (folder, folder / twinset.WANTED))
    sets = [folder for folder in every if (folder / twinset.MANIFEST).is_file()]
    if not sets:
        return {"clips": None, "twin_rows": ()}
    clips: dict[str, SyntheticClip] = {}
    rows: dict[str, Mapping[str, Json]] = {}
    for folder in sets:
        for clip, row in zip(twinset.read(folder), read_manifest(folder / twinset.MANIFEST), strict=True):
            clips.setdefault(clip.id, clip)
            rows.setdefault(str(row["id"]), row)
    return {"clips": tuple(clips.values()), "twin_rows": tuple(rows.values())}


def _rungs(manifest: Path) -> dict[str, tuple[float, ...]]:
    rungs: dict[str, set[float]] = {}
    for clip in twinset.read(manifest.parent) if manifest.is_file() else ():
        if clip.family is not None:
            rungs.setdefault(clip.family, set()).add(clip.severity)
    return {family: tuple(sorted(severities)) for family, severities in sorted(rungs.items())}


def _table(path: Path) -> Table:
    content = _record(path)
    table = _typed(Table, {key: value for key, value in content.items() if key != "schema"}, str(path))
    trials, clips = len(table.trials), len(table.clips)
    whole = (
        len(table.roles) == clips
        and all(len(family.utility) == len(family.auc) == trials for family in table.families.values())
        and all(len(scores) == clips for scores in table.scores.values())
    )
    if not whole:
        raise _damaged(str(path), "its rows have different lengths")
    return table


def _held_out(path: Path) -> HeldOut | None:
    return _typed(HeldOut, _record(path).get("held_out"), f"{path}: held_out") if path.is_file() else None


def _oracle(path: Path) -> Oracle | None:
    return _typed(Oracle, _record(path), str(path)) if path.is_file() else None


def _neighbourhood(path: Path) -> Neighbourhood | None:
    if not path.is_file():
        return None
    found = _typed(Neighbourhood, _record(path), str(path))
    if len({len(found.clips), len(found.roles), len(found.target), len(found.mechanisms), len(found.places)}) > 1:
        raise _damaged(str(path), "its rows have different lengths")
    if not found.clips:
        raise _damaged(str(path), "it has no clips")
    return found


def _record(path: Path) -> dict[str, Json]:
    if not path.is_file():
        raise GensupError(
            "the run is not finished",
            where=str(path),
            rule="the file is missing",
            remedy="run the same `gensup tune` again",
        )
    content = read_json(path)
    if not isinstance(content, dict):
        raise _damaged(str(path), "no JSON object")
    check_schema(content.get("schema"), str(path))
    return content


def _typed(kind: type[T], content: Json, where: str) -> T:
    try:
        return TypeAdapter(kind).validate_python(content)
    except ValidationError as error:
        first = error.errors()[0]
        raise _damaged(where, f"{'.'.join(map(str, first['loc']))}: {first['msg']}") from None


def _damaged(where: str, value: str) -> GensupError:
    return GensupError("the record is damaged", where=where, value=value, remedy="run the same `gensup tune` again")
