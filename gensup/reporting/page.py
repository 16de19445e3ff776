"""The page: what a run folder holds, put into the words, tables and pictures of templates/page.html.j2."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from importlib.resources import files

import numpy as np
from jinja2 import Environment, FunctionLoader, StrictUndefined
from numpy.typing import NDArray

from gensup.reporting import words
from gensup.reporting.charts import histogram, ladder
from gensup.reporting.climbs import Climb, Step, climbs, steps
from gensup.reporting.drawing import Picture
from gensup.reporting.families import SHAPES, family_map, marked
from gensup.reporting.maps import main_map
from gensup.reporting.pairs import choose, excerpt, nearest_rung, player
from gensup.reporting.roc import roc
from gensup.reporting.run_folder import BUILT, Run
from gensup.reporting.scatter import scatter
from gensup.reporting.slices import Slice, slices, utilities
from gensup.reporting.spectrograms import spectrograms
from gensup.selection.constants import constants
from gensup.selection.records import FamilyReport
from gensup.selection.sentence import describe

RANKED = 250  # of the ranking, on the page
SCRIPT = "rows.js"  # of the page: it sorts and filters rows
SUSPECTS = 8  # on the first screen; the others are folded away


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """One pair as the page shows it."""

    family: str
    mechanism: str
    severity: float
    read: float
    weight: float
    captions: tuple[str, str]
    players: tuple[str, str]
    spectrograms: tuple[Picture, Picture, Picture]
    gain_db: float
    start: float
    seconds: float
    whole: float
    ids: tuple[str, str]

    @property
    def cut(self) -> bool:
        return self.seconds < self.whole


@dataclass(frozen=True, slots=True)
class Map:
    """One recipe's map."""

    part: Slice
    picture: Picture


