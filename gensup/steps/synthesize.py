"""synthesize: a machine's normal clips into a set of twins. A killed run continues; shards need not know each other."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from shutil import rmtree
from typing import cast

from gensup.audio.files import Channel
from gensup.audio.profile import measure
from gensup.captions import FaultRow, faults_for
from gensup.clip import Json
from gensup.engine import Engine, for_workers, single_threaded
from gensup.errors import GensupError
from gensup.registry import unknown
from gensup.rng import digest
from gensup.steps.log import log
from gensup.steps.progress import QUIET, Followed, Progress
from gensup.steps.recordings import Recording, Recordings, normals
from gensup.store import BusyError, Journal, RunLock, open_run, read_manifest, sha256_file, sweep, write_manifest
from gensup.synthesis.codec import CodecNormals, Original, codec_of
from gensup.synthesis.make import Made, Make
from gensup.synthesis.physical import PhysicalFaults
from gensup.synthesis.plan import LADDER, PAIRS, Plan, Scheme, Source, families, ladder, spread
from gensup.synthesis.records import Order
from gensup.synthesis.twinset import MANIFEST, Layout, file_names, write_card

GENERATORS = (PhysicalFaults.name,)
PROFILED = 64  # clips; more do not change what a machine sounds like


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What decides a twin set's bytes, beside the recordings."""

    generator: str = PhysicalFaults.name
    pairs: int = PAIRS
    severities: tuple[float, ...] = LADDER
    faults: tuple[str, ...] = ()  # families or mechanisms; () = all that apply
    seed: int = 0
    style: str = "descriptive"
    layout: Layout = "clips"
    nuisances: bool = True  # copies of the normal twins that are as normal: other levels, colours and noise floors

    def checked(self) -> Settings:
        """Itself in its plain form: the same set has the same settings. GensupError when a value makes no sense."""
        if self.generator not in GENERATORS:
            raise unknown("generator", self.generator, GENERATORS, where="--generator")
        if self.pairs < 1:
            raise GensupError("too few pairs", where="--pairs", value=self.pairs, rule="at least 1")
        return replace(self, severities=ladder(self.severities), faults=tuple(sorted(set(self.faults))))

    def described(self) -> dict[str, Json]:
        """For run.json."""
        plain = {key: list(value) if isinstance(value, tuple) else value for key, value in asdict(self).items()}
        return {"synthesis": cast("Json", plain)}


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


def synthesize(
    root: Path,
    machine: str,
    out: Path,
    *,
    settings: Settings | None = None,
    shard: tuple[int, int] = (0, 1),
    dry_run: bool = False,
    channel: Channel = 0,
    pattern: str | None = None,
    attributes: Path | None = None,
    prompts: Path | None = None,
    skip_bad: bool = False,
    workers: int | None = None,
    progress: Progress = QUIET,
) -> Synthesis:
    """Make a twin set of ``machine`` from the recordings under ``root``, in the folder ``out``.

    Args:
        shard: (I, N): make the I-th of N parts; the part that ends last writes metadata.jsonl.
        dry_run: plan only, and make no folder.
        pattern: how own names are read, see ``metadata.patterns``.
        attributes: a table of attributes that does not lie below ``root``.

    Raises:
        GensupError: bad input, another configuration in ``out``, or a read-only folder.
    """
    root, out = Path(root), Path(out)  # text is welcome, too
    settings = (settings or Settings()).checked()
    place, parts = shard
    if parts < 1 or not 0 <= place <= parts:
        raise GensupError(
            "no such shard", where="--shard", value=f"{place}/{parts}", rule="I/N, I from 1 to N or from 0"
        )
    with Followed(for_workers(workers), progress) as engine:
        recordings = normals(
            root, machine, out=out, channel=channel, skip_bad=skip_bad, engine=engine, progress=progress,
            pattern=pattern, attributes=attributes,
        )  # fmt: skip
        work = Work.prepared(recordings, settings, prompts)
        if dry_run:
            return work.report(out, {}, finished=False)
        open_run(out, {"command": "synthesize"} | recordings.described() | work.described(settings))
        return work.make(out, shard, engine, progress)


