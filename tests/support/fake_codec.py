"""A codec that needs no model - dull, and in 8 bits - and twin sets of clips that went through it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, TypeAlias

import numpy as np
from scipy.signal import butter, sosfilt

from gensup.audio.files import Audio
from gensup.engine import Inline
from gensup.rng import digest
from gensup.steps.recordings import Recording
from gensup.store import SCHEMA, sha256_file, write_json, write_manifest
from gensup.synthesis.codec import CodecNormals, Original
from gensup.synthesis.records import Order, TwinAudio
from tests.support import sounds

Broken: TypeAlias = Callable[[Audio, float, int], Audio]  # a sound, a severity and a number of its own
CHAIN = "fake-codec 1 transfer"
LOW = butter(2, 2000, fs=sounds.RATE, output="sos")


@dataclass(frozen=True, slots=True)
class FakeCodec:
    """A low-pass and 8 bits of full scale; as a generator, faults that are noise."""

    redraws: ClassVar[bool] = False
    preparation: ClassVar[None] = None
    name: ClassVar[str] = "fake-codec"
    chain: ClassVar[str] = CHAIN
    revision: ClassVar[str] = "1"
    licence: ClassVar[str] = "CC0-1.0"

    def check(self, orders: Sequence[Order]) -> None:
        pass

    def round_trip(self, audio: Audio, rate: int) -> Audio:
        return np.asarray(np.round(sosfilt(LOW, audio) * 128) / 128, dtype=np.float32)

    def round_trips(self, audios: Sequence[Audio], rate: int) -> list[Audio]:
        return [self.round_trip(audio, rate) for audio in audios]

    def prepared(self, orders: Sequence[Order], folder: Path) -> FakeCodec:
        return self

    def batches(self, orders: Sequence[Order]) -> list[list[Order]]:
        return [[order for order in orders if order.twin == twin] for twin in dict.fromkeys(o.twin for o in orders)]

    def make(self, batch: Sequence[Order], sources: Sequence[Audio | None]) -> list[TwinAudio]:
        taken = [sounds.hum(order.seed % 2**32) if s is None else s for order, s in zip(batch, sources, strict=True)]
        return [
            TwinAudio(
                self.round_trip(audio, order.rate),
                self.round_trip(hissing(audio, order.severity, order.seed), order.rate),
                {},
            )
            for order, audio in zip(batch, taken, strict=True)
        ]


def hissing(audio: Audio, severity: float, number: int) -> Audio:
    """A fault."""
    noise = np.random.default_rng(number).standard_normal(audio.shape)
    return np.asarray(audio + 0.05 * severity * noise, dtype=np.float32)


def nothing(audio: Audio, severity: float, number: int) -> Audio:
    """No fault at all."""
    return audio


def originals(members: Sequence[Recording]) -> tuple[Original, ...]:
    return tuple(Original(member.key, member.ref, member.clip.path) for member in members)


def twin_set(
    out: Path,
    members: Sequence[Recording],
    *,
    broken: Broken = hissing,
    severities: Sequence[float] = (0.3, 1.0, 3.0),
    paired: bool = True,
    seeds: Sequence[int] = (),
    chain: str = CHAIN,
    normals: Sequence[Recording] = (),
) -> Path:
    """A finished set: twins of the members or, with ``seeds``, of sounds that were made of nothing but these.

    Args:
        normals: the recordings that go through the codec for candidates to be fitted on; none: the set has no normals.
    """
    codec, rows = FakeCodec(), []
    taken: list[tuple[Audio, Recording | None, int]] = [(m.ref.read(), m, i) for i, m in enumerate(members)]
    taken = [(sounds.hum(seed), None, seed) for seed in seeds] or taken
    for audio, member, number in taken:
        for severity in (*((0.0,) if paired else ()), *severities):
            anomalous = severity > 0 or not paired
            clip = digest(chain, number, severity)
            sound = codec.round_trip(broken(audio, severity, number) if anomalous else audio, sounds.RATE)
            file = sounds.write(out / "clips" / f"{clip}.wav", sound)
            rows.append(
                {
                    "schema": SCHEMA,
                    "id": clip,
                    "file_name": f"clips/{clip}.wav",
                    "sha256": sha256_file(file),
                    "caption": "",
                    "condition": "anomaly" if anomalous else "normal",
                    "twin": digest(chain, number, 0.0) if paired else None,
                    "nuisance": None,
                    "sources": [member.key] if member else [],
                    "machine": "fan",
                    "section": "00",
                    "domain": member.clip.domain if member else "source",
                    "family": "hiss" if anomalous else None,
                    "mechanism": "noise-added" if anomalous else None,
                    "status": "cited" if anomalous else None,
                    "severity": severity,
                    "chain": chain,
                    "generator": codec.name,
                }
            )
    write_json(out / "run.json", {"gensup": "0", "schema": SCHEMA, "config": {}})
    if normals:
        through = CodecNormals(out, codec, originals(normals))
        through.make((0, 1), Inline())
        assert through.finish() == 0
    write_manifest(out / "metadata.jsonl", rows)
    return out
