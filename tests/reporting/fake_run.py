"""Small run folders in the formats that `tune` writes, made by the same writers."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import TypeAdapter

from gensup.audio.files import write
from gensup.detection.recipe import trial_id
from gensup.evaluation import Labels, Oracle, evaluate
from gensup.reporting.run_folder import NEIGHBOURHOOD
from gensup.selection import exams
from gensup.selection.records import Column, Question, ScoreTable, Trial, Verdict
from gensup.selection.utility import judge
from gensup.selection.verdict import Asked, decide
from gensup.steps.summary import summary
from gensup.store import open_run, sha256_file, update_run, write_json, write_manifest

RATE = 8000
MECHANISMS = {
    "knock": "event-added",
    "crackle": "event-added",
    "hiss": "noise-added",
    "rush": "noise-added",
    "wobble": "envelope-modulation",
    "throb": "envelope-modulation",
    "whistle": "tone-added",
    "hum": "tone-added",
}


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What a fake run is like."""

    machine: str = "blower"
    families: dict[str, str] = field(default_factory=lambda: dict(MECHANISMS))  # family -> mechanism
    severities: tuple[float, ...] = (0.5, 1.0, 2.0)
    pairs: int = 10
    seconds: float = 1.0
    level: float = 0.05
    caption: str = "a recording of a blower"
    recipe: str = "twfr-gmm"
    axes: dict[str, list[Any]] = field(
        default_factory=lambda: {"pooling.decay": [0.0, 0.25, 0.5, 0.75, 1.0], "backend.n_components": [1, 2]}
    )
    default: dict[str, Any] | None = field(default_factory=lambda: {"pooling.decay": 0.0, "backend.n_components": 1})
    twins: bool = True  # False: as a run with --synthetic, which holds none
    paired: bool = True
    nuisances: bool = True  # with twins: a copy of every normal twin that counts as normal
    further: str | None = None  # a family that got a rung at 8 in RUN/wanted
    suspects: tuple[tuple[str, float], ...] = ()
    choosing: dict[str, Any] = field(default_factory=lambda: {"answer": "auto", "drop_suspects": 0})
    asked: Asked = "auto"
    taint: dict[str, float] = field(default_factory=dict)
    normals: int = 20


def fake_run(folder: Path, wanted: Wanted) -> Path:
    """Write a finished run folder."""
    rng = np.random.default_rng(0)
    config: dict[str, Any] = {"command": "tune", "machine": wanted.machine, "channel": 0, "rate": RATE}
    config |= {"data": {"clips": wanted.normals, "fingerprint": "f" * 32}, "detectors": [wanted.recipe]}
    config |= {"choosing": wanted.choosing}
    open_run(folder, config | ({} if wanted.twins else {"synthetic": ["5e7"]}))
    rows, questions = _twins(folder, wanted, rng)
    table = _table(wanted, rows, questions, rng)
    judgements = judge(table)
    verdict = decide(table, judgements, wanted.asked)
    summary(folder, table, judgements, verdict, {})
    clips = table.columns
    write_json(
        folder / "trials" / NEIGHBOURHOOD,
        {
            "schema": 1,
            "clips": [column.clip for column in clips],
            "roles": [column.role for column in clips],
            "target": [False] * len(clips),
            "mechanisms": [questions[c.clip].mechanism if c.role == "anomaly" else None for c in clips],
            "places": rng.standard_normal((len(clips), 2)).round(2).tolist(),
        },
    )
    suspects = [{"path": path, "distance": distance} for path, distance in wanted.suspects]
    update_run(folder, verdict=json.loads(json.dumps(asdict(verdict))), suspects=suspects)
    held_out = {"mean": 0.0, "sd": 1.0, "threshold": 1.25}
    kind = "chain" if verdict.form in ("single", "default") else "fusion"
    write_json(folder / "detector" / "detector.json", {"schema": 1, "kind": kind, "held_out": held_out})
    return folder


def real_labels(run: Path) -> Oracle:
    """Write evaluation/oracle.json of a finished run, as `tune --oracle` does."""
    rng = np.random.default_rng(1)
    table = json.loads((run / "trials" / "table.json").read_text())
    verdict = TypeAdapter(Verdict).validate_python(json.loads((run / "run.json").read_text())["verdict"])
    labels = Labels(section=("00",) * 30, target_domain=(None,) * 30, anomaly=(False,) * 20 + (True,) * 10)
    trials = [trial["id"] for trial in table["trials"]]
    scores = rng.standard_normal((len(trials), 30)) + np.linspace(0, 2, len(trials))[:, None] * (np.arange(30) >= 20)
    built = {verdict.form: scores.mean(axis=0), "default": scores[trials.index(table["default"])]}
    found = evaluate(labels, trials, scores, built, verdict, machine="blower")
    write_json(
        run / "evaluation" / "oracle.json", {"schema": 1, "labelled": "0", **json.loads(json.dumps(asdict(found)))}
    )
    return found


