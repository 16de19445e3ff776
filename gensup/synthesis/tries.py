"""Twins made until their clips are sound: a twin that fails its checks is made again, whole, from the next seed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from gensup.audio.files import Audio, fingerprint, on_16_bit_grid
from gensup.rng import seed
from gensup.synthesis.checks import TWICE, problem, problem_of_generated
from gensup.synthesis.records import Generator, Order, Params, TwinAudio

REMAKES = 3
ATTEMPT = "attempt"  # in a row's parameters: how often its twin was made before; left out where it is the first


@dataclass(frozen=True, slots=True, eq=False)
class Tried:
    """One normal twin and its anomalies, as made at one attempt, and what is wrong with them."""

    attempt: int
    orders: tuple[Order, ...]  # with the seed that they were made from
    normal: Audio
    anomalies: tuple[Audio, ...]  # (orders,), as their files will hold them
    parameters: tuple[Params, ...]  # (orders,)
    refused: Mapping[str, str]  # order -> why


@dataclass(slots=True)
class Trier:
    """Makes the twins of one batch with a generator, again where another seed may mend them.

    Of several attempts at a twin the one with the fewest refused clips stands, the earliest of equals.
    """

    generator: Generator
    before: Mapping[str, Order]  # order -> the rung before it, which another set holds
    attempts: Mapping[str, int]  # twin -> the attempt to begin with; 0 where it does not stand here
    remakes: int = REMAKES
    _seen: dict[str, str] = field(default_factory=dict)  # sound -> twin, of what a redrawing generator made

    def made(self, batch: Sequence[Order], sources: Sequence[Audio | None]) -> tuple[Tried, ...]:
        """Each twin of the batch, in order."""
        members: dict[str, list[tuple[Order, Audio | None]]] = {}
        for order, source in zip(batch, sources, strict=True):
            members.setdefault(order.twin, []).append((order, source))
        attempt = {twin: self.attempts.get(twin, 0) for twin in members}
        best: dict[str, Tried] = {}
        left = list(members)
        while left:
            for tried in self._round({twin: members[twin] for twin in left}, attempt):
                twin = tried.orders[0].twin
                if twin not in best or len(tried.refused) < len(best[twin].refused):
                    best[twin] = tried
                attempt[twin] += 1
            again = self.generator.redraws
            left = [twin for twin in left if again and best[twin].refused and attempt[twin] <= self.remakes]
        return tuple(_told(tried, attempt[twin]) for twin, tried in best.items())

    def _round(
        self, members: Mapping[str, Sequence[tuple[Order, Audio | None]]], attempt: Mapping[str, int]
    ) -> list[Tried]:
        """Every twin once, all of them in one call of the generator."""
        asked = [(at(order, attempt[twin]), source) for twin, own in members.items() for order, source in own]
        elsewhere = [(self.before[order.id], source) for order, source in asked if order.id in self.before]
        both = [*asked, *elsewhere]
        twins = self.generator.make([order for order, _ in both], [source for _, source in both])
        known = {order.id: twin for (order, _), twin in zip(elsewhere, twins[len(asked) :], strict=True)}
        made = iter(zip(asked, twins, strict=False))
        return [self._checked([next(made) for _ in own], attempt[twin], known) for twin, own in members.items()]

    def _checked(
        self,
        made: Sequence[tuple[tuple[Order, Audio | None], TwinAudio]],
        attempt: int,
        known: Mapping[str, TwinAudio],
    ) -> Tried:
        rung: dict[str, Audio] = {}  # the last one of every family
        refused: dict[str, str] = {}
        anomalies = []
        for (order, source), twin in made:
            anomaly = stored(twin.anomaly, twin.normal)
            anomalies.append(anomaly)
            if order.id in self.before:
                other = known[self.before[order.id].id]
                rung[order.family] = stored(other.anomaly, other.normal)
            samples = round(order.seconds * order.rate)
            reason = problem(twin.normal, anomaly, order.rate, rung.get(order.family), samples=samples)
            rung[order.family] = anomaly
            if reason is None and self.generator.redraws:
                reason = problem_of_generated(twin.normal, anomaly, source)
            if reason:
                refused[order.id] = reason
        orders = tuple(order for (order, _), _ in made)
        tried = Tried(
            attempt, orders, made[0][1].normal, tuple(anomalies), tuple(twin.parameters for _, twin in made), refused
        )
        return self._once(tried) if self.generator.redraws else tried

    def _once(self, tried: Tried) -> Tried:
        """The same, without sounds that another order, or the normal twin of another seed, has as well."""
        twin, refused = tried.orders[0].twin, dict(tried.refused)
        heard: dict[str, str] = {}
        if tried.orders[0].source_key is None:
            heard[fingerprint(tried.normal)] = twin
        if any(self._seen.get(sound, twin) != twin for sound in heard):
            refused |= {order.id: TWICE for order in tried.orders if order.id not in refused}
        for order, anomaly in zip(tried.orders, tried.anomalies, strict=True):
            if order.id not in refused:
                sound = fingerprint(anomaly)
                if sound in heard or self._seen.get(sound, twin) != twin:
                    refused[order.id] = TWICE
                heard[sound] = twin
        if not refused:
            self._seen |= heard
        return replace(tried, refused=refused)


def at(order: Order, attempt: int) -> Order:
    """The order with the seed of an attempt. All orders of a twin share it: what is made again is the whole twin."""
    if not attempt:
        return order
    return replace(order, seed=seed("twin", order.twin, attempt), parameters={**order.parameters, ATTEMPT: attempt})


def stored(audio: Audio, normal: Audio) -> Audio:
    """``audio`` as its file holds it.

    What was recorded in 16 bits stays in 16 bits, bit for bit, unless the fault goes beyond full scale.
    """
    loud = float(np.abs(audio).max()) > 32767 / 32768
    if loud or not on_16_bit_grid(normal):
        return audio
    return np.asarray(np.rint(audio * np.float32(32768)) / np.float32(32768), dtype=np.float32)


def _told(tried: Tried, times: int) -> Tried:
    """The same; what is refused for good says how often it was tried."""
    if times <= 1:
        return tried
    return replace(tried, refused={order: f"{why} (made {times} times)" for order, why in tried.refused.items()})
