"""oracle: real labels, opened after the verdict stands in run.json. The one step that may ask for labelled clips."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TypeVar, cast

import numpy as np
from numpy.typing import NDArray
from pydantic import TypeAdapter, ValidationError

from gensup.audio.files import Channel
from gensup.clip import Clip, Json
from gensup.detection.crossfit import fit_and_score
from gensup.detection.detector import load
from gensup.detection.examples import Examples
from gensup.detection.recipe import load as load_recipe
from gensup.engine import Engine, for_workers
from gensup.errors import GensupError
from gensup.evaluation import Labels, Oracle, evaluate
from gensup.metadata import compiled, first_shot, join, labelled, scan, tables_below
from gensup.reporting.run_folder import Run, read_run_folder
from gensup.rng import digest
from gensup.steps.candidates import group_of, is_plain, label_of
from gensup.steps.log import log
from gensup.steps.needed import Needed
from gensup.steps.progress import QUIET, Followed, Progress
from gensup.steps.recordings import Recording, Recordings, listen
from gensup.store import SCHEMA, check_schema, read_json, write_json
from gensup.store.run import RUN, read_run

T = TypeVar("T")
Scores = NDArray[np.float64]


def oracle(
    root: Path,
    out: Path,
    *,
    detectors_overlay: Path | None = None,
    skip_bad: bool = False,
    cache: Path | None = None,
    needed: Needed | None = None,
    attributes: Path | None = None,
    workers: int | None = None,
    progress: Progress = QUIET,
) -> Oracle:
    """Score the finished run ``out`` against the labelled clips of its machine below ``root``.

    Everything else is as the run says: machine, rate, channel, candidates, normal clips. Writes
    ``evaluation/oracle.json``; no other file of the run is touched.

    Args:
        detectors_overlay: the recipes that the run was given.
        skip_bad: leave out labelled clips that the gate refuses.
        needed: what the run's frontends were given; ``attributes`` likewise.

    Raises:
        GensupError: no verdict yet, other recordings than the run's, no labelled clips, or a bad one.
    """
    root, out = Path(root), Path(out)  # text is welcome, too
    run = _finished(out)
    said = _typed(_Said, dict(run.config), str(out / RUN))
    recipes = {name: load_recipe(name, detectors_overlay) for name in {t.recipe for t in run.table.trials}}
    group_by = {name: recipe.group_by for name, recipe in recipes.items()}
    needed = needed or Needed(cache=cache)
    detector = load(out / "detector", needed.means())
    with Followed(for_workers(workers), progress) as engine:
        scanned = scan(root, exclude=[out], pattern=None if said.pattern is None else compiled(said.pattern))
        normals = _normals(root, scanned, said, _sources(out), engine, out, attributes)
        heard = _labelled(root, scanned, said, skip_bad, engine, progress)
        groups = {by: _Groups.of(normals, said.machine, by) for by in {*group_by.values(), detector.group_by}}
        members, left_out = _counted(heard.members, normals, groups.values())
        left_out |= heard.left_out
        like = Recordings(said.machine, normals, said.rate, said.channel)
        others = needed.others(
            tuple(recipes.values()), root, like, out=out, skip_bad=skip_bad, engine=engine, progress=QUIET,
            pattern=said.pattern, attributes=attributes,
        )  # fmt: skip
        noises = needed.noise_for(
            [trial.params for trial in run.table.trials], root, like, others, out=out, skip_bad=skip_bad,
            engine=engine, progress=QUIET, pattern=said.pattern,
        )  # fmt: skip
        scores: dict[str, Scores] = {}
        for by, wide in sorted({(recipe.group_by, recipe.train_on == "all") for recipe in recipes.values()}):
            means = needed.means(out / "frontends", others if wide else None, noises)
            wanted = {
                trial.id: trial.params
                for trial in run.table.trials
                if (group_by[trial.recipe], recipes[trial.recipe].train_on == "all") == (by, wide)
            }
            queries = groups[by].examples(members, domains=False)
            for scored in fit_and_score(engine, wanted, groups[by].examples(normals, domains=True), queries, means):
                scores |= dict(zip(scored.trials, scored.scores[:, 0], strict=True))
        for trial in sorted(trial for trial, values in scores.items() if not np.isfinite(values).all()):
            del scores[trial]
            left_out[trial] = "its scores are not finite"
        if not scores:
            raise GensupError(
                "no candidate can score these clips", where=str(root), remedy="look at the labelled clips"
            )
        built = detector.score(groups[detector.group_by].examples(members, domains=False), engine, needed.means())
    built = built.astype(np.float32).astype(np.float64)  # as candidates' scores are: what is equal there is equal here
    found = evaluate(
        _labels(members),
        sorted(scores),
        np.stack([scores[trial] for trial in sorted(scores)]),
        _rows(run, scores, built),
        run.verdict,
        machine=said.machine,
        left_out=left_out,
    )
    fingerprint = digest([[m.clip.path, m.key, m.clip.condition, m.clip.domain] for m in members])
    record = cast("dict[str, Json]", asdict(found))
    write_json(out / "evaluation" / "oracle.json", {"schema": SCHEMA, "labelled": fingerprint, **record})
    log(out, "oracle", clips=len(members))
    for line in found.lines():
        progress.note(line)
    for why, number in sorted(Counter(left_out.values()).items()):
        progress.note(f"left out: {number}, {why}")
    return found


@dataclass(frozen=True, slots=True)
class _Said:
    """run.json's configuration, as far as clips are read by it."""

    machine: str
    rate: int
    channel: Channel
    pattern: str | None = None  # how the user's own names are read


