"""What a twin set is to hold: settings, the generators that they may name, and the plan that they come to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import cast

from gensup.audio.profile import SoundProfile, measure
from gensup.captions import faults_for
from gensup.clip import Json
from gensup.engine import single_threaded
from gensup.errors import GensupError
from gensup.registry import unknown
from gensup.rng import digest
from gensup.steps.engines import Where
from gensup.steps.recordings import Recording, Recordings
from gensup.synthesis.diffusion.family import FAMILIES
from gensup.synthesis.diffusion.settings import Diffusion, check_window
from gensup.synthesis.physical import PhysicalFaults
from gensup.synthesis.plan import (
    GUIDANCE_LADDER,
    HIGHEST,
    HIGHEST_GUIDANCE,
    LADDER,
    PAIRS,
    Plan,
    Scheme,
    Source,
    families,
    ladder,
    spread,
)
from gensup.synthesis.records import Generator
from gensup.synthesis.spoken import conditions, spoken
from gensup.synthesis.twinset import Layout

GENERATORS = (PhysicalFaults.name, *FAMILIES.names())
PROFILED = 64  # clips; more do not change what a machine sounds like


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What decides a twin set's bytes, beside the recordings."""

    generator: str = PhysicalFaults.name
    pairs: int = PAIRS
    severities: tuple[float, ...] | None = None  # None: the generator's own ladder
    faults: tuple[str, ...] = ()  # families or mechanisms; () = all that apply
    seed: int = 0
    style: str = "descriptive"
    layout: Layout = "clips"
    nuisances: bool = True  # copies of the normal twins that are as normal: other levels, colours and noise floors
    diffusion: Diffusion | None = None  # of the text-to-audio generators

    @property
    def own_ladder(self) -> tuple[float, ...]:
        """The rungs of this generator unless others are asked for."""
        return LADDER if self.generator == PhysicalFaults.name else GUIDANCE_LADDER

    def checked(self) -> Settings:
        """Itself in its plain form: the same set has the same settings. GensupError when a value makes no sense."""
        if self.generator not in GENERATORS:
            raise unknown("generator", self.generator, GENERATORS, where="--generator")
        if self.pairs < 1:
            raise GensupError("too few pairs", where="--pairs", value=self.pairs, rule="at least 1")
        physical = self.generator == PhysicalFaults.name
        if physical and self.diffusion is not None:
            raise GensupError(
                "options of text to audio",
                where="--model",
                value=self.diffusion.model,
                rule=f"the generator {self.generator} has no model: it changes recordings",
                remedy=f"leave them out, or --generator {' or '.join(FAMILIES.names())}",
            )
        if not physical and self.diffusion is None:
            raise GensupError(
                "no model is named",
                where="--model",
                rule=f"the generator {self.generator} makes clips by a checkpoint",
                remedy="name a checkpoint's folder, or a hub id",
            )
        highest = HIGHEST if physical else HIGHEST_GUIDANCE
        diffusion = None if self.diffusion is None else self.diffusion.checked()
        if diffusion is not None and not diffusion.strength:
            raise GensupError(
                "a strength that makes no anomaly",
                where="--strength",
                value=0,
                rule="at 0 both twins are the recording after the codec, whatever their captions",
                remedy="a strength above 0; recordings after the codec are in normals/ of every set",
            )
        return replace(
            self,
            severities=ladder(self.own_ladder if self.severities is None else self.severities, highest=highest),
            faults=tuple(sorted(set(self.faults))),
            diffusion=diffusion,
        )

    def described(self) -> dict[str, Json]:
        """For run.json."""
        values = asdict(replace(self, diffusion=None))
        values.pop("diffusion")
        plain = {key: list(value) if isinstance(value, tuple) else value for key, value in values.items()}
        if self.diffusion is not None:
            plain["diffusion"] = self.diffusion.described()
        return {"synthesis": cast("Json", plain)}


@dataclass(frozen=True, slots=True)
class Outline:
    """What is known of a set before its generator is opened: enough to order it."""

    recordings: Recordings
    settings: Settings  # checked
    members: dict[str, Recording]  # each sound once, by key
    profile: SoundProfile | None  # of the machine; physical faults depend on it, words do not
    scheme: Scheme
    left_out: dict[str, str]  # family -> why it says nothing about this machine

    @classmethod
    def of(cls, recordings: Recordings, settings: Settings, prompts: Path | None) -> Outline:
        """Measure the machine where that matters, and choose sources and families."""
        members = {member.key: member for member in recordings.members}
        rows = faults_for(recordings.machine, prompts)
        sources = [Source(m.clip, m.key, m.seconds) for m in members.values()]
        profile = None
        chosen: tuple[Source, ...]
        if settings.diffusion is None:
            profile = _profile(recordings, members, settings)
            rows, left_out = families(rows, profile, settings.faults)
        else:
            rows, left_out = spoken(rows, settings.generator, settings.style, settings.faults, prompts)
        if settings.diffusion is not None and settings.diffusion.twins == "seed":
            chosen = conditions(sources, settings.pairs, settings.seed)
        else:
            chosen = spread(sources, settings.pairs, settings.seed)
        if settings.diffusion is not None and settings.diffusion.window is not None:  # before a folder is begun
            check_window(settings.diffusion.window, min(source.seconds for source in chosen))
        scheme = Scheme(
            sources=chosen,
            rows=rows,
            severities=settings.severities or settings.own_ladder,
            generator=settings.generator,
            rate=recordings.rate,
            channels=1,
            seed=settings.seed,
            style=settings.style,
            prompts=prompts,
            model=None if settings.diffusion is None else "",
        )
        return cls(recordings, settings, members, profile, scheme, left_out)

    def generator(self, where: Where) -> Generator:
        """Who makes the clips. Of a text-to-audio model configurations are read, no weights yet.

        Raises:
            GensupError: a checkpoint that is not there, is damaged, or is another family's; or a device that is not
                here, unless clips are made elsewhere.
        """
        if self.settings.diffusion is None:
            assert self.profile is not None
            return PhysicalFaults(self.profile)
        from gensup.synthesis.diffusion.levels import rms_db
        from gensup.synthesis.diffusion.twins import DiffusionTwins

        made_from_noise = self.settings.diffusion.twins == "seed"
        levels = [rms_db(m.ref.read()) for m in _heard(self.members, self.settings)] if made_from_noise else []
        diffusion = replace(self.settings.diffusion, device=where.device(self.settings.diffusion.device))
        return DiffusionTwins.opened(diffusion, self.settings.generator, levels, elsewhere=where.elsewhere)

    def ordered_by(self, generator: Generator) -> Scheme:
        """The scheme, whose ids tell clips of one model and its settings from those of another."""
        if self.settings.diffusion is None:
            return self.scheme
        return replace(self.scheme, model=digest(generator.revision, generator.chain))

    def plan(self, scheme: Scheme | None = None) -> Plan:
        """Every order. Without the generator's scheme ids are not the final ones: a plan to count by."""
        return Plan(tuple((scheme or self.scheme).orders()), self.left_out, self.settings.nuisances)


def _heard(members: dict[str, Recording], settings: Settings) -> Sequence[Recording]:
    """Recordings that say what the machine sounds like, in the order they are chosen in."""
    sources = [Source(m.clip, m.key, m.seconds) for m in members.values()]
    return [members[source.key] for source in spread(sources, PROFILED, settings.seed) if source.key is not None]


def _profile(recordings: Recordings, members: dict[str, Recording], settings: Settings) -> SoundProfile:
    with single_threaded():
        return measure([member.ref.read() for member in _heard(members, settings)], recordings.rate)
