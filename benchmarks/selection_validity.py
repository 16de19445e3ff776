"""Does the selection choose well? Judged on everything labelled, by labels that it never sees.

    python -m benchmarks.selection_validity [--sets DIR] [--only WORD ...] [--out DIR] [--quick]

Ten rendered machines with 44 failures, each with the mechanisms that are like it withheld; with ``--sets``, labelled
recordings and feature tables below DIR. For each set: what the verdict would build, its single best, fusion and hedge,
the published default, a random candidate, every other rule alone, and two oracles, on ten random halves of the test;
and what becomes of it when only unlike failures are offered. Writes a table, a page and a figure.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import gensup
from benchmarks.rendered import CASES
from benchmarks.validity import audio, sets, tables
from benchmarks.validity.figure import draw
from benchmarks.validity.judging import judged
from benchmarks.validity.records import Case, Outcome
from benchmarks.validity.results import as_csv, as_markdown
from benchmarks.validity.selecting import Effort
from gensup.engine import Engine, for_workers
from gensup.selection.records import Judgement
from gensup.store import write_text

NAME = "selection_validity"
QUICK_FAULTS = ("envelope-modulation", "noise-added", "spectral-tilt", "tone-added")
QUICK = ("ShortRail/worn-damper", "ShortRail/slower-runs")


@dataclass(frozen=True, slots=True)
class Judged:
    """A worker's task: the outcome of a case."""

    doing = "judging"

    def __call__(self, item: tuple[Case, tuple[Judgement, ...] | None]) -> Outcome:
        return judged(*item)


@dataclass(frozen=True, slots=True)
class TableJudged:
    """A worker's task: the outcome of a labelled table, which need not travel."""

    doing = "feature table"

    def __call__(self, path: Path) -> Outcome:
        return judged(tables.case_of_file(path))


def of_rendered(engine: Engine, wanted: Callable[[str], bool], *, quick: bool = False) -> Iterator[Outcome]:
    """Outcomes of the rendered machines' failures."""
    for name, kind in CASES.items():
        if any(wanted(f"{name}/{failure.name}") for failure in kind.failures):
            machine = _quickly(name, engine) if quick else audio.rendered(name, engine)
            yield from _ordered(engine, [item for item in machine.cases() if wanted(item[0].name)])


def _quickly(name: str, engine: Engine) -> audio.RenderedMachine:
    settings = gensup.Settings(pairs=6, severities=(0.25, 1, 4), faults=QUICK_FAULTS)
    effort = Effort(detectors=("mean-gmm", "max-gmm"), settings=settings)
    return audio.rendered(name, engine, effort=effort, train=16, normals=8, anomalies=8, seconds=1.0)


def of_recordings(engine: Engine, given: Sequence[audio.Recorded]) -> Iterator[Outcome]:
    """Outcomes of labelled recordings."""
    for one in given:
        yield judged(audio.recorded(one, engine))


def of_tables(engine: Engine, paths: Sequence[Path]) -> Iterator[Outcome]:
    """Outcomes of labelled feature tables."""
    done = {result.index: result.result() for result in engine.run(TableJudged(), list(paths))}
    yield from (done[i] for i in range(len(paths)))


def _ordered(engine: Engine, cases: Sequence[tuple[Case, tuple[Judgement, ...]]]) -> Iterator[Outcome]:
    done = {result.index: result.result() for result in engine.run(Judged(), list(cases))}
    yield from (done[i] for i in range(len(cases)))


def write(outcomes: Sequence[Outcome], out: Path, command: str) -> None:
    """The table, the page and the figure."""
    figure = out / f"{NAME}.svg"
    draw(outcomes, figure)
    write_text(out / f"{NAME}.csv", as_csv(outcomes))
    write_text(out / f"{NAME}.md", as_markdown(outcomes, figure.name, command))


def main(arguments: Sequence[str] | None = None) -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sets", type=Path, help="a folder of labelled recordings and feature tables")
    parser.add_argument("--only", nargs="+", default=[], help="sets whose name holds one of these words")
    parser.add_argument("--out", type=Path, default=Path(__file__).resolve().parent / "results")
    parser.add_argument("--quick", action="store_true", help="two rendered cases, too few clips to mean anything")
    parser.add_argument("--workers", type=int)
    words = parser.parse_args(arguments)

    def wanted(name: str) -> bool:
        if words.quick:
            return name in QUICK
        return not words.only or any(word in name for word in words.only)

    began = time.monotonic()
    words.out.mkdir(parents=True, exist_ok=True)
    outcomes: list[Outcome] = []
    asked = " --quick" if words.quick else " --sets DIR" if words.sets else ""

    def add(found: Iterator[Outcome]) -> None:
        for outcome in found:
            outcomes.append(outcome)
            print(
                f"{time.monotonic() - began:5.0f} s  {outcome.case}: {outcome.answer}; answer "
                f"{outcome.mean('answer'):.3f}, default {outcome.mean('default'):.3f}, random "
                f"{outcome.mean('random'):.3f}, cross-fit oracle {outcome.mean('cross-fit oracle'):.3f}",
                flush=True,
            )
            # What is done is done: it is not lost to the last set.
            write_text(words.out / f"{NAME}.csv", as_csv(outcomes))

    with for_workers(words.workers) as engine:
        add(of_rendered(engine, wanted, quick=words.quick))
        if words.sets and not words.quick:
            known = sets.known_recordings(words.sets)
            found = sets.tables(words.sets)
            given = known if known or found else sets.recordings(words.sets)
            add(of_recordings(engine, [one for one in given if wanted(one.name)]))
            add(of_tables(engine, [path for path in found if wanted(f"{path.parent.name}/{path.stem}")]))
    if not outcomes:
        parser.error("no set of such a name")
    write(outcomes, words.out, f"python -m benchmarks.{NAME}{asked}")
    print(f"{len(outcomes)} sets, {time.monotonic() - began:.0f} s: {words.out / NAME}.md")


if __name__ == "__main__":
    main()