@dataclass(frozen=True, slots=True)
class _Column:
    """trials/columns.json, as far as it says what was fitted on."""

    clip: str
    source: str
    role: str


@dataclass(frozen=True, slots=True)
class _Groups:
    """The models of one ``group_by``."""

    machine: str
    by: tuple[str, ...]
    models: frozenset[str]

    @classmethod
    def of(cls, normals: Sequence[Recording], machine: str, by: tuple[str, ...]) -> _Groups:
        return cls(machine, by, frozenset(group_of(member.clip, machine, by) for member in normals))

    def model(self, clip: Clip) -> str | None:
        """The model that scores a clip; the only one there is scores also a clip that says no section."""
        if len(self.models) == 1 and (clip.section is None or self.machine in self.models):
            return next(iter(self.models))
        group = group_of(clip, self.machine, self.by)
        return group if group in self.models else None

    def examples(self, members: Sequence[Recording], *, domains: bool) -> Examples:
        """Clips that all have a model, as a detector may see them."""
        known = domains and any(member.clip.domain is not None for member in members)
        return Examples(
            audio=tuple(member.ref for member in members),
            key=tuple(member.key for member in members),
            group=tuple(str(self.model(member.clip)) for member in members),
            target_domain=np.array([m.clip.domain == "target" for m in members]) if known else None,
            label=tuple(label_of(member.clip, self.machine) for member in members) if domains else None,
            plain=np.array([is_plain(member.clip) for member in members]) if domains else None,
        )


def _finished(out: Path) -> Run:
    """The run, once its verdict stands.

    Raises:
        GensupError: it does not.
    """
    if not (out / RUN).is_file() or read_run(out).get("verdict") is None:
        raise GensupError(
            "no verdict yet",
            where=str(out),
            rule="real labels are opened after the verdict stands in run.json, never before",
            remedy="run `gensup tune` to its end first",
        )
    return read_run_folder(out)


def _sources(out: Path) -> dict[str, str]:
    """Path -> sha256 of the decoded sound of every clip that the run's candidates were fitted on."""
    path = out / "trials" / "columns.json"
    content = cast("dict[str, Json]", read_json(path))
    check_schema(content.get("schema"), str(path))
    columns = _typed(list[_Column], content.get("columns"), str(path))
    return {column.clip: column.source for column in columns if column.role == "normal"}


