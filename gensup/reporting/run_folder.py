"""The gate to a run folder: what ``tune`` wrote, checked and typed, for the page to show."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from gensup.clip import Json
from gensup.errors import GensupError
from gensup.selection.records import Role, Trial, Verdict
from gensup.store import check_schema, read_json, read_manifest
from gensup.store.run import RUN, read_run
from gensup.synthesis import twinset
from gensup.synthesis.twinset import SyntheticClip

T = TypeVar("T")


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
    scores: Mapping[str, tuple[float, ...]]  # (clips,) of the chosen trial and the default


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldOut:
    """detector.json: scores of normal clips by models fitted without them."""

    mean: float
    sd: float
    threshold: float


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

    @property
    def config(self) -> Mapping[str, Json]:
        config = self.record["config"]
        assert isinstance(config, dict)  # read_run has checked it
        return config

    @property
    def trials(self) -> dict[str, Trial]:
        return {trial.id: trial for trial in self.table.trials}

    @property
    def chosen(self) -> str | None:
        """The trial that the detector was fitted with."""
        return self.verdict.members[0] if self.verdict.members else None


def read_run_folder(folder: Path, sets: Sequence[Path] = ()) -> Run:
    """Everything that the page shows; ``sets`` are the twin sets that the run was given, where it did not make its own.

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
    verdict = _typed(Verdict, record["verdict"], f"{folder / RUN}: verdict")
    table = _table(folder / "trials" / "table.json")
    known = {trial.id for trial in table.trials}
    foreign = {*verdict.members, *verdict.ties, *(trial for trial, _ in verdict.ranking)}
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
        **_twins(sets or [folder]),
    )


def _twins(folders: Sequence[Path]) -> dict[str, Any]:
    sets = [folder for folder in folders if (folder / twinset.MANIFEST).is_file()]
    if not sets:
        return {"clips": None, "twin_rows": ()}
    return {
        "clips": tuple(clip for folder in sets for clip in twinset.read(folder)),
        "twin_rows": tuple(row for folder in sets for row in read_manifest(folder / twinset.MANIFEST)),
    }


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
