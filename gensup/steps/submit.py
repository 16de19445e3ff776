"""submit: the test clips of a year scored, written and packed as its rules ask; and whether a package is sound."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from gensup.detection.detector import load
from gensup.detection.means import Means
from gensup.detection.saved import DESCRIPTION
from gensup.errors import GensupError
from gensup.evaluation.submission import (
    Checked,
    Listing,
    Problem,
    Rules,
    System,
    Table,
    TestClip,
    check,
    document,
    kept,
    label_of,
    listing,
    merged,
    read_tree,
    rows_text,
    rules_of,
    team_of,
    write_package,
    write_system,
    written,
)
from gensup.evaluation.submission.meta_check import check_meta
from gensup.evaluation.submission.package import META, REPORT, TASK, restore
from gensup.resources import parse_yaml
from gensup.steps.alarms import threshold_of
from gensup.steps.needed import Needed
from gensup.steps.progress import QUIET, Progress
from gensup.steps.score import score
from gensup.store.files import read_bytes
from gensup.store.run import RUN, read_run

DETECTOR = "detector"
BASELINE = "data/dcase{year}t2/eval_data"  # where the official baseline puts the evaluation data


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """What ``submit`` wrote."""

    folder: Path  # task2/LABEL
    label: str
    package: Path
    tables: Mapping[str, int]  # machine, section, domain -> clips
    alarms: int
    to_fill_in: tuple[Problem, ...]  # of the meta yaml
    report: bool  # the technical report is there


def submit(
    runs: Sequence[Path],
    *,
    year: int,
    team: str,
    out: Path,
    tests: Path | None = None,
    system: int = 1,
    meta: Path | None = None,
    report: Path | None = None,
    partial: bool = False,
    false_alarms: float | None = None,
    cache: Path | None = None,
    weights: Path | None = None,
    device: str | None = None,
    workers: int | None = None,
    progress: Progress = QUIET,
) -> Submission:
    """Score a year's test clips with tuned detectors, one a machine, and write the files that the challenge takes.

    ``out``/task2/LABEL gets the score and decision files and the meta yaml, ``out``/TEAM.zip all that stands in
    ``out``/task2. Nothing is written before every clip is scored; a system of this label is replaced as a whole, and
    what was filled into its meta yaml by hand is kept.

    Args:
        runs: run folders, or folders of detectors.
        team: last name and institute of the corresponding author, like Guan_HEU, or the whole label.
        tests: folder of the evaluation data; where the official baseline puts it (data/dcaseYEARt2/eval_data) if None.
        system: 1 to 4, which of the team's systems this is.
        meta: YAML with fields of the meta yaml, such as the authors, that replace ours.
        report: the technical report, a PDF, which is put into the package.
        partial: leave out machines of the test that no run is of.
        false_alarms: the share of normal clips that may be called anomalous; None: the detectors' own thresholds.

    Raises:
        GensupError: bad input, a clip that cannot be scored, two detectors of one machine, or machines without one.
    """
    runs, out = [Path(run) for run in runs], Path(out)  # text is welcome, too
    rules, label = rules_of(year), label_of(team, system)
    given = {} if meta is None else parse_yaml(_text(Path(meta)), str(meta))
    paper = None if report is None else _pdf(Path(report))
    systems = _systems(runs, Needed(weights=weights, device=device).means(), false_alarms)
    only = next(iter(systems)) if len(systems) == 1 else None
    listed = listing(_tests(tests, year), rules, machine=only)
    tables = _matched(listed, systems, partial, progress)
    files: dict[str, bytes] = {}
    alarms = 0
    for machine, (folder, _) in systems.items():
        mine = {table: clips for table, clips in tables.items() if table.machine == machine}
        clips = [clip for table in mine.values() for clip in table]
        scored = score(
            folder, [clip.path for clip in clips], false_alarms=false_alarms, cache=cache, weights=weights,
            device=device, workers=workers, progress=progress,
        )  # fmt: skip
        by_name = {one.name: one for one in scored}
        alarms += sum(one.anomalous for one in scored)
        for table, own in mine.items():
            rows = [(clip.name, by_name[clip.path.name]) for clip in own]
            files[rules.file("anomaly_score", table)] = rows_text((n, repr(s.score)) for n, s in rows).encode()
            if rules.decisions:
                files[rules.file("decision_result", table)] = rows_text(
                    (n, str(int(s.anomalous))) for n, s in rows
                ).encode()
    content = document([made for _, made in systems.values()], rules, label)
    restore(out, label)
    there = out / TASK / label / f"{label}{META}"
    if there.is_file():
        content = kept(content, parse_yaml(_text(there), str(there)))
    files[there.name] = written(merged(content, given), rules).encode()
    if paper is not None:
        files[f"{label}{REPORT}"] = paper
    folder = write_system(out, label, files)
    package = write_package(out, team_of(label))
    marked = check_meta(files[there.name], str(there), label, rules, exact=True)
    return Submission(
        folder=folder,
        label=label,
        package=package,
        tables={str(table): len(clips) for table, clips in tables.items()},
        alarms=alarms,
        to_fill_in=tuple(marked),
        report=any((out / TASK).rglob(f"*{REPORT}")),
    )


def check_submission(folder: Path, *, tests: Path | None = None, year: int | None = None) -> Checked:
    """Whether a package (folder or zip), a system's folder or a folder of score files is what the evaluators expect.

    Args:
        tests: folder of the evaluation data, which the files are compared with.
        year: whose rules; the file names say it if None.

    Raises:
        GensupError: no submission there, or no test clips.
    """
    folder = Path(folder)
    tree = read_tree(folder)
    name = folder.resolve().name
    rules = None if year is None else rules_of(year)
    if tests is None:
        return check(tree, name, rules)
    own = rules or rules_of(check(tree, name).years[-1])
    return check(tree, name, rules, listing(Path(tests), own, machine=_only_machine(tree, own)))


def pack(folder: Path) -> Path:
    """Zip a package again after its meta yaml was filled in or its report was added.

    Raises:
        GensupError: no task2/LABEL there, or systems of several teams.
    """
    folder = Path(folder)
    for aside in (folder / TASK).glob(".*.old"):
        restore(folder, aside.name[1:].rsplit(".", 2)[0])
    labels = sorted(path.parent.name for path in (folder / TASK).glob(f"[!.]*/*{META}"))
    teams = sorted({team_of(label) for label in labels})
    if len(teams) != 1:
        raise GensupError(
            "no package of one team",
            where=str(folder),
            value=", ".join(teams) or None,
            rule=f"the files of a system stand in {TASK}/LABEL, with LABEL{META}",
            remedy="name the folder that `gensup submit` wrote",
        )
    return write_package(folder, teams[0])


def _systems(runs: Sequence[Path], means: Means, false_alarms: float | None) -> dict[str, tuple[Path, System]]:
    """Detectors by machine: the folder of each, and what there is to say of it."""
    found: dict[str, tuple[Path, System]] = {}
    for run in runs:
        own = (run / DESCRIPTION).is_file()
        folder = run if own else run / DETECTOR
        if not own and (run / RUN).is_file() and not (folder / DESCRIPTION).is_file():
            raise GensupError(
                "an unfinished run",
                where=str(run),
                rule=f"a finished run has a {DETECTOR}/",
                remedy="run the same `gensup tune` again: it continues",
            )
        if not (folder / DESCRIPTION).is_file():
            raise GensupError(
                "neither a run nor a detector",
                where=str(run),
                rule=f"a run has a {DETECTOR}/, a detector a {DESCRIPTION}",
                remedy="name folders that `gensup tune` or `gensup fit` wrote",
            )
        record = {} if own or not (run / RUN).is_file() else read_run(run)
        detector = load(folder, means)
        made = System(detector, record, threshold_of(detector.held_out, false_alarms))
        if made.machine in found:
            raise GensupError(
                "two detectors of one machine",
                where=str(run),
                value=f"{made.machine}: {found[made.machine][0]}",
                rule="a system scores every clip once",
                remedy="hand the other in as another --system",
            )
        found[made.machine] = folder, made
    if not found:
        raise GensupError("nothing to submit", rule="at least one run")
    return dict(sorted(found.items()))


def _tests(given: Path | None, year: int) -> Path:
    if given is not None:
        return Path(given)
    usual = Path(BASELINE.format(year=year))
    if not usual.is_dir():
        raise GensupError(
            "where are the test clips?",
            rule=f"not in {usual}, where the official baseline puts them",
            remedy="name the folder of the evaluation data with --tests",
        )
    return usual


def _matched(
    listed: Listing, systems: Mapping[str, object], partial: bool, progress: Progress
) -> dict[Table, tuple[TestClip, ...]]:
    """The files to write: those of machines that there is a detector for."""
    lacking = [machine for machine in systems if machine not in listed.machines]
    if lacking:
        raise GensupError(
            "no test clips of this machine",
            where="--tests",
            value=", ".join(lacking),
            rule=f"there are clips of {', '.join(listed.machines)}",
            remedy="name the folder of the evaluation data, or leave the run out",
        )
    others = [machine for machine in listed.due if machine not in systems]
    if others and not partial:
        raise GensupError(
            "machines without a detector",
            value=", ".join(others),
            rule="the evaluators pass over a team that lacks a machine",
            remedy="add their runs, or pass --partial",
        )
    if others:
        progress.note(f"left out, without a detector: {', '.join(others)}")
    for machine in systems:
        if machine in listed.labelled:
            progress.note(f"{machine}: the test names say their labels; this is no evaluation set")
    return {table: clips for table, clips in listed.tables.items() if table.machine in systems}


def _only_machine(tree: Mapping[str, bytes], rules: Rules) -> str | None:
    """The machine of the score files where there is only one: clips whose folders name none are its."""
    said = [rules.read_file(Path(path).name) for path in tree]
    machines = {found[1].machine for found in said if found is not None}
    return machines.pop() if len(machines) == 1 else None


def _text(path: Path) -> str:
    try:
        return read_bytes(path).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise GensupError("not UTF-8", where=str(path), value=str(error), remedy="save the file as UTF-8") from None


def _pdf(path: Path) -> bytes:
    data = read_bytes(path)
    if not data.startswith(b"%PDF-"):
        raise GensupError("not a PDF", where=str(path), rule="the technical report is a pdf file")
    return data