def _normals(
    root: Path,
    scanned: Sequence[Clip],
    said: _Said,
    sources: Mapping[str, str],
    engine: Engine,
    out: Path,
    attributes: Path | None,
) -> tuple[Recording, ...]:
    """The very clips that the run was fitted on, in its order."""
    taken, _ = first_shot(root, scanned, said.machine)
    machines = {clip.machine for clip in scanned if clip.machine is not None}
    asked = () if attributes is None else (attributes,)
    joined = join(root, taken.target, tables_below(root, exclude=[out]), named=asked, machines=machines)
    files = [(clip, root / clip.path) for clip in joined.clips if clip.path in sources]
    if files:
        heard = listen(
            files,
            said.machine,
            rate=said.rate,
            channel=said.channel,
            skip_bad=False,
            engine=engine,
            progress=QUIET,  # the run has said what there is to say of them
        )
        if {member.clip.path: member.key for member in heard.members} == sources:
            return heard.members
    raise GensupError(
        "not the recordings of this run",
        where=str(root),
        value=f"{len(files)} of {len(sources)} clips have the run's paths",
        rule="candidates are fitted on the clips that the run chose with",
        remedy="give the ROOT that the run was given",
    )


def _labelled(
    root: Path, scanned: Sequence[Clip], said: _Said, skip_bad: bool, engine: Engine, progress: Progress
) -> Recordings:
    found = labelled(root, scanned, said.machine)
    if not found:
        raise GensupError(
            "no labelled clips",
            where=str(root),
            value=said.machine,
            rule="the name or the folders of a test clip say normal or anomaly",
            remedy="give a ROOT with labelled test clips, or leave --oracle out",
        )
    return listen(
        [(clip, root / clip.path) for clip in found],
        said.machine,
        rate=said.rate,
        channel=said.channel,
        skip_bad=skip_bad,
        engine=engine,
        progress=progress,
    )


def _counted(
    heard: Sequence[Recording], normals: Sequence[Recording], groups: Collection[_Groups]
) -> tuple[list[Recording], dict[str, str]]:
    """The labelled clips that count, each sound once, and why others do not."""
    trained = {member.key for member in normals}
    conditions: dict[str, set[str | None]] = {}
    for member in heard:
        conditions.setdefault(member.key, set()).add(member.clip.condition)
    members: list[Recording] = []
    left_out: dict[str, str] = {}
    seen: set[str] = set()
    for member in heard:
        if member.key in trained:
            left_out[member.clip.path] = "its sound is a training clip's"
        elif len(conditions[member.key]) > 1:
            left_out[member.clip.path] = "its sound is labelled normal and anomalous"
        elif member.key in seen:
            left_out[member.clip.path] = "its sound is another labelled clip's"
        elif any(group.model(member.clip) is None for group in groups):
            left_out[member.clip.path] = "no model of its section"
        else:
            seen.add(member.key)
            members.append(member)
    return members, left_out


def _labels(members: Sequence[Recording]) -> Labels:
    return Labels(
        section=tuple(m.clip.section or "" for m in members),
        target_domain=tuple(None if m.clip.domain is None else m.clip.domain == "target" for m in members),
        anomaly=tuple(m.clip.condition == "anomaly" for m in members),
    )


def _rows(run: Run, scores: Mapping[str, Scores], built: Scores) -> dict[str, Scores]:
    """What was built, beside the one that ranks first and the published default."""
    beside = {"single": run.verdict.ranking[0][0] if run.verdict.ranking else None, "default": run.table.default}
    rows = {form: scores[trial] for form, trial in beside.items() if trial is not None and trial in scores}
    return {run.verdict.form: built} | {form: row for form, row in rows.items() if form != run.verdict.form}


def _typed(kind: type[T], content: Json | dict[str, Json], where: str) -> T:
    try:
        return TypeAdapter(kind).validate_python(content)
    except ValidationError as error:
        first = error.errors()[0]
        raise GensupError(
            "the record is damaged",
            where=where,
            value=f"{'.'.join(map(str, first['loc']))}: {first['msg']}",
            remedy="run the same `gensup tune` again",
        ) from None
