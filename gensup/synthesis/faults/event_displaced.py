"""Events out of place: a click that comes late, or twice."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Self

import numpy as np

from gensup.synthesis.own_events import OwnEvents, own_events, reason_without_events
from gensup.synthesis.parameters import Allowed, Quantity, checked_severity, fresh_seed
from gensup.synthesis.shaping import added

if TYPE_CHECKING:
    from gensup.audio.files import Audio
    from gensup.audio.profile import SoundProfile, Span
    from gensup.synthesis.records import Params

SEAM_S = 0.002


@dataclass(frozen=True, slots=True, kw_only=True)
class EventDisplaced:
    """The clip's own events later or double.

    delayed: each touched event comes ``severity * displacement_ms`` late. doubled: it comes again ``displacement_ms``
    later, at ``level_db`` under itself times severity; the echo can be no louder than the event. ``spread_percent`` is
    how much the displacement differs from event to event, ``share`` how many are touched. No event comes later than
    the next one begins. A clip without events comes back as it is.
    """

    name: ClassVar[str] = "event-displaced"
    version: ClassVar[int] = 1
    ALLOWED: ClassVar[Allowed] = Allowed(
        "event-displaced",
        {
            "displacement_ms": Quantity(40, 120, 1, 1000, log=True),
            "spread_percent": Quantity(5, 20, 0, 90),
            "level_db": Quantity(-8, -3, -40, 0),
            "share": Quantity(0.6, 1, 0.01, 1),
        },
        {"mode": ("delayed", "doubled")},
    )

    severity: float
    seed: int
    mode: str
    displacement_ms: float
    spread_percent: float
    level_db: float
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
            severity=severity,
            seed=fresh_seed(rng),
            mode=cls.ALLOWED.word(parameters, "mode"),
            displacement_ms=drawn["displacement_ms"],
            spread_percent=drawn["spread_percent"],
            level_db=drawn["level_db"],
            share=drawn["share"],
        )

    def apply(self, audio: Audio, rate: int) -> Audio:
        events = own_events(audio, rate)
        change = np.zeros_like(audio)
        spread = np.random.default_rng((self.seed, 1)).uniform(-1, 1, len(events.spans)) * self.spread_percent / 100
        for index in events.chosen(self.share, self.seed):
            late = self.displacement_ms / 1000 * rate * (1 + spread[index])
            if self.mode == "doubled":
                self._again(events, index, round(late), change)
            else:
                late = min(round(late * self.severity), events.room_after(index))
                _later(audio, events.spans[index], late, round(SEAM_S * rate), change)
        return added(audio, change)

    def _again(self, events: OwnEvents, index: int, late: int, change: Audio) -> None:
        """Add to ``change`` an event's sound, off its background, ``late`` samples later."""
        start, stop = events.pieces()[index]
        there = change[:, start + late : stop + late]
        echo = np.float32(min(1.0, self.severity * 10 ** (self.level_db / 20)))
        there += echo * events.sound[:, start : start + there.shape[1]]


def _later(audio: Audio, span: Span, late: int, seam: int, change: Audio) -> None:
    """Add to ``change`` what makes an event change places with the ``late`` samples of background that follow it.

    Nothing is lost or made up: a changed level would be heard as a fault of its own. Where the pieces meet, they are
    faded over ``seam`` samples.
    """
    start, stop = span
    if not late:
        return
    moved = np.roll(audio[:, start : stop + late], late, axis=1)
    after = audio[:, stop + late : stop + late + seam]  # what followed the background that now comes first
    seam = min(seam, stop - start, after.shape[1])
    if seam:
        rising = (np.arange(seam, dtype=np.float32) + 0.5) / np.float32(seam)
        event = moved[:, late : late + seam]
        event += (1 - rising) * (after[:, :seam] - event)
    moved -= audio[:, start : stop + late]
    ends = min(round(len(moved[0]) / 2), seam)
    if ends:
        rising = (np.arange(ends, dtype=np.float32) + 0.5) / np.float32(ends)
        moved[:, :ends] *= rising
        moved[:, -ends:] *= rising[::-1]
    change[:, start : stop + late] += moved
