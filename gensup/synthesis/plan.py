"""The plan of a twin set: which sources, which faults, how strong - fixed before any sound is made."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from gensup.audio.profile import SoundProfile
from gensup.captions import FaultRow, caption
from gensup.clip import Clip, Json
from gensup.errors import GensupError
from gensup.registry import unknown
from gensup.rng import digest, generator, seed
from gensup.synthesis.nuisance import Nuisance, nuisances
from gensup.synthesis.physical import MECHANISMS
from gensup.synthesis.records import Order

LADDER = (0.125, 0.25, 0.5, 1.0, 2.0, 4.0)  # nominal faults
GUIDANCE_LADDER = (0.5, 1.0, 2.0, 4.0)  # weights of condition guidance; 0 is the normal twin
HIGHEST = 1000.0  # nominal faults; every mechanism has reached its physical bound long before
# Of guidance: four times the ladder's end, and several times what models are used with (2.5 to 7). A model to which the
# caption makes no difference there has no idea of that fault: more would amplify the model's errors.
HIGHEST_GUIDANCE = 16.0
PAIRS = 50
BYTES_A_SAMPLE = 2


@dataclass(frozen=True, slots=True)
class Source:
    """A real normal clip that twins are made from; or, for twins made from noise, what is said of such a clip."""

    clip: Clip
    key: str | None  # sha256 of the decoded audio; None: nothing of the recording is used
    seconds: float
    pair: int = 0  # which noise, where nothing else tells two pairs apart


@dataclass(frozen=True, slots=True)
class Plan:
    """Orders, source by source, and the families that say nothing about this machine, each with the reason."""

    orders: tuple[Order, ...]
    left_out: Mapping[str, str]
    nuisances: bool = True  # whether normal twins have copies that are as normal as they are

    @property
    def copies(self) -> dict[str, tuple[Order, Nuisance]]:
        """The first order of the twin, and what is done to the normal one, by the copy's id."""
        if not self.nuisances:
            return {}
        first = normal_twins(self.orders)
        return {copy: (first[twin], nuisance) for twin in first for copy, nuisance in nuisances(twin).items()}

    def made_with(self, batch: Sequence[Order]) -> set[str]:
        """Ids of all clips that come of a batch: its anomalies, their normal twins and the copies of these."""
        twins = normal_twins(batch)
        copies = (copy for twin in twins for copy in nuisances(twin)) if self.nuisances else ()
        return {*(order.id for order in batch), *twins, *copies}

    @property
    def clips(self) -> int:
        return len(self._every)

    @property
    def hours(self) -> float:
        return sum(order.seconds for order in self._every) / 3600

    @property
    def gibibytes(self) -> float:
        """Size on disk as 16-bit WAV."""
        return sum(o.seconds * o.rate * o.channels * BYTES_A_SAMPLE for o in self._every) / 2**30

    @property
    def fingerprint(self) -> str:
        """Changes when any order does: its source, fault, severity, seed or words; or what is done to normal twins."""
        ordered: list[Json] = [[order.id, order.seed, list(order.captions)] for order in self.orders]
        return digest(ordered, list[Json](self.copies))

    @property
    def _every(self) -> tuple[Order, ...]:
        return (*self.orders, *normal_twins(self.orders).values(), *(order for order, _ in self.copies.values()))


def normal_twins(orders: Sequence[Order]) -> dict[str, Order]:
    """The first order of every normal twin, by the twin's id, in order of the plan."""
    first: dict[str, Order] = {}
    for order in orders:
        first.setdefault(order.twin, order)
    return first


def spread(sources: Sequence[Source], count: int, run_seed: int) -> tuple[Source, ...]:
    """``count`` sources spread over section, domain and attributes: one of each in turn, at random within each."""
    strata: dict[tuple[object, ...], list[Source]] = {}
    for source in sorted(sources, key=lambda s: s.clip.path):
        clip = source.clip
        strata.setdefault((clip.section or "", clip.domain or "", clip.attributes), []).append(source)
    shuffled = [
        [members[i] for i in generator("sources", run_seed, str(stratum)).permutation(len(members))]
        for stratum, members in sorted(strata.items(), key=lambda item: str(item[0]))
    ]
    # Strata that run dry leave their turns to the others.
    turns = [members[turn] for turn in range(max(map(len, shuffled))) for members in shuffled if turn < len(members)]
    return tuple(turns[:count])