@dataclass(frozen=True, slots=True)
class Work:
    """A plan, and all that is needed to carry it out: ``synthesize`` and ``tune`` share it."""

    plan: Plan
    layout: Layout
    generator: PhysicalFaults
    sources: Mapping[str, Recording]  # by key
    scheme: Scheme
    wanted: tuple[tuple[str, float], ...] = ()  # the only rungs of the plan, by family; none: the whole ladder
    before: Mapping[str, Order] = field(default_factory=dict)  # order -> the rung before it, which another set holds

    @property
    def files(self) -> dict[str, str]:
        """The place of every clip in the set, by its id."""
        return file_names(self.plan, self.layout)

    @property
    def rows(self) -> tuple[FaultRow, ...]:
        """The families that apply to this machine."""
        return self.scheme.rows

    @classmethod
    def prepared(cls, recordings: Recordings, settings: Settings, prompts: Path | None) -> Work:
        """Measure the machine, choose sources and families, and order every twin."""
        members = {member.key: member for member in recordings.members}
        sources = [Source(m.clip, m.key, m.seconds) for m in members.values()]
        heard = spread(sources, PROFILED, settings.seed)
        with single_threaded():
            profile = measure([members[source.key].ref.read() for source in heard], recordings.rate)
        rows, left_out = families(faults_for(recordings.machine, prompts), profile, settings.faults)
        scheme = Scheme(
            sources=spread(sources, settings.pairs, settings.seed),
            rows=rows,
            severities=settings.severities,
            generator=settings.generator,
            rate=recordings.rate,
            channels=1,
            seed=settings.seed,
            style=settings.style,
            prompts=prompts,
        )
        plan = Plan(tuple(scheme.orders()), left_out, settings.nuisances)
        return cls(plan, settings.layout, PhysicalFaults(profile), members, scheme)

    def more(self, wanted: Sequence[tuple[str, float]]) -> Work:
        """Other rungs for the same set: of these families at these severities, in a folder of their own.

        Sources, generator and what each fault draws are the same: every anomaly has the id and the bytes that it would
        have had in a longer ladder, and its normal twin those that it has. Nuisances are not made again. The folder's
        run.json is opened as the first one's, with ``described``. Where every rung lies beyond its fault's bound
        the set is finished and empty: ``made`` is 0.

        Raises:
            GensupError: no rung, a severity out of bounds, or a family that is unknown or left out.
        """
        rungs = self._rungs(wanted)
        ordered = tuple(self.scheme.orders(rungs))
        return replace(
            self,
            plan=Plan(ordered, self.plan.left_out, nuisances=False),
            wanted=tuple((family, severity) for family, severities in rungs.items() for severity in severities),
            before=self._before(ordered, rungs),
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
            rungs[family] = ladder(severities, where=family)
        return rungs

    def described(self, settings: Settings) -> dict[str, Json]:
        """For run.json: the settings, and what they and prompts/ came to."""
        made_by: dict[str, Json] = {
            "revision": self.generator.revision,
            "profile": digest(repr(self.generator.profile)),
        }
        said: dict[str, Json] = {"plan": self.plan.fingerprint, "generator": made_by}
        if self.wanted:
            said["wanted"] = [[family, severity] for family, severity in self.wanted]
        return settings.described() | said

    def make(self, out: Path, shard: tuple[int, int], engine: Engine, progress: Progress) -> Synthesis:
        """Make what is missing of a shard, and finish the set when no shard lacks anything."""
        normals = self._normals(out)
        whole = self._whole(out)
        if whole and (normals is None or normals.whole()):
            rmtree(out / "journal", ignore_errors=True)  # of a run that was killed before it had cleared up
            progress.note("the set is finished: nothing left to do")
            return self._finished(out)
        part, parts = shard[0] % shard[1], shard[1]
        with RunLock(out / "journal" / f"{part}-of-{parts}"):
            if not whole:
                self._twins(out, (part, parts), engine)
            if normals is not None:
                normals.make((part, parts), engine)
        return self._finish(out, normals, progress)

    def _twins(self, out: Path, shard: tuple[int, int], engine: Engine) -> None:
        """Make what is missing of a shard's twins; its lock is held."""
        part, parts = shard
        log(out, "twins begin", shard=f"{part}/{parts}", orders=len(self.plan.orders))
        journal = Journal(out / "journal" / f"{part}-of-{parts}.jsonl")
        done = _verified(out, _journalled(out).values())
        batches = [
            (batch, [self.sources[o.source_key].ref if o.source_key else None for o in batch])
            for i, batch in enumerate(self.generator.batches(self.plan.orders))
            if i % parts == part and not self.plan.made_with(batch) <= done
        ]
        make = Make(out, self.generator, self.files, self.plan.nuisances, self.before)
        for result in engine.run(make, batches):
            journal.append_many(_rows(result.result()))

    def _normals(self, out: Path) -> CodecNormals | None:
        """All recordings through the generator's codec, where it has one; further rungs share those of their set."""
        codec = codec_of(self.generator)
        if codec is None or self.wanted:
            return None
        originals = [Original(key, member.ref, member.clip.path) for key, member in self.sources.items()]
        return CodecNormals(out, codec, originals)

    def _whole(self, out: Path) -> bool:
        """Whether the set is finished and every clip is as its row says; a damaged set is opened again."""
        manifest = out / MANIFEST
        if not manifest.is_file():
            return False
        rows = read_manifest(manifest)
        sound = _verified(out, rows)
        if len(sound) == len(rows):
            return True
        Journal(out / "journal" / "kept.jsonl").append_many(row for row in rows if row["id"] in sound)
        manifest.unlink()
        return False

    def _finished(self, out: Path) -> Synthesis:
        return self.report(out, {}, finished=True, made=len(read_manifest(out / MANIFEST)))

    def report(self, out: Path, refused: Mapping[str, str], *, finished: bool, made: int = 0) -> Synthesis:
        """What is planned and done."""
        return Synthesis(
            out=out,
            clips=self.plan.clips,
            hours=self.plan.hours,
            gibibytes=self.plan.gibibytes,
            made=made,
            refused=refused,
            left_out=self.plan.left_out,
            finished=finished,
        )

    def _finish(self, out: Path, normals: CodecNormals | None, progress: Progress) -> Synthesis:
        """Write the manifest once every order is made or refused, whichever shard did it.

        Shards that end together take turns: who comes second finds the set finished. The lock is not the folder's own,
        whose taking sweeps up temporary files: those of a living shard may be among them.
        """
        # First: whoever sees the set's manifest finds its normals, too.
        if normals is not None and (left := normals.finish()):
            progress.note(f"{left} of {len(self.sources)} recordings are left to go through the codec by other shards")
            return self.report(out, {}, finished=False, made=len(_verified(out, _journalled(out).values())))
        with _turn(out / "journal" / "finish", out / MANIFEST):
            if (out / MANIFEST).is_file():
                rmtree(out / "journal", ignore_errors=True)  # of normals that were made again
                return self._finished(out)
            done = _journalled(out)
            refused = {clip: str(row["refused"]) for clip, row in done.items() if "refused" in row}
            rows = [row for row in done.values() if "refused" not in row]
            missing = self.plan.made_with(self.plan.orders) - set(done)
            if missing:
                progress.note(f"{len(missing)} of {self.plan.clips} clips are left to other shards")
                return self.report(out, refused, finished=False, made=len(rows))
            if not rows and not self.wanted:
                raise GensupError(
                    "no twin could be made", where=str(out), value=next(iter(refused.values())), remedy="see --faults"
                )
            sweep(out)
            if rows:
                write_card(out, sorted(rows, key=lambda row: str(row["id"])), self.plan.left_out, _counted(refused))
            write_manifest(out / MANIFEST, rows)
        rmtree(out / "journal", ignore_errors=True)
        log(out, "set finished", clips=len(rows), refused=len(refused))
        for reason, count in _counted(refused).items():
            progress.note(f"not made, {count}: {reason}")
        return self.report(out, refused, finished=True, made=len(rows))


@contextmanager
def _turn(folder: Path, done: Path) -> Iterator[None]:
    """Hold the lock of ``folder``; while another holds it, wait, until ``done`` stands."""
    while not done.is_file():
        try:
            with RunLock(folder):
                yield
                return
        except BusyError:
            time.sleep(0.1)
    yield


def _journalled(out: Path) -> dict[str, dict[str, Json]]:
    """The last row of every clip, from the journals of all shards."""
    rows: dict[str, dict[str, Json]] = {}
    for path in sorted((out / "journal").glob("*.jsonl")):
        rows |= {str(row["id"]): row for row in Journal(path).read()}
    return rows


def _rows(made: Made) -> list[dict[str, Json]]:
    refused: list[dict[str, Json]] = [{"id": order, "refused": reason} for order, reason in made.refused.items()]
    return [*made.rows, *refused]


def _verified(out: Path, rows: Iterable[dict[str, Json]]) -> set[str]:
    """Ids of the rows whose files are there as they were written."""
    return {
        str(row["id"])
        for row in rows
        if "refused" in row or ((path := out / str(row["file_name"])).is_file() and sha256_file(path) == row["sha256"])
    }


def _counted(refused: Mapping[str, str]) -> dict[str, str]:
    reasons = sorted(set(refused.values()))
    return {reason: f"{sum(r == reason for r in refused.values())} clips" for reason in reasons}
