"""A bearing's rates, from its geometry to the envelope spectrum."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from gensup.audio.profile import measure
from gensup.synthesis.faults.bearing_impacts import BearingImpacts

RATE = 16_000
SECONDS = 10
FAULT = BearingImpacts(
    severity=1.0, seed=5, part="outer", shaft_hz=20.0, rollers=8, diameter_ratio=0.2, contact_deg=0.0, slip_percent=0.2,
    modulation=0.8, phase_turns=0.3, ring_hz=3000.0, second_ratio=1.8, decay_ms=1.0, level_db=30.0,
)  # fmt: skip


def noise() -> np.ndarray:
    return (0.01 * np.random.default_rng(0).standard_normal((1, SECONDS * RATE))).astype(np.float32)


def envelope_lines(fault: BearingImpacts) -> np.ndarray:
    """Amplitude of each tenth of a Hz in the squared change, the mean apart; slip widens lines to a few of them."""
    change = (fault.apply(noise(), RATE) - noise())[0].astype(float) ** 2
    return np.abs(np.fft.rfft(change - change.mean()))


def line(spectrum: np.ndarray, hz: float) -> float:
    centre = round(hz * SECONDS)
    return float(spectrum[centre - 8 : centre + 9].max())


# Eight balls of a fifth of the pitch diameter on a shaft at 20 Hz.
@pytest.mark.parametrize(
    ("part", "impact_hz", "modulation_hz"),
    [("outer", 64.0, 0.0), ("inner", 96.0, 20.0), ("ball", 96.0, 8.0), ("cage", 8.0, 0.0)],
)
def test_the_geometry_gives_the_rates(part: str, impact_hz: float, modulation_hz: float) -> None:
    fault = replace(FAULT, part=part)
    assert fault.impact_hz == pytest.approx(impact_hz)
    assert fault.modulation_hz == pytest.approx(modulation_hz)


def test_an_oblique_contact_brings_outer_and_inner_closer() -> None:
    oblique = replace(FAULT, contact_deg=60.0)
    assert oblique.impact_hz == pytest.approx(72.0)
    assert replace(oblique, part="inner").impact_hz == pytest.approx(88.0)


@pytest.mark.parametrize("part", ["outer", "inner", "ball"])
def test_the_envelope_has_the_rate_s_line(part: str) -> None:
    fault = replace(FAULT, part=part)
    spectrum = envelope_lines(fault)
    above = np.argmax(spectrum[300:1200]) + 300
    assert above / SECONDS == pytest.approx(fault.impact_hz, rel=0.01)


def test_sidebands_say_what_carries_the_defect_through_the_load() -> None:
    for part, beat in (("inner", 20.0), ("ball", 8.0)):
        fault = replace(FAULT, part=part)
        spectrum = envelope_lines(fault)
        for side in (-1, 1):
            assert line(spectrum, fault.impact_hz + side * beat) > 0.4 * line(spectrum, fault.impact_hz)
        assert line(spectrum, beat) > 0.4 * line(spectrum, fault.impact_hz)
    outer = envelope_lines(FAULT)
    assert line(outer, 44) < 0.2 * line(outer, 64) > line(outer, 84)


def test_slip_adds_up() -> None:
    steady, slipping = (envelope_lines(replace(FAULT, slip_percent=slip)) for slip in (0.0, 5.0))
    # A jitter about fixed places would leave the line; a walk widens it.
    assert slipping[640] < 0.5 * steady[640]


def test_it_rings_at_the_resonance() -> None:
    spectrum = np.abs(np.fft.rfft((FAULT.apply(noise(), RATE) - noise())[0])) ** 2
    hz = np.fft.rfftfreq(SECONDS * RATE, 1 / RATE)
    assert hz[np.argmax(spectrum)] == pytest.approx(3000, abs=80)


def test_the_shaft_is_the_machine_s() -> None:
    profile = measure([noise()], RATE)
    turning = replace(profile, shaft_hz=25.0)
    said = {"rate_hz": 7, "part": "inner"}
    assert BearingImpacts.draw(turning, said, 1.0, np.random.default_rng(0)).shaft_hz == 25
    assert BearingImpacts.draw(profile, said, 1.0, np.random.default_rng(0)).shaft_hz == pytest.approx(7)
    assert BearingImpacts.inapplicable(profile, {"ring_hz": [7500, 9000]}) is not None
