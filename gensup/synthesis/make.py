"""Orders into files: one worker's task, whole clips only, a row for each that is there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from gensup.audio.files import Audio, AudioRef, on_16_bit_grid, write
from gensup.clip import Condition, Json
from gensup.store import sha256_file
from gensup.synthesis.checks import problem
from gensup.synthesis.records import Generator, Order, Provenance, TwinAudio
from gensup.synthesis.twinset import row


@dataclass(frozen=True, slots=True)
class Made:
    """Rows of the clips that were made, and the orders that were refused, each with the reason."""

    rows: tuple[dict[str, Json], ...]
    refused: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Make:
    """Makes the twins of one batch and writes them; the files are there before their rows are told."""

    doing = "twins"

    folder: Path
    generator: Generator
    files: Mapping[str, str]  # clip id -> place in the folder

    def __call__(self, item: tuple[Sequence[Order], Sequence[AudioRef | None]]) -> Made:
        batch, sources = item
        read: dict[AudioRef, Audio] = {ref: ref.read() for ref in set(sources) if ref is not None}
        twins = self.generator.make(batch, [None if ref is None else read[ref] for ref in sources])
        rows: dict[str, dict[str, Json]] = {}
        refused = {}
        for order, twin in zip(batch, twins, strict=True):
            if reason := problem(twin, order):
                refused[order.id] = reason
                continue
            if order.twin not in rows:
                rows[order.twin] = self._written(order, twin, "normal")
            rows[order.id] = self._written(order, twin, "anomaly")
        return Made(tuple(rows.values()), refused)

    def _written(self, order: Order, twin: TwinAudio, condition: Condition) -> dict[str, Json]:
        anomalous = condition == "anomaly"
        clip_id, audio = (order.id, twin.anomaly) if anomalous else (order.twin, twin.normal)
        path = self.folder / self.files[clip_id]
        # What was recorded in 16 bits stays in 16 bits, bit for bit, unless the fault goes beyond full scale.
        loud = float(abs(audio).max()) > 32767 / 32768
        subtype: Literal["PCM_16", "FLOAT"] = "PCM_16" if on_16_bit_grid(twin.normal) and not loud else "FLOAT"
        write(path, audio, order.rate, subtype)
        provenance = Provenance(
            generator=self.generator.name,
            revision=self.generator.revision,
            licence=self.generator.licence,
            sources=() if order.source_key is None else (order.source_key,),
            caption=order.captions[anomalous],
            condition=condition,
            family=order.family if anomalous else None,
            mechanism=order.mechanism if anomalous else None,
            status=order.status if anomalous else None,
            severity=order.severity if anomalous else 0.0,
            parameters=twin.parameters if anomalous else {},
            seed=order.seed,
            twin=order.twin,
            chain=self.generator.chain,
        )
        return row(clip_id, self.files[clip_id], sha256_file(path), order, provenance)