def templates() -> Environment:
    """The page's templates; what is put into them is escaped, and a name they do not find is an error."""
    folder = files("gensup.reporting") / "templates"
    return Environment(
        loader=FunctionLoader(lambda name: (folder / name).read_text(encoding="utf-8")),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def render(run: Run) -> str:
    """The page's HTML, a function of the run alone."""
    trials, verdict = run.trials, run.verdict
    worth = utilities(run)
    ids = [trial.id for trial in run.table.trials]
    standing = marked(run)
    scored = _scored(run)
    script = (files("gensup.reporting") / "templates" / SCRIPT).read_text(encoding="utf-8")
    return (
        templates()
        .get_template("page.html.j2")
        .render(
            run=run,
            machine=run.config.get("machine") or "a machine",
            verdict=verdict,
            headline=words.headline(run),
            answer=words.ANSWERS[verdict.answer],
            how_built=words.how_built(run),
            otherwise=words.otherwise(run),
            suspects=run.suspects,
            dropped=_dropped(run),
            suspects_shown=SUSPECTS,
            default=trials.get(run.table.default or ""),
            describe=describe,
            briefly=words.briefly(run),
            trials=trials,
            rows=words.rows(verdict),
            gains=words.gains(verdict),
            quartile=words.quartile(verdict),
            shown=words.shown(verdict, ids, worth),
            worth=dict(zip(ids, worth, strict=False)),
            standing={trial: [name for name, of in standing.items() if trial in of] for trial in ids},
            families=_families(run),
            asked_for={name: words.asked_for(run, name) for name in verdict.families},
            heaviest=max((report.weight for report in verdict.families.values()), default=0.0) or 1.0,
            mechanisms={report.mechanism: words.said_of(report.mechanism) for report in verdict.families.values()},
            family_map=family_map(run) if verdict.families else None,
            signs={"circle": "●", "diamond": "◆", "square": "■"},
            shapes={name: SHAPES[name] for name in standing},
            pairs=_pairs(run),
            maps=_maps(run, worth),
            histograms=_histograms(run, scored),
            roc=roc([(one.name, one.negative, one.anomaly) for one in scored], constants().max_fpr) if scored else None,
            climbs=_climbs(run),
            scatter=_scatter(run),
            script=script,
            script_hash="sha256-" + b64encode(sha256(script.encode()).digest()).decode(),
            ladders=_ladders(run),
            constants=constants(),
            ranked=RANKED,
            origin=words.origin(run),
            oracle=run.oracle,
            findings=_findings(run),
            settings=list(words.leaves({key: value for key, value in run.record.items() if key not in _APART})),
            unfit=len(run.table.pruned),
        )
    )


_APART = ("verdict", "suspects")  # of run.json, which the page shows in its own words


def _families(run: Run) -> list[tuple[str, FamilyReport]]:
    return sorted(run.verdict.families.items(), key=lambda item: (-item[1].weight, item[1].mechanism, item[0]))


def _dropped(run: Run) -> int:
    choosing = run.config.get("choosing")
    dropped = choosing.get("drop_suspects") if isinstance(choosing, dict) else None
    return dropped if isinstance(dropped, int) else 0


def _read(run: Run) -> dict[str, float]:
    return {name: family.severity for name, family in run.table.families.items()}


def _pairs(run: Run) -> list[Heard]:
    if run.clips is None:
        return []
    weight = {name: report.weight for name, report in run.verdict.families.items()}
    read = _read(run)
    heard = []
    for pair in choose(run.clips, read, weight):
        part = excerpt(pair)
        family, mechanism = str(pair.anomaly.family), str(pair.anomaly.mechanism)
        heard.append(
            Heard(
                family=family,
                mechanism=mechanism,
                severity=pair.anomaly.severity,
                read=read[family],
                weight=weight.get(family, 0.0),
                captions=(pair.normal.caption, pair.anomaly.caption),
                players=(player(part.normal, part.rate, part.gain_db), player(part.anomaly, part.rate, part.gain_db)),
                spectrograms=spectrograms(part, f"{family} at severity {pair.anomaly.severity:g}"),
                gain_db=part.gain_db,
                start=part.start,
                seconds=part.seconds,
                whole=part.whole,
                ids=(pair.normal.id, pair.anomaly.id),
            )
        )
    return heard


def _maps(run: Run, worth: tuple[float, ...]) -> list[Map]:
    if not worth:
        return []
    parts = sorted(slices(run), key=lambda part: (-len(part.marked), part.recipe))
    return [Map(part, main_map(part, worth)) for part in parts]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scored:
    """How what was built, or the default, scores the clips of the first arrangement."""

    what: str
    name: str
    row: str
    normal: NDArray[np.float64]
    nuisance: NDArray[np.float64]
    anomaly: NDArray[np.float64]  # at the rung nearest to the severity that is read

    @property
    def negative(self) -> NDArray[np.float64]:
        """What an exam tells anomalies from."""
        return np.concatenate([self.normal, self.nuisance])


def _scored(run: Run) -> list[Scored]:
    """Of what was built and the default."""
    roles = np.array(run.table.roles)
    asked = roles == "anomaly"
    if run.clips is not None:
        voting = {name: read for name, read in _read(run).items() if run.table.families[name].weight > 0}
        scored = set(run.table.clips)
        near = nearest_rung([clip for clip in run.clips if clip.id in scored], voting or _read(run))
        asked &= np.array([clip in near for clip in run.table.clips])
    normal = np.isin(roles, ["normal", "sham"])
    if not asked.any() or not normal.any():
        return []
    standing = run.verdict.form == "default"
    wanted = [("built: the published default" if standing else "built", BUILT)]
    if run.table.default is not None and not standing:
        wanted.append(("published default", run.table.default))
    found = []
    for what, row in wanted:
        if row not in run.table.scores:
            continue
        scores = np.array(run.table.scores[row])
        several = row == BUILT and run.verdict.form in ("fusion", "hedged")
        alone = run.verdict.members[0] if row == BUILT else row
        name = words.built(run.verdict) if several else describe(run.trials[alone])
        found.append(
            Scored(
                what=what, name=name, row=row, normal=scores[normal], nuisance=scores[roles == "nuisance"],
                anomaly=scores[asked],
            )
        )  # fmt: skip
    return found


def _histograms(run: Run, scored: Sequence[Scored]) -> list[tuple[str, str, Picture]]:
    """What it is, its name, the picture."""
    pictures = []
    for one in scored:
        threshold = run.held_out.threshold if run.held_out and one.row == BUILT else None
        picture = histogram(one.normal, one.nuisance, one.anomaly, one.name, threshold)
        pictures.append((one.what, one.name, picture))
    return pictures


def _climbs(run: Run) -> list[tuple[Climb, tuple[Step, ...]]]:
    if run.clips is None:
        return []
    weight = {name: report.weight for name, report in run.verdict.families.items()}
    return [(climb, steps(climb)) for climb in climbs(run.clips, weight)]


def _scatter(run: Run) -> Picture | None:
    if run.neighbourhood is None:
        return None
    weight: dict[str, float] = {}
    for report in run.verdict.families.values():
        weight[report.mechanism] = weight.get(report.mechanism, 0.0) + report.weight
    return scatter(run.neighbourhood, weight)


def _ladders(run: Run) -> list[tuple[str, Picture]]:
    """A picture a mechanism."""
    by_mechanism: dict[str, list[str]] = {}
    for name, report in sorted(run.verdict.families.items()):
        if run.table.ladders.get(name):
            by_mechanism.setdefault(report.mechanism, []).append(name)
    read = _read(run)
    return [
        (mechanism, ladder(mechanism, {name: run.table.ladders[name] for name in names}, read, constants().difficulty))
        for mechanism, names in sorted(by_mechanism.items())
    ]


def _findings(run: Run) -> list[str]:
    """What the labels allow to be said, below the table."""
    if run.oracle is None:
        return []
    said: Mapping[str, str] = words.briefly(run)
    above = 2 + len(run.oracle.rows)  # which clips, the table's header, and its rows
    best = run.oracle.best
    return [line.replace(best, said[best]) if best in said else line for line in run.oracle.lines()[above:]]