def _twins(folder: Path, wanted: Wanted, rng: np.random.Generator) -> tuple[list[dict[str, Any]], dict[str, Question]]:
    """Rows of every anomaly, and what it asks; with their files where the run holds them."""
    rows: list[dict[str, Any]] = []
    more: list[dict[str, Any]] = []
    questions = {}
    samples = int(wanted.seconds * RATE)
    for source in range(wanted.pairs):
        normal = wanted.level * rng.standard_normal(samples)
        if wanted.paired:
            rows.append(_row(folder, wanted, f"n{source}", source, normal, None, 0.0))
            if wanted.further is not None:
                more.append(_row(folder / "wanted", wanted, f"n{source}", source, normal, None, 0.0))
        if wanted.nuisances and wanted.paired:
            copy = _row(folder, wanted, f"c{source}", source, 1.2 * normal, None, 0.0)
            rows.append(copy | {"nuisance": "louder"})
        for family in wanted.families:
            for severity in wanted.severities:
                name = f"a{source}-{len(questions)}"
                anomaly = normal.copy()
                anomaly[-samples // 4 :] += severity * wanted.level * rng.standard_normal(samples // 4)
                rows.append(_row(folder, wanted, name, source, anomaly, family, severity))
                questions[name] = Question(
                    family=family, mechanism=wanted.families[family], status="generic", severity=severity
                )
        if wanted.further is not None:
            anomaly = normal + 8 * wanted.level * rng.standard_normal(samples)
            more.append(_row(folder / "wanted", wanted, f"w{source}", source, anomaly, wanted.further, 8.0))
            questions[f"w{source}"] = Question(
                family=wanted.further, mechanism=wanted.families[wanted.further], status="generic", severity=8.0
            )
    if wanted.twins:
        write_manifest(folder / "metadata.jsonl", rows)
        if more:
            write_manifest(folder / "wanted" / "metadata.jsonl", more)
    return [*rows, *(row for row in more if row["condition"] == "anomaly")], questions


def _row(
    folder: Path, wanted: Wanted, name: str, source: int, sound: Any, family: str | None, severity: float
) -> dict[str, Any]:
    file = folder / "clips" / f"{name}.wav"
    if wanted.twins:
        loud = float(np.abs(sound).max()) > 0.99
        write(file, sound[None].astype(np.float32), RATE, "FLOAT" if loud else "PCM_16")
    return {
        "schema": 1,
        "id": name,
        "file_name": f"clips/{name}.wav",
        "sha256": sha256_file(file) if wanted.twins else "0",
        "condition": "anomaly" if family else "normal",
        "caption": f"{wanted.caption}, {'faulty' if family else 'normal'}",
        "twin": f"n{source}" if wanted.paired else None,
        "sources": [f"source{source}"],
        "family": family,
        "mechanism": wanted.families[family] if family else None,
        "status": "generic" if family else None,
        "severity": severity,
        "chain": "none",
        "generator": "faults",
        "revision": "event-added 1",
        "licence": "as the source recording",
    }


def _table(
    wanted: Wanted, rows: Sequence[dict[str, Any]], questions: dict[str, Question], rng: np.random.Generator
) -> ScoreTable:
    anomalies = [row for row in rows if row["condition"] == "anomaly"]
    columns = [_column(f"train/{i}.wav", "normal") for i in range(wanted.normals)]
    columns += [_column(row["id"], "anomaly") for row in anomalies]
    columns += [_column(row["id"], "nuisance") for row in rows if row.get("nuisance")]
    points: list[dict[str, Any]] = [{}]
    for path, values in wanted.axes.items():
        points = [{**point, path: value} for point in points for value in values]
    if wanted.default is not None and wanted.default not in points:
        points.append(wanted.default)
    # The further along the grid, the better the candidate hears severity.
    skill = np.linspace(0.2, 4.0, len(points))[:, None]
    heard = np.array([np.log2(1 + row["severity"]) for row in anomalies])[None]
    scores = rng.standard_normal((len(points), len(columns)))
    scores[:, wanted.normals : wanted.normals + len(anomalies)] += skill * heard
    trials = tuple(
        Trial(
            id=trial_id(wanted.recipe, point), recipe=wanted.recipe, params=point, varied=point, state="complete",
            parameters=10,
        )
        for point in points
    )  # fmt: skip
    return ScoreTable(
        trials=trials,
        columns=tuple(columns),
        scores=scores,
        exams=exams.build(columns, questions),
        default=None if wanted.default is None else trial_id(wanted.recipe, wanted.default),
        paired=wanted.paired,
        taint=wanted.taint,
    )


def _column(clip: str, role: Any) -> Column:
    return Column(clip=clip, repeat=0, fold=0, source=clip, target_domain=None, role=role, chain="none")
