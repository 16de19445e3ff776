"""The page: what a run folder holds, put into the words, tables and pictures of page.html.j2."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.resources import files

import numpy as np
from jinja2 import Environment, StrictUndefined

from gensup.clip import Json
from gensup.reporting.charts import histogram, ladder
from gensup.reporting.drawing import Picture
from gensup.reporting.maps import family_map, main_map
from gensup.reporting.pairs import choose, excerpt, nearest_rung, player
from gensup.reporting.run_folder import Run
from gensup.reporting.slices import Slice, short, slices, utilities
from gensup.reporting.spectrograms import spectrograms
from gensup.selection.constants import constants
from gensup.selection.records import FamilyReport
from gensup.selection.sentence import describe
from gensup.synthesis.physical import MECHANISMS

RANKED = 10  # of the ranking, on the page
LONG = 12  # entries of a list in run.json that are still written out


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
    """One recipe's map, and its families' maps."""

    part: Slice
    picture: Picture
    families: Mapping[str, Picture]


def render(run: Run) -> str:
    """The page's HTML, a function of the run alone."""
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    template = environment.from_string((files("gensup.reporting") / "page.html.j2").read_text(encoding="utf-8"))
    trials = run.trials
    return template.render(
        run=run,
        machine=run.config.get("machine") or "a machine",
        verdict=run.verdict,
        chosen=trials[run.chosen] if run.chosen else None,
        default=trials.get(run.table.default or ""),
        describe=describe,
        briefly=_briefly(run),
        trials=trials,
        rows=_rows(run),
        families=_families(run),
        heaviest=max((report.weight for report in run.verdict.families.values()), default=0.0) or 1.0,
        mechanisms={report.mechanism: _said_of(report.mechanism) for report in run.verdict.families.values()},
        pairs=_pairs(run),
        maps=_maps(run),
        histograms=_histograms(run),
        ladders=_ladders(run),
        difficulty=constants().difficulty,
        max_fpr=constants().max_fpr,
        ranked=RANKED,
        origin=_origin(run),
        settings=list(_leaves({key: value for key, value in run.record.items() if key != "verdict"})),
        unfit=len(run.table.pruned),
    )


def _rows(run: Run) -> list[tuple[str, float]]:
    """The verdict's rows in words."""
    single = "chosen configuration" if run.verdict.answer == "select" else "first in the ranking, not chosen"
    words = {"single": single, "default": "published default", "random": "a candidate drawn at random (mean of all)"}
    ordered = [name for name in words if name in run.verdict.rows]
    others = sorted(set(run.verdict.rows) - set(words))
    return [(words.get(name, name), run.verdict.rows[name]) for name in (*ordered, *others)]


def _briefly(run: Run) -> dict[str, str]:
    """Every trial in as few words as tell it from the others, for tables; its recipe only where there are several."""
    several = len({trial.recipe for trial in run.table.trials}) > 1
    paths = {path for trial in run.table.trials for path in trial.varied}
    names = {path: path.rpartition(".")[2] for path in paths}
    clear = {path: name if list(names.values()).count(name) == 1 else path for path, name in names.items()}
    said = {}
    for trial in run.table.trials:
        varied = ", ".join(f"{clear[path]} {short(value)}" for path, value in sorted(trial.varied.items()))
        said[trial.id] = f"{trial.recipe}: {varied}" if several and varied else varied or trial.recipe
    return said


def _families(run: Run) -> list[tuple[str, FamilyReport]]:
    return sorted(run.verdict.families.items(), key=lambda item: (-item[1].weight, item[1].mechanism, item[0]))


def _said_of(mechanism: str) -> str:
    """What a mechanism says of itself in its first line; nothing for another tool's."""
    if mechanism not in MECHANISMS.names():
        return ""
    lines = (sys.modules[MECHANISMS.load(mechanism).__module__].__doc__ or "").splitlines()
    return lines[0] if lines else ""


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


def _maps(run: Run) -> list[Map]:
    values = utilities(run)
    if not values:
        return []
    every = [auc for family in run.table.families.values() for auc in family.auc]
    scale = (min(0.5, *every), max(every))
    return [
        Map(
            part,
            main_map(part, values),
            {name: family_map(part, name, family, scale) for name, family in sorted(run.table.families.items())}
            if len(part.axes) > 1
            else {},
        )
        for part in sorted(slices(run), key=lambda part: -len(part.marked))
    ]


def _histograms(run: Run) -> list[tuple[str, str, Picture]]:
    """Of the chosen trial and the default: what it is, its name, the picture."""
    roles = np.array(run.table.roles)
    asked = roles == "anomaly"
    if run.clips is not None:
        voting = {name: read for name, read in _read(run).items() if run.table.families[name].weight > 0}
        near = nearest_rung(run.clips, voting or _read(run))
        asked &= np.array([clip in near for clip in run.table.clips])
    if not asked.any() or asked.all():
        return []
    wanted = [("chosen", run.chosen), ("published default", run.table.default)]
    if run.chosen == run.table.default:
        selected = run.verdict.answer == "select"
        wanted = [("chosen, the published default" if selected else "published default, which stands", run.chosen)]
    shown = []
    for what, trial in wanted:
        if trial is None or trial not in run.table.scores:
            continue
        scores = np.array(run.table.scores[trial])
        threshold = run.held_out.threshold if run.held_out and trial == run.chosen else None
        name = describe(run.trials[trial])
        shown.append((what, name, histogram(scores[roles != "anomaly"], scores[asked], name, threshold)))
    return shown


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


def _origin(run: Run) -> dict[str, str]:
    """Where the twins came from, in words."""
    if run.clips is None:
        return {}
    anomalies = [clip for clip in run.clips if clip.condition == "anomaly"]
    sources = {clip.source for clip in run.clips if clip.source is not None}
    said = {
        "twins": f"{len(anomalies)} anomalies of {len(run.clips) - len(anomalies)} normal twins, "
        f"made from {len(sources)} recordings",
    }
    for key in ("generator", "revision", "licence"):
        said[key] = "; ".join(sorted({str(row[key]) for row in run.twin_rows if row.get(key)}))
    return said


def _leaves(node: Json, prefix: str = "") -> Iterator[tuple[str, str]]:
    """(dotted key, value) of everything below a mapping; long lists as their length."""
    if isinstance(node, dict) and (node or not prefix):
        for key in sorted(node):
            yield from _leaves(node[key], f"{prefix}.{key}" if prefix else key)
    elif isinstance(node, list):
        short = len(node) <= LONG
        yield prefix, (", ".join(map(str, node)) or "none") if short else f"{len(node)} entries, see run.json"
    else:
        yield prefix, "not set" if node is None else str(node)
