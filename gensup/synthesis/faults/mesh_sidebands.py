"""Worn gears: the mesh's tone is pressed and hurried once a turn, and sidebands grow beside it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from scipy.fft import fft, ifft, irfft, next_fast_len, rfft
from scipy.ndimage import median_filter

from gensup.synthesis.machine_rate import LOCKS, locked_rate
from gensup.synthesis.parameters import Allowed, Quantity, checked_severity
from gensup.synthesis.shaping import TOP, added
from gensup.synthesis.spectra import spectrum_db

if TYPE_CHECKING:
    from gensup.audio.files import Audio
    from gensup.audio.profile import SoundProfile
    from gensup.synthesis.records import Params


HARMONICS = 3
MOST_RAD = 2.4  # the first zero of J0: the mesh's own line is gone


@dataclass(frozen=True, slots=True, kw_only=True)
class MeshSidebands:
    """Phase and amplitude modulation of the clip's strongest line between two frequencies and of its next harmonics.

    x = sum A_m (1 + a_m(t)) cos(2 pi m f t + b_m(t)), with a(t) and b(t) at the shaft's rate (McFadden, MSSP 1, 1986):
    sidebands at multiples of that rate beside each line. b_m is m times ``phase_rad``, because an error of the tooth's
    place counts m times; a_m is ``depth``. Both go with severity, until the line is gone and the mesh silent once a
    turn.
    """

    name: ClassVar[str] = "mesh-sidebands"
    version: ClassVar[int] = 1
    ALLOWED: ClassVar[Allowed] = Allowed(
        "mesh-sidebands",
        {
            "rate_hz": Quantity(5, 30, 0.5, 200, log=True),
            "per_turn": Quantity(1, 1, 0.1, 20),
            "phase_rad": Quantity(0.5, 1, 0, 2.4),
            "depth": Quantity(0.2, 0.4, 0, 1),
            "phase_turns": Quantity(0, 1, 0, 1),
            "low_hz": Quantity(200, 400, 20, 20_000, log=True),
            "high_hz": Quantity(3000, 5000, 40, 48_000, log=True),
        },
        {"timing": (*LOCKS, "drawn")},
    )

    severity: float
    seed: int
    rate_hz: float
    phase_rad: float
    depth: float
    phase_turns: float
    low_hz: float
    high_hz: float

    def __post_init__(self) -> None:
        checked_severity(self.severity)

    @classmethod
    def inapplicable(cls, profile: SoundProfile, parameters: Params) -> str | None:
        lowest, _ = cls.ALLOWED.ranges(parameters)["low_hz"]
        if lowest > 0.8 * TOP * profile.rate:
            return f"it begins at {lowest:g} Hz, too high for {profile.rate} Hz"
        toneless = profile.shaft_hz is None and profile.kind == "broadband"
        return "its normal clips show no tone that could be a mesh" if toneless else None

    @classmethod
    def draw(cls, profile: SoundProfile, parameters: Params, severity: float, rng: np.random.Generator) -> Self:
        drawn = cls.ALLOWED.numbers(parameters, rng)
        high_hz = min(drawn["high_hz"], TOP * profile.rate)
        return cls(
            severity=severity,
            seed=0,  # this fault has no noise of its own
            rate_hz=locked_rate(profile, cls.ALLOWED.word(parameters, "timing"), drawn["rate_hz"]) * drawn["per_turn"],
            phase_rad=drawn["phase_rad"],
            depth=drawn["depth"],
            phase_turns=drawn["phase_turns"],
            low_hz=min(drawn["low_hz"], 0.8 * high_hz),
            high_hz=high_hz,
        )

    def apply(self, audio: Audio, rate: int) -> Audio:
        samples = audio.shape[1]
        mesh_hz = self.mesh_hz(audio, rate)
        size = next_fast_len(samples + rate // 10, real=True)
        spectrum = rfft(audio, size, axis=1)
        change = np.zeros_like(spectrum)
        # Bands of neighbouring harmonics must not meet; a line's own sidebands belong to its band.
        half_hz = min(mesh_hz / 3, max(30.0, 2.5 * self.rate_hz))
        for m in range(1, HARMONICS + 1):
            low, high = (int((m * mesh_hz + side * half_hz) * size / rate) for side in (-1, 1))
            if m == 1 or high < TOP * size:
                self._modulate(spectrum, change, low, high, m, rate / size)
        return added(audio, irfft(change, size, axis=1)[:, :samples])

    def mesh_hz(self, audio: Audio, rate: int) -> float:
        """The line that stands out most between the two frequencies, in the mean over channels."""
        frequencies, level_db = spectrum_db(audio, rate)
        level = level_db.mean(axis=0)
        excess = level - median_filter(level, size=15, mode="nearest")
        there = (frequencies >= self.low_hz) & (frequencies <= min(self.high_hz, TOP * rate))
        return float(frequencies[np.argmax(np.where(there, excess, -np.inf))]) if there.any() else self.low_hz

    def _modulate(
        self,
        spectrum: NDArray[np.complex64],
        change: NDArray[np.complex64],
        low: int,
        high: int,
        m: int,
        step_hz: float,
    ) -> None:
        """Add to ``change`` what modulating bins [low, high) of ``spectrum`` adds, as their complex envelope."""
        phase_rad = min(self.severity * m * self.phase_rad, MOST_RAD)
        depth = min(self.severity * self.depth, 1.0)
        # Carson's rule and two sidebands more, on either side.
        room = int((phase_rad + 3) * self.rate_hz / step_hz) + 1
        bins = min(high, spectrum.shape[1]) - low
        if bins <= 0:
            return
        length = next_fast_len(bins + 2 * room)
        envelope = ifft(spectrum[:, low : low + bins], length, axis=1)
        turns = np.arange(length) / (length * step_hz) * self.rate_hz + self.phase_turns
        wave = np.cos(2 * np.pi * turns)
        factor = (1 + depth * wave) * np.exp(1j * phase_rad * np.sin(2 * np.pi * turns)) - 1
        bands = fft(envelope * factor, axis=1)
        # Bins beyond the middle are the lower sidebands.
        for there, here, count in ((low, 0, bins + room), (low - room, length - room, room)):
            first = max(0, -there)
            last = min(count, change.shape[1] - there)
            if last > first:
                change[:, there + first : there + last] += bands[:, here + first : here + last]
