"""Events that lose strength or stay out: a valve that sticks, a stroke that no longer arrives."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Self

import numpy as np

from gensup.synthesis.own_events import own_events, reason_without_events
from gensup.synthesis.parameters import Allowed, Quantity, checked_severity, fresh_seed
from gensup.synthesis.shaping import added

if TYPE_CHECKING:
    from gensup.audio.files import Audio
    from gensup.audio.profile import SoundProfile
    from gensup.synthesis.records import Params


@dataclass(frozen=True, slots=True, kw_only=True)
class EventWeaker:
    """The clip's own events, ``severity * attenuation_db`` lower; their background stays.

    ``share`` of the events is touched; an event can do no more than go. A clip without events comes back as it is.
    """

    name: ClassVar[str] = "event-weaker"
    version: ClassVar[int] = 1
    ALLOWED: ClassVar[Allowed] = Allowed(
        "event-weaker",
        {"attenuation_db": Quantity(6, 10, 0.5, 60), "share": Quantity(0.6, 1, 0.01, 1)},
    )

    severity: float
    seed: int
    attenuation_db: float
    share: float

    def __post_init__(self) -> None:
        checked_severity(self.severity)

    @classmethod
    def inapplicable(cls, profile: SoundProfile, parameters: Params) -> str | None:
        cls.ALLOWED.ranges(parameters)
        return reason_without_events(profile)

    @classmethod
    def draw(cls, profile: SoundProfile, parameters: Params, severity: float, rng: np.random.Generator) -> Self:
        drawn = cls.ALLOWED.numbers(parameters, rng)
        return cls(
            severity=severity, seed=fresh_seed(rng), attenuation_db=drawn["attenuation_db"], share=drawn["share"]
        )

    def apply(self, audio: Audio, rate: int) -> Audio:
        events = own_events(audio, rate)
        taken = np.zeros_like(audio)
        if events.spans:
            pieces = events.pieces()
            for index in events.chosen(self.share, self.seed):
                start, stop = pieces[index]
                taken[:, start:stop] = events.sound[:, start:stop] - events.beneath[:, start:stop]
        return added(audio, np.float32(10 ** (-self.severity * self.attenuation_db / 20) - 1) * taken)
