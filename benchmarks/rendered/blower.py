"""A geared centrifugal blower: shaft orders, blade passing, a gear mesh, and flow noise through a resonant casing.

Levels follow Bies & Hansen, Engineering Noise Control: flow noise grows with 50 lg of the speed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from benchmarks.rendered.kinds import Failure, Kind, Machine
from benchmarks.rendered.sounds import Signal, modes, shaped, slow, tone


@dataclass(frozen=True, slots=True, kw_only=True)
class Blower:
    """One blower at one speed and load."""

    shaft_hz: float
    load: float  # 0 to 1: presses the teeth together
    rated_hz: float = 22.0  # at which its flow is as loud as said below
    blades: int = 7
    teeth: int = 29
    mesh_error: float = 0.15  # phase of the mesh, radians, wandering once a turn
    casing_hz: tuple[float, float, float] = (410.0, 1150.0, 2600.0)
    whine: float = 0.0  # amplitude of a dry bearing's self-excited tone
    whine_hz: float = 3000.0

    def sound(self, rng: np.random.Generator, samples: int, rate: int) -> Signal:
        wander = 1 + 0.003 * slow(rng, samples, rate, 2.0) + 0.006 * rng.standard_normal()
        turns = np.cumsum(self.shaft_hz * wander) / rate + rng.random()
        pushed = (self.shaft_hz / self.rated_hz) ** 2.5  # dipole: amplitude with the speed's 2.5th power
        forces = sum(
            (tone(turns * order, rng) * 0.010 / order for order in (1, 2, 3)),
            start=sum(
                (tone(turns * self.blades * k, rng) * 0.020 * pushed / k**1.3 for k in (1, 2, 3, 4)),
                start=np.zeros(samples),
            ),
        )
        error = self.mesh_error * np.sin(2 * np.pi * turns + 2 * np.pi * rng.random())
        for k in (1, 2, 3):
            mesh = np.cos(2 * np.pi * self.teeth * k * turns + k * error + 2 * np.pi * rng.random())
            forces += mesh * (0.004 + 0.008 * self.load) / k
        flow = shaped(rng.standard_normal(samples), rate, lambda f: 1 / (1 + (f / 700) ** 1.2))
        flow *= 0.05 * pushed * (1 + 0.1 * np.cos(2 * np.pi * self.blades * turns))
        # A dry bearing sings at its own pitch, not at the shaft's.
        singing = np.sin(2 * np.pi * np.cumsum(self.whine_hz * (1 + 0.004 * slow(rng, samples, rate, 6.0))) / rate)
        return shaped(forces + flow + self.whine * singing, rate, lambda f: modes(f, self.casing_hz, damping=0.05))


def _another_speed(machine: Machine, grade: float, rng: np.random.Generator) -> Machine:
    assert isinstance(machine, Blower)
    return replace(machine, shaft_hz=machine.shaft_hz * (1 - rng.choice([-1, 1]) * 0.035 * grade))


def _whine(machine: Machine, grade: float, rng: np.random.Generator) -> Machine:
    assert isinstance(machine, Blower)
    return replace(machine, whine=0.0025 * grade, whine_hz=rng.uniform(2200, 4200))


def _worn_mesh(machine: Machine, grade: float, rng: np.random.Generator) -> Machine:
    assert isinstance(machine, Blower)
    return replace(machine, mesh_error=0.15 + 1.0 * grade)


def _loose_casing(machine: Machine, grade: float, rng: np.random.Generator) -> Machine:
    assert isinstance(machine, Blower)
    first, second, third = machine.casing_hz
    return replace(machine, casing_hz=(first, second * (1 - 0.05 * grade), third * (1 - 0.03 * grade)))


def _rotary(setting: Mapping[str, str]) -> Blower:
    return Blower(shaft_hz=14 + 4.0 * int(setting["spd"]), load=int(setting["load"]) / 100)


def _small(setting: Mapping[str, str]) -> Blower:
    return Blower(
        shaft_hz=32 + 5.0 * int(setting["spd"]),
        load=int(setting["load"]) / 100,
        rated_hz=42.0,
        blades=11,
        teeth=23,
        casing_hz=(780.0, 1900.0, 4300.0),
    )


ROTARY = Kind(
    build=_rotary,
    settings={
        "source": tuple((("spd", spd), ("load", load)) for spd in ("1", "2", "3") for load in ("0", "50")),
        "target": ((("spd", "4"), ("load", "25")),),
    },
    failures=(
        Failure("another-speed", _another_speed, ("rate-change",)),
        Failure("whine", _whine, ("tone-added", "stick-slip")),
        Failure("worn-mesh", _worn_mesh, ("mesh-sidebands", "envelope-modulation")),
        Failure("loose-casing", _loose_casing, ("resonance-shift", "spectral-tilt")),
    ),
    room_db=-42,
    bangs_hz=0.4,
)
SMALL = replace(ROTARY, build=_small, room_db=-36, bangs_hz=0.1)
