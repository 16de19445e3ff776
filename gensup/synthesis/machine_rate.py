"""Which of a machine's rates a fault repeats at: the shaft's, the cycle's, or a drawn one where none was measured."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gensup.audio.profile import SoundProfile

LOCKS = ("measured", "shaft", "cycle")


def locked_rate(profile: SoundProfile, lock: str, fallback_hz: float) -> float:
    """Hz of the ``shaft``, the ``cycle`` or either (``measured``, the shaft first); or the fallback."""
    rates = {"shaft": profile.shaft_hz, "cycle": profile.cycle_hz, "measured": profile.shaft_hz or profile.cycle_hz}
    return rates.get(lock) or fallback_hz
