"""A plan carried out: what a shard lacks is made, and the set is finished by whoever makes its last clip."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from shutil import rmtree
from typing import TypeAlias

from gensup.audio.files import AudioRef
from gensup.captions import FaultRow
from gensup.clip import Json
from gensup.engine import Engine, collect
from gensup.errors import GensupError
from gensup.registry import unknown
from gensup.rng import digest
from gensup.steps.engines import Where
from gensup.steps.log import log
from gensup.steps.planning import Outline, Settings
from gensup.steps.progress import Progress
from gensup.steps.recordings import Recording, Recordings
from gensup.steps.shards import (
    JOURNAL,
    REMADE,
    attempt_of,
    counted,
    journalled,
    remade,
    repeated,
    rows_of,
    turn,
    verified,
)
from gensup.store import Journal, RunLock, read_manifest, sweep, write_manifest
from gensup.synthesis.checks import TWICE
from gensup.synthesis.codec import CodecNormals, Original, codec_of
from gensup.synthesis.make import Make
from gensup.synthesis.physical import PhysicalFaults
from gensup.synthesis.plan import Plan, Scheme, ladder, normal_twins
from gensup.synthesis.records import Generator, Order
from gensup.synthesis.tries import REMAKES
from gensup.synthesis.twinset import MANIFEST, Layout, file_names, write_card

Batch: TypeAlias = tuple[Sequence[Order], Sequence[AudioRef | None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Synthesis:
    """What a call of ``synthesize`` planned and did."""

    out: Path
    clips: int  # of the whole plan
    hours: float
    gibibytes: float
    made: int  # clips of the plan that exist now
    refused: Mapping[str, str]  # clip -> why it was not made
    left_out: Mapping[str, str]  # family -> why it says nothing about this machine
    finished: bool  # every shard is done and metadata.jsonl stands
    remade: int = 0  # twins that were made again from another seed, because clips of theirs failed their checks


def report(
    out: Path, plan: Plan, refused: Mapping[str, str], *, finished: bool, made: int = 0, remade: int = 0
) -> Synthesis:
    """What is planned and done."""
    return Synthesis(
        out=out,
        clips=plan.clips,
        hours=plan.hours,
        gibibytes=plan.gibibytes,
        made=made,
        refused=refused,
        left_out=plan.left_out,
        finished=finished,
        remade=remade,
    )


@dataclass(frozen=True, slots=True)
class Work:
    """A plan, and all that is needed to carry it out: ``synthesize`` and ``tune`` share it."""

    plan: Plan
    layout: Layout
    generator: Generator
    sources: Mapping[str, Recording]  # by key
    scheme: Scheme
    wanted: tuple[tuple[str, float], ...] = ()  # the only rungs of the plan, by family; none: the whole ladder
    before: Mapping[str, Order] = field(default_factory=dict)  # order -> the rung before it, which another set holds
    attempts: Mapping[str, int] = field(default_factory=dict)  # twin -> the attempt that another set's clips stand at

    @property
    def files(self) -> dict[str, str]:
        """The place of every clip in the set, by its id."""
        return file_names(self.plan, self.layout)

    @property
    def rows(self) -> tuple[FaultRow, ...]:
        """The families that apply to this machine."""
        return self.scheme.rows

    @classmethod
    def prepared(
        cls, recordings: Recordings, settings: Settings, prompts: Path | None, where: Where | None = None
    ) -> Work:
        """Measure the machine, choose sources and families, open the generator, and order every twin."""
        return cls.of(Outline.of(recordings, settings, prompts), where)

    @classmethod
    def of(cls, outline: Outline, where: Where | None = None) -> Work:
        """Open the generator, and order every twin. Clips are made ``where``; None: here."""
        generator = outline.generator(where or Where())
        scheme = outline.ordered_by(generator)
        plan = outline.plan(scheme)
        generator.check(plan.orders)  # before a run begins: it would be another one once its captions were mended
        return cls(plan, outline.settings.layout, generator, outline.members, scheme)

    def more(self, wanted: Sequence[tuple[str, float]], made: Path | None = None) -> Work:
        """Other rungs for the same set: of these families at these severities, in a folder of their own.

        Sources, generator and what each fault draws are the same: every anomaly has the id and the bytes that it would
        have had in a longer ladder (of a model: the id and the noise), and its normal twin those that it has. Nuisances
        are not made again. The folder's run.json is opened as the first one's, with ``described``. Where every rung
        lies beyond its fault's bound the set is finished and empty: ``made`` is 0.

        Args:
            made: the folder of the first set: from it comes which of a twin's seeds its normal clip came of.

        Raises:
            GensupError: no rung, a severity out of bounds, or a family that is unknown or left out.
        """
        rungs = self._rungs(wanted)
        ordered = tuple(self.scheme.orders(rungs))
        rows = read_manifest(made / MANIFEST) if made is not None and self.generator.redraws else ()
        return replace(
            self,
            plan=Plan(ordered, self.plan.left_out, nuisances=False),
            wanted=tuple((family, severity) for family, severities in rungs.items() for severity in severities),
            # A guidance has no bound that a rung may have reached.
            before={} if self.generator.redraws else self._before(ordered, rungs),
            attempts={str(row["id"]): attempt_of(row) for row in rows if row["id"] == row["twin"]},
        )

    def _before(self, ordered: Sequence[Order], rungs: Mapping[str, Sequence[float]]) -> dict[str, Order]:
        """The rung of the ladder that each order is to be stronger than, unless that is ordered, too."""
        lacking: dict[tuple[str, float], float] = {}
        for family, severities in rungs.items():
            for severity in severities:
                lower = max((rung for rung in (*self.scheme.severities, *severities) if rung < severity), default=None)
                if lower is not None and lower not in severities:
                    lacking[family, severity] = lower
        fainter = {family: tuple(low for (name, _), low in lacking.items() if name == family) for family in rungs}
        others = {(order.twin, order.family, order.severity): order for order in self.scheme.orders(fainter)}
        return {
            order.id: others[order.twin, order.family, lacking[order.family, order.severity]]
            for order in ordered
            if (order.family, order.severity) in lacking
        }

    def _rungs(self, wanted: Sequence[tuple[str, float]]) -> dict[str, tuple[float, ...]]:
        """Severities by family, both in order."""
        if not wanted:
            raise GensupError("no rung is wanted", rule="families, each with a severity")
        made = {row.name for row in self.rows}
        rungs = {}
        for family in sorted({family for family, _ in wanted}):
            if family in self.plan.left_out:
                raise GensupError(
                    "a family that says nothing about this machine", value=family, rule=self.plan.left_out[family]
                )
            if family not in made:
                raise unknown("fault family", family, sorted(made))
            severities = [severity for name, severity in wanted if name == family]
            rungs[family] = ladder(severities, family, self.scheme.highest)
        return rungs

    def described(self, settings: Settings) -> dict[str, Json]:
        """For run.json: the settings, and what they and prompts/ came to."""
        made_by: dict[str, Json] = {"revision": self.generator.revision}
        if isinstance(self.generator, PhysicalFaults):
            made_by["profile"] = digest(repr(self.generator.profile))
        else:
            made_by |= {"chain": self.generator.chain, "licence": self.generator.licence}
        said: dict[str, Json] = {"plan": self.plan.fingerprint, "generator": made_by}
        if self.wanted:
            said["wanted"] = [[family, severity] for family, severity in self.wanted]
        return settings.described() | said

    def make(self, out: Path, shard: tuple[int, int], engine: Engine, progress: Progress) -> Synthesis:
        """Make what is missing of a shard, and finish the set when no shard lacks anything.

        Args:
            engine: what makes clips; see ``engines.Where.makers``.
        """
        if self._whole(out):
            rmtree(out / JOURNAL, ignore_errors=True)  # of a run that was killed before it had cleared up
            progress.note("the set is finished: nothing left to do")
            return self._finished(out)
        part, parts = shard[0] % shard[1], shard[1]
        with RunLock(out / JOURNAL / f"{part}-of-{parts}"):
            log(out, "twins begin", shard=f"{part}/{parts}", orders=len(self.plan.orders))
            done = verified(out, journalled(out).values())
            left = [
                batch
                for i, batch in enumerate(self.generator.batches(self.plan.orders))
                if i % parts == part and not self.plan.made_with(batch) <= done
            ]
            if left:
                self._run(out, f"{part}-of-{parts}", left, self.attempts, engine, progress)
            if (normals := self._normals(out)) is not None:
                normals.make((part, parts), engine)
        return self._finish(out, engine, progress)

    def _run(
        self,
        out: Path,
        journal: str,
        batches: Sequence[Sequence[Order]],
        attempts: Mapping[str, int],
        engine: Engine,
        progress: Progress,
    ) -> None:
        generator = self.generator
        if generator.preparation is not None:
            progress.note(f"{generator.name} {generator.revision}; licence: {generator.licence}")
            prepare = Prepare(out / JOURNAL / "shared", generator, generator.preparation)
            (generator,) = collect(engine, prepare, [self.plan.orders])
        # Where another set holds the normal twins, these cannot be made from another seed.
        remakes = 0 if self.wanted else REMAKES
        make = Make(out, generator, self.files, self.plan.nuisances, self.before, attempts, remakes)
        items: list[Batch] = [
            (batch, [self.sources[o.source_key].ref if o.source_key else None for o in batch]) for batch in batches
        ]
        rows = Journal(out / JOURNAL / f"{journal}.jsonl")
        for result in engine.run(make, items):
            rows.append_many(rows_of(result.result()))

    def _normals(self, out: Path) -> CodecNormals | None:
        """The recordings after the generator's codec, which candidates are to be fitted on; further rungs need none."""
        codec = codec_of(self.generator)
        if codec is None or self.wanted:
            return None
        return CodecNormals(out, codec, [Original(key, m.ref, m.clip.path) for key, m in self.sources.items()])

    def _whole(self, out: Path) -> bool:
        """Whether the set is finished and every clip is as its row says; a damaged set is opened again."""
        manifest = out / MANIFEST
        if not manifest.is_file():
            return False
        rows = read_manifest(manifest)
        sound = verified(out, rows)
        normals = self._normals(out)
        if len(sound) == len(rows) and (normals is None or normals.whole()):
            return True
        Journal(out / JOURNAL / "kept.jsonl").append_many(row for row in rows if row["id"] in sound)
        manifest.unlink()
        return False

    def _finished(self, out: Path, refused: Mapping[str, str] | None = None) -> Synthesis:
        rows = read_manifest(out / MANIFEST)
        return report(out, self.plan, refused or {}, finished=True, made=len(rows), remade=remade(rows))

    def _finish(self, out: Path, engine: Engine, progress: Progress) -> Synthesis:
        """Write the manifest once every order is made or refused, whichever shard did it.

        Shards that end together take turns: who comes second finds the set finished. The lock is not the folder's own,
        whose taking sweeps up temporary files: those of a living shard may be among them.
        """
        with turn(out / JOURNAL / "finish", out / MANIFEST):
            if (out / MANIFEST).is_file():
                return self._finished(out)
            done = journalled(out)
            missing = self.plan.made_with(self.plan.orders) - set(done)
            normals = self._normals(out)
            lacking = normals.finish() if normals is not None else 0
            if missing or lacking:
                beside = f", and {lacking} recordings after the codec," if lacking else ""
                progress.note(f"{len(missing)} of {self.plan.clips} clips{beside} are left to other shards")
                made = sum("refused" not in row for row in done.values())
                return report(out, self.plan, _refused(done), finished=False, made=made)
            done = self._each_once(out, done, engine, progress)
            refused = _refused(done)
            rows = [row for row in done.values() if "refused" not in row]
            if not rows and not self.wanted:
                raise GensupError(
                    "no twin could be made", where=str(out), value=next(iter(refused.values())), remedy="see --faults"
                )
            sweep(out)
            files = self.files
            for clip in refused:  # what was refused when it had been made before
                (out / files[clip]).unlink(missing_ok=True)
            if rows:
                write_card(out, sorted(rows, key=lambda row: str(row["id"])), self.plan.left_out, counted(refused))
            write_manifest(out / MANIFEST, rows)
        rmtree(out / JOURNAL, ignore_errors=True)
        log(out, "set finished", clips=len(rows), refused=len(refused), remade=remade(rows))
        if again := remade(rows):
            progress.note(f"{again} twins were made again from another seed: clips of theirs had failed their checks")
        for reason, count in counted(refused).items():
            progress.note(f"not made, {count}: {reason}")
        return self._finished(out, refused)

    def _each_once(
        self, out: Path, done: dict[str, dict[str, Json]], engine: Engine, progress: Progress
    ) -> dict[str, dict[str, Json]]:
        """The rows without two clips of the same bytes, whichever shards made them: a twin that repeats another's is
        made again from the next seed, and refused in the end."""
        if not self.generator.redraws:
            return done
        normal = normal_twins(self.plan.orders)
        twins = {**{twin: twin for twin in normal}, **{order.id: order.twin for order in self.plan.orders}}
        while again := repeated(done, twins):
            log(out, "clips of the same bytes", clips=len(again))
            attempts = {twins[clip]: attempt_of(done[twins[clip]]) + 1 for clip in again}
            late = [clip for clip in again if self.wanted or attempts[twins[clip]] > REMAKES]
            gone = {*late, *(clip for clip, twin in twins.items() if twin in late)}
            gone |= {copy for copy, (order, _) in self.plan.copies.items() if order.twin in late}
            Journal(out / JOURNAL / f"{REMADE}.jsonl").append_many({"id": c, "refused": TWICE} for c in sorted(gone))
            left = {twin for twin in attempts if twin not in map(twins.__getitem__, late)}
            batches = [[order for order in self.plan.orders if order.twin == twin] for twin in normal if twin in left]
            if batches:
                self._run(out, REMADE, batches, attempts, engine, progress)
            done = journalled(out)
        return done


@dataclass(frozen=True, slots=True)
class Prepare:
    """One worker's task before the first batch: what all of them share."""

    folder: Path
    generator: Generator
    doing: str

    def __call__(self, orders: Sequence[Order]) -> Generator:
        self.folder.mkdir(parents=True, exist_ok=True)
        return self.generator.prepared(orders, self.folder)


def _refused(done: Mapping[str, Mapping[str, Json]]) -> dict[str, str]:
    return {clip: str(row["refused"]) for clip, row in done.items() if "refused" in row}
