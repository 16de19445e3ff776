"""The generator "faults": twins made from a machine's own normal clips by simulating what physics does to them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from gensup.errors import GensupError
from gensup.registry import Registry
from gensup.synthesis.records import AS_SOURCE, Fault, Order, TwinAudio

if TYPE_CHECKING:
    from gensup.audio.files import Audio
    from gensup.audio.profile import SoundProfile

MECHANISMS = Registry("gensup.synthesis.faults", "fault mechanism")


@dataclass(frozen=True, slots=True)
class PhysicalFaults:
    """Makes twins of real normal clips of the machine that ``profile`` was measured on.

    The drawn parameters say beside the fault's own quantities: ``version`` of the mechanism; ``peak`` of the anomaly
    (above 1 it needs a float file: a gain would part it from its twin); ``change_db``, the RMS of what the fault
    changed over the clip's RMS (None: nothing, as in a clip without events to move).
    """

    profile: SoundProfile

    name: ClassVar[str] = "faults"
    chain: ClassVar[str] = "none"
    licence: ClassVar[str] = AS_SOURCE
    redraws: ClassVar[bool] = False  # the normal twin is a recording
    preparation: ClassVar[None] = None

    def check(self, orders: Sequence[Order]) -> None:
        """Nothing: what a mechanism does not take was refused with its family."""

    @property
    def revision(self) -> str:
        """Every mechanism with its version: raising one makes other clips."""
        return ", ".join(f"{name} {MECHANISMS.load(name).version}" for name in MECHANISMS.names())

    def prepared(self, orders: Sequence[Order], folder: Path) -> PhysicalFaults:
        """Itself: a mechanism needs nothing but the recording."""
        return self

    def batches(self, orders: Sequence[Order]) -> tuple[tuple[Order, ...], ...]:
        """One batch a normal twin, in the plan's order: what is found in the source once serves all of its faults."""
        batches: dict[str, list[Order]] = {}
        for order in orders:
            batches.setdefault(order.twin, []).append(order)
        return tuple(tuple(batch) for batch in batches.values())

    def make(self, batch: Sequence[Order], sources: Sequence[Audio | None]) -> tuple[TwinAudio, ...]:
        """One twin an order, in order. Orders that differ in the severity alone are rungs of one drawn fault.

        Raises:
            GensupError: an order without a source, at another rate than the profile's, or with a parameter or severity
                its mechanism does not take.
        """
        shams: dict[tuple[Fault, int], Audio] = {}
        return tuple(self._twin(order, source, shams) for order, source in zip(batch, sources, strict=True))

    def _twin(self, order: Order, source: Audio | None, shams: dict[tuple[Fault, int], Audio]) -> TwinAudio:
        if source is None:
            raise GensupError(
                "no source recording",
                where=f"order {order.id}",
                rule="the generator faults changes recordings of the machine",
            )
        if order.rate != self.profile.rate:
            raise GensupError(
                "another sampling rate than the profile's",
                where=f"order {order.id}",
                value=order.rate,
                rule=f"the machine was measured at {self.profile.rate} Hz",
            )
        mechanism: type[Fault] = MECHANISMS.load(order.mechanism)
        rng = np.random.default_rng(order.seed)
        fault = mechanism.draw(self.profile, order.parameters, order.severity, rng)
        # The sham runs the very code that the anomaly runs; the rungs of one drawn fault share it.
        sham = replace(fault, severity=0.0)
        if (sham, id(source)) not in shams:
            shams[sham, id(source)] = sham.apply(source, order.rate)
        normal = shams[sham, id(source)]
        anomaly = fault.apply(source, order.rate)
        said = {
            "version": mechanism.version,
            "peak": float(np.abs(anomaly).max()),
            "change_db": _change_db(normal, anomaly),
        }
        return TwinAudio(normal, anomaly, asdict(fault) | said)


def _change_db(normal: Audio, anomaly: Audio) -> float | None:
    change = float(np.mean(np.square(anomaly - normal, dtype=np.float64)))
    level = float(np.mean(np.square(normal, dtype=np.float64)))
    return float(10 * np.log10(change / level)) if change and level else None
