"""A two-stage gearbox: harmonics of both meshes, pressed by the load, and rolling noise, through a resonant housing.

A cracked tooth lets the mesh's amplitude and phase dip once a turn for as long as it carries (McFadden, J. Vib. Acoust.
108, 1986). A pitted outer race is struck once a ball, with slip (Randall & Antoni, MSSP 25, 2011). An eccentric wheel
modulates both once a turn; without oil, metal meets metal and rubs in proportion to load and speed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from benchmarks.rendered.kinds import Failure, Kind, Machine
from benchmarks.rendered.sounds import Signal, crossings, decibels, modes, ring, shaped, slow, struck, tone

LOADED = 0.06  # of a turn: as long as a tooth carries


@dataclass(frozen=True, slots=True, kw_only=True)
class Gearbox:
    """One gearbox at one speed and load."""

    shaft_hz: float
    load: float  # 0 to 1
    rated_hz: float = 25.0
    teeth: tuple[tuple[int, int], tuple[int, int]] = ((21, 67), (19, 55))  # pinion and wheel of each stage
    balls: float = 3.58  # passing the outer race, a turn
    housing_hz: tuple[float, ...] = (520.0, 1500.0, 2900.0)
    eccentric: float = 0.05  # of the first wheel: share of the mesh's amplitude, and phase in radians times 4
    crack: float = 0.0  # how much a tooth gives way
    pitting: float = 0.0  # strength of a ball's impact
    dryness: float = 0.0

    def sound(self, rng: np.random.Generator, samples: int, rate: int) -> Signal:
        wander = 1 + 0.002 * slow(rng, samples, rate, 2.0) + 0.004 * rng.standard_normal()
        turns = np.cumsum(self.shaft_hz * wander) / rate + rng.random()
        driven = self.shaft_hz / self.rated_hz
        forces = tone(turns, rng) * 0.008 + tone(2 * turns, rng) * 0.004
        dip = np.exp(-0.5 * ((np.mod(turns, 1.0) - 0.5) / LOADED) ** 2)  # the first pinion's cracked tooth carries
        for stage, (pinion, wheel) in enumerate(self.teeth):
            slower = turns * pinion / wheel
            once = np.sin(2 * np.pi * slower)
            off = self.eccentric if stage == 0 else 0.05
            amplitude = (0.010 + 0.015 * self.load) * driven * (1 + off * once)
            phase = 4 * off * once
            if stage == 0:
                amplitude = amplitude * (1 + 1.5 * self.crack * dip)
                phase = phase - 0.8 * self.crack * dip
            for k in (1, 2, 3, 4):
                mesh = np.cos(2 * np.pi * pinion * k * turns + k * phase + 2 * np.pi * rng.random())
                forces += amplitude * mesh / k**1.2
            turns = slower
        rolling = shaped(rng.standard_normal(samples), rate, lambda f: (f / 800) / (1 + (f / 800) ** 2.2))
        rubbing = shaped(rng.standard_normal(samples), rate, lambda f: (f / 2500) ** 2 / (1 + (f / 2500) ** 4))
        forces += 0.03 * driven * rolling + 0.05 * self.dryness * (0.3 + 0.7 * self.load) * driven * rubbing
        clip = shaped(forces, rate, lambda f: modes(f, self.housing_hz, damping=0.04))
        if self.pitting:
            passing = np.cumsum(self.shaft_hz * self.balls * wander) / rate + rng.random()
            times = crossings(passing, 1.0, rate)
            times = times + 0.01 / (self.shaft_hz * self.balls) * rng.standard_normal(len(times))
            strengths = self.pitting * decibels(rng, len(times), 2.0)
            clip += struck(times, strengths, ring(self.housing_hz[1:], 0.04, rate), samples, rate)
        return np.asarray(clip)


def _cracked_tooth(machine: Machine, grade: float, rng: np.random.Generator) -> Machine:
    assert isinstance(machine, Gearbox)
    return replace(machine, crack=0.8 * grade)


def _pitted_race(machine: Machine, grade: float, rng: np.random.Generator) -> Machine:
    assert isinstance(machine, Gearbox)
    return replace(machine, pitting=0.02 * grade)


def _eccentric_wheel(machine: Machine, grade: float, rng: np.random.Generator) -> Machine:
    assert isinstance(machine, Gearbox)
    return replace(machine, eccentric=0.05 + 0.4 * grade)


def _dry(machine: Machine, grade: float, rng: np.random.Generator) -> Machine:
    assert isinstance(machine, Gearbox)
    return replace(machine, dryness=0.5 * grade)


def _reducer(setting: Mapping[str, str]) -> Gearbox:
    return Gearbox(shaft_hz=17 + 4.0 * int(setting["spd"]), load=int(setting["load"]) / 100)


def _actuator(setting: Mapping[str, str]) -> Gearbox:
    return Gearbox(
        shaft_hz=46 + 7.0 * int(setting["spd"]),
        load=int(setting["load"]) / 100,
        rated_hz=60.0,
        teeth=((17, 43), (13, 61)),
        balls=2.96,
        housing_hz=(950.0, 2600.0, 4700.0),
    )


REDUCER = Kind(
    build=_reducer,
    settings={
        "source": tuple((("spd", spd), ("load", load)) for spd in ("1", "2", "3") for load in ("20", "80")),
        "target": ((("spd", "4"), ("load", "50")),),
    },
    failures=(
        Failure("cracked-tooth", _cracked_tooth, ("mesh-sidebands", "event-added", "amplitude-pattern")),
        Failure("pitted-race", _pitted_race, ("bearing-impacts", "event-added", "rattle")),
        Failure("eccentric-wheel", _eccentric_wheel, ("mesh-sidebands", "envelope-modulation")),
        Failure("dry-gears", _dry, ("noise-added", "spectral-tilt")),
    ),
    room_db=-40,
    bangs_hz=0.2,
)
ACTUATOR = replace(REDUCER, build=_actuator, room_db=-36, bangs_hz=0.4)