def chosen(rows: Sequence[FaultRow], wanted: Sequence[str]) -> list[FaultRow]:
    """The rows of the wanted families or mechanisms; all, if none is named. GensupError when a name is neither."""
    known = sorted({name for row in rows for name in (row.name, row.mechanism)})
    for name in wanted:
        if name not in known:
            raise unknown("fault family or mechanism", name, known, where="--faults")
    return [row for row in rows if not wanted or row.name in wanted or row.mechanism in wanted]


def families(
    rows: Sequence[FaultRow], profile: SoundProfile, wanted: Sequence[str] = ()
) -> tuple[tuple[FaultRow, ...], dict[str, str]]:
    """The rows to make, and those that say nothing about a machine of this sound, with the reason.

    ``wanted`` names families or mechanisms; none means all.

    Raises:
        GensupError: a wanted name is neither, or nothing is left.
    """
    asked = chosen(rows, wanted)
    reasons = {row.name: MECHANISMS.load(row.mechanism).inapplicable(profile, row.parameters) for row in asked}
    kept = tuple(row for row in asked if reasons[row.name] is None)
    if not kept:
        raise GensupError(
            "no fault family applies to this machine",
            value=", ".join(sorted(reasons)),
            rule="; ".join(sorted({reason for reason in reasons.values() if reason})),
            remedy="name others with --faults",
        )
    return kept, {name: reason for name, reason in reasons.items() if reason is not None}


def ladder(severities: Sequence[float], where: str = "--severities", highest: float = HIGHEST) -> tuple[float, ...]:
    """The rungs to make, from the faintest up. 0 is the normal twin, which is made anyway.

    Raises:
        GensupError: a severity that is negative or out of bounds, or none above 0.
    """
    rungs = tuple(sorted({float(severity) for severity in severities if severity != 0}))
    if not rungs or not all(0 < severity <= highest for severity in rungs):
        raise GensupError(
            "not a ladder",
            where=where,
            value=",".join(f"{s:g}" for s in severities),
            rule=f"numbers from 0 to {highest:g}, at least one above 0",
        )
    return rungs


@dataclass(frozen=True, slots=True, kw_only=True)
class Scheme:
    """What all orders of a set have in common: any rung of any family can be ordered by it, now or later."""

    sources: tuple[Source, ...]
    rows: tuple[FaultRow, ...]
    severities: tuple[float, ...]
    generator: str
    rate: int
    channels: int
    seed: int  # of the run
    style: str
    prompts: Path | None = None
    model: str | None = None  # which model at which settings, for generators that draw a twin from noise

    @property
    def highest(self) -> float:
        """The largest severity that means anything: nominal faults, or of a model a weight of guidance."""
        return HIGHEST if self.model is None else HIGHEST_GUIDANCE

    def orders(self, rungs: Mapping[str, Sequence[float]] | None = None) -> Iterator[Order]:
        """Source by source, the families' rungs: those given, or every family at every severity.

        What a fault draws is the same on all rungs of its ladder, whenever they are ordered. A model's noise is the
        same for all orders of a twin.
        """
        for source in self.sources:
            twin = self._twin(source)
            said = caption(source.clip, condition="normal", style=self.style, overlay=self.prompts)
            for row in self.rows:
                severities = self.severities if rungs is None else rungs.get(row.name, ())
                if not severities:
                    continue
                broken = caption(source.clip, condition="anomaly", style=self.style, fault=row, overlay=self.prompts)
                for severity in severities:
                    yield Order(
                        id=digest("order", twin, row.name, row.mechanism, dict(row.parameters), severity),
                        twin=twin,
                        source=source.clip,
                        source_key=source.key,
                        family=row.name,
                        mechanism=row.mechanism,
                        status=row.signature_source,
                        severity=severity,
                        captions=(said, broken),
                        parameters=row.parameters,
                        seed=self._seed(source, twin, row),
                        seconds=source.seconds,
                        rate=self.rate,
                        channels=self.channels,
                    )

    def _twin(self, source: Source) -> str:
        if self.model is None:
            return digest("twin", self.generator, source.key, self.seed)
        clip = source.clip
        said: list[Json] = [clip.machine, clip.section, clip.domain, [list(pair) for pair in clip.attributes]]
        made_of: Json = [source.pair, *said] if source.key is None else source.key
        return digest("twin", self.generator, self.model, made_of, self.seed)

    def _seed(self, source: Source, twin: str, row: FaultRow) -> int:
        return seed("fault", self.seed, source.key, row.name) if self.model is None else seed("twin", twin)
