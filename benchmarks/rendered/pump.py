"""A triplex plunger pump: three plungers push a third of a turn apart, and each stroke's valves slam.

Flow is the sum of half-rectified sines; the pipe answers to its changes at its own resonances (Wylie & Streeter, Fluid
Transients in Systems). Air in the liquid slows sound down and so lowers them (Wood's equation). Bubbles that collapse
during suction are short pulses at random times (Brennen, Cavitation and Bubble Dynamics).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from benchmarks.rendered.kinds import Failure, Kind, Machine, speeds
from benchmarks.rendered.sounds import Signal, crossings, decibels, modes, ring, shaped, slow, struck

PLUNGERS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Pump:
    """One pump at one speed."""

    crank_hz: float
    rated_hz: float
    pipe_hz: tuple[float, float, float] = (180.0, 540.0, 930.0)
    seats_hz: tuple[tuple[float, ...], tuple[float, ...]] = ((900.0, 2400.0), (1600.0, 3700.0))  # suction, discharge
    seat_damping: float = 0.04
    delivered: tuple[float, float, float] = (1.0, 1.0, 1.0)  # share of its stroke that each plunger delivers
    discharge_lag: float = 0.0  # of a turn: a discharge valve that closes late falls on returning liquid
    cavitation: float = 0.0  # bubbles a suction stroke
    air: float = 0.0  # how much slower sound is in the liquid

    def sound(self, rng: np.random.Generator, samples: int, rate: int) -> Signal:
        wander = 1 + 0.004 * slow(rng, samples, rate, 1.5) + 0.008 * rng.standard_normal()
        turns = np.cumsum(self.crank_hz * wander) / rate + rng.random()
        flow, valves, bubbles = np.zeros(samples), np.zeros(samples), np.zeros(samples)
        for plunger in range(PLUNGERS):
            phase = turns - plunger / PLUNGERS
            stroke = np.sin(2 * np.pi * phase)
            flow += self.delivered[plunger] * np.maximum(stroke, 0)
            for body_hz, at, loud in zip(self.seats_hz, (0.0, 0.5 + self.discharge_lag), (0.035, 0.06), strict=True):
                times = crossings(phase, 1.0, rate, at)
                late = np.sin(2 * np.pi * (at % 0.5)) if at > 0.5 else 0.0
                # A valve falls as fast as the liquid runs: more when it is late, less when half of it leaks away.
                speed = self.delivered[plunger] * (1 + 3 * late)
                strengths = loud * speed * decibels(rng, len(times), 1.5)
                times = times + 0.001 * rng.standard_normal(len(times))
                valves += struck(times, strengths, ring(body_hz, self.seat_damping, rate), samples, rate)
            if self.cavitation:
                pressure = np.maximum(-stroke, 0) ** 2  # bubbles grow where suction is deepest, and collapse after
                rates = self.cavitation * self.crank_hz * pressure / max(pressure.mean(), 1e-9) / rate
                bubbles += rng.poisson(rates) * rng.exponential(0.03, samples)
        pulses = np.gradient(flow) * rate / (2 * np.pi * self.crank_hz)
        pipe_hz = tuple(hz * (1 - self.air) for hz in self.pipe_hz)
        ripple = shaped(0.03 * flow + 0.02 * pulses, rate, lambda f: modes(f, pipe_hz, damping=0.06 + 0.1 * self.air))
        turbulent = shaped(
            rng.standard_normal(samples), rate, lambda f: modes(f, pipe_hz, 0.1) / (1 + (f / 500) ** 1.5)
        )
        turbulent *= 0.03 * (self.crank_hz / self.rated_hz) ** 1.5 * (0.4 + flow / max(flow.mean(), 1e-9))
        collapse = shaped(bubbles, rate, lambda f: (f / 3000) / (1 + (f / 3000) ** 2))
        return np.asarray(ripple + valves + turbulent + collapse)


def _leaking_valve(machine: Machine, grade: float, rng: np.random.Generator) -> Machine:
    assert isinstance(machine, Pump)
    return replace(machine, delivered=(max(0.0, 1 - 0.5 * grade), 1.0, 1.0))


def _cavitation(machine: Machine, grade: float, rng: np.random.Generator) -> Machine:
    assert isinstance(machine, Pump)
    return replace(machine, cavitation=8.0 * grade)


def _late_valve(machine: Machine, grade: float, rng: np.random.Generator) -> Machine:
    assert isinstance(machine, Pump)
    return replace(machine, discharge_lag=0.06 * grade)


def _slipping_belt(machine: Machine, grade: float, rng: np.random.Generator) -> Machine:
    assert isinstance(machine, Pump)
    return replace(machine, crank_hz=machine.crank_hz * (1 - 0.12 * grade))


def _air(machine: Machine, grade: float, rng: np.random.Generator) -> Machine:
    assert isinstance(machine, Pump)
    return replace(machine, air=min(0.5, 0.12 * grade))


def _plunger(setting: Mapping[str, str]) -> Pump:
    return Pump(crank_hz=4.0 + 1.0 * int(setting["spd"]), rated_hz=6.0)


def _dosing(setting: Mapping[str, str]) -> Pump:
    return Pump(
        crank_hz=1.6 + 0.4 * int(setting["spd"]),
        rated_hz=2.4,
        pipe_hz=(310.0, 880.0, 1500.0),
        seats_hz=((1500.0, 3300.0), (2600.0, 5400.0)),
        seat_damping=0.025,
    )


PLUNGER = Kind(
    build=_plunger,
    settings=speeds("spd", ("1", "2", "3"), ("4",)),
    failures=(
        Failure("leaking-valve", _leaking_valve, ("amplitude-pattern", "event-weaker", "envelope-modulation")),
        Failure("cavitation", _cavitation, ("noise-added", "event-added", "rattle")),
        Failure("late-valve", _late_valve, ("event-displaced", "event-added")),
        Failure("slipping-belt", _slipping_belt, ("rate-change", "event-displaced")),
        Failure("air-in-the-line", _air, ("resonance-shift", "spectral-tilt", "band-weaker")),
    ),
    room_db=-38,
    bangs_hz=0.1,
)
DOSING = replace(PLUNGER, build=_dosing, room_db=-44, bangs_hz=0.3)
