"""A solenoid valve: an opening and a closing impact a cycle, each ringing at its seat's modes; gas while it is open."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from scipy.signal import oaconvolve

from benchmarks.rendered.kinds import Failure, Kind, Machine, speeds
from benchmarks.rendered.sounds import Signal, ring, shaped, slow


@dataclass(frozen=True, slots=True, kw_only=True)
class Valve:
    """One valve at one pattern of switching."""

    cycle_hz: float
    open_share: float  # of a cycle
    opening_hz: tuple[float, float] = (1350.0, 3900.0)
    closing_hz: tuple[float, float] = (2300.0, 5200.0)
    damping: float = 0.03
    gas_hz: float = 2500.0
    squeal: float = 0.0  # amplitude of stick-slip while the plunger moves
    squeal_hz: float = 700.0

    def sound(self, rng: np.random.Generator, samples: int, rate: int) -> Signal:
        cycles = int(samples / rate * self.cycle_hz) + 2
        starts = (np.arange(cycles) - rng.random() + 0.02 * rng.standard_normal(cycles)) / self.cycle_hz
        stops = starts + (self.open_share + 0.01 * rng.standard_normal(cycles)) / self.cycle_hz
        t = np.arange(samples) / rate
        clip = np.zeros(samples)
        for times, hz, strength in ((starts, self.opening_hz, 0.10), (stops, self.closing_hz, 0.20)):
            hits = np.zeros(samples)
            places = np.rint(times * rate).astype(int)
            inside = (places >= 0) & (places < samples)
            hits[places[inside]] = strength * 10 ** (1.0 * rng.standard_normal(inside.sum()) / 20)
            clip += oaconvolve(hits, ring(hz, self.damping, rate))[:samples]
        is_open = np.zeros(samples)
        stroke = np.zeros(samples)
        for start, stop in zip(starts, stops, strict=True):
            is_open[(t >= start) & (t < stop)] = 1
            stroke += np.exp(-0.5 * ((t - start - 0.02) / 0.008) ** 2)
        gas = shaped(
            rng.standard_normal(samples), rate, lambda f: (f / self.gas_hz) ** 2 / (1 + (f / self.gas_hz) ** 4)
        )
        # Relaxation oscillation: a saw, rich in harmonics.
        saw = 2 * np.mod(self.squeal_hz * (1 + 0.02 * slow(rng, samples, rate, 8.0)) * t, 1) - 1
        hum = 0.002 * np.sin(2 * np.pi * 100 * t + rng.random())
        return np.asarray(clip + is_open * (0.012 * gas + hum) + self.squeal * stroke * saw)


def _another_cycle(machine: Machine, grade: float, rng: np.random.Generator) -> Machine:
    assert isinstance(machine, Valve)
    return replace(machine, cycle_hz=machine.cycle_hz * (1 + 0.5 * grade))


def _squeal(machine: Machine, grade: float, rng: np.random.Generator) -> Machine:
    assert isinstance(machine, Valve)
    return replace(machine, squeal=0.03 * grade, squeal_hz=rng.uniform(500, 900))


def _cracked_seat(machine: Machine, grade: float, rng: np.random.Generator) -> Machine:
    assert isinstance(machine, Valve)
    first, second = machine.closing_hz
    return replace(machine, closing_hz=(first * (1 - 0.06 * grade), second * (1 - 0.04 * grade)))


def _lost_damping(machine: Machine, grade: float, rng: np.random.Generator) -> Machine:
    assert isinstance(machine, Valve)
    return replace(machine, damping=machine.damping / (1 + grade))


def _click(setting: Mapping[str, str]) -> Valve:
    cycle_hz, open_share = {"00": (1.5, 0.35), "01": (2.0, 0.5), "02": (2.6, 0.4)}[setting["pat"]]
    return Valve(cycle_hz=cycle_hz, open_share=open_share)


def _large(setting: Mapping[str, str]) -> Valve:
    cycle_hz, open_share = {"00": (0.9, 0.5), "01": (1.3, 0.3), "02": (1.7, 0.6)}[setting["pat"]]
    return Valve(
        cycle_hz=cycle_hz,
        open_share=open_share,
        opening_hz=(640.0, 1800.0),
        closing_hz=(1100.0, 2900.0),
        damping=0.05,
        gas_hz=1400.0,
    )


CLICK = Kind(
    build=_click,
    settings=speeds("pat", ("00", "01"), ("02",)),
    failures=(
        Failure("squeal", _squeal, ("stick-slip", "tone-added")),
        Failure("cracked-seat", _cracked_seat, ("resonance-shift",)),
        Failure("lost-damping", _lost_damping, ("resonance-shift",)),
        Failure("another-cycle", _another_cycle, ("rate-change", "event-added", "event-displaced")),
    ),
    room_db=-44,
    bangs_hz=0.0,
)
LARGE = replace(CLICK, build=_large, room_db=-41, bangs_hz=0.2)
