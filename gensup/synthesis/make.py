"""Orders into files: one worker's task, whole clips only, a row for each that is there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeAlias, cast

import numpy as np

from gensup.audio.files import Audio, AudioRef, on_16_bit_grid, write
from gensup.clip import Condition, Json
from gensup.store import sha256_file
from gensup.synthesis.checks import problem, problem_of_copy
from gensup.synthesis.nuisance import nuisances
from gensup.synthesis.records import Generator, Order, Params, Provenance, TwinAudio
from gensup.synthesis.twinset import row

Rows: TypeAlias = dict[str, dict[str, Json]]


@dataclass(frozen=True, slots=True)
class Made:
    """Rows of the clips that were made, and the clips that were refused, each with the reason."""

    rows: tuple[dict[str, Json], ...]
    refused: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Make:
    """Makes the twins of one batch and writes them; the files are there before their rows are told."""

    doing = "twins"

    folder: Path
    generator: Generator
    files: Mapping[str, str]  # clip id -> place in the folder
    nuisances: bool = True
    before: Mapping[str, Order] = field(default_factory=dict)  # order -> the rung before it, which another set holds

    def __call__(self, item: tuple[Sequence[Order], Sequence[AudioRef | None]]) -> Made:
        batch, sources = item
        elsewhere = [(self.before[o.id], ref) for o, ref in zip(batch, sources, strict=True) if o.id in self.before]
        read: dict[AudioRef, Audio] = {ref: ref.read() for ref in set(sources) if ref is not None}
        twins = self.generator.make(
            [*batch, *(order for order, _ in elsewhere)],
            [None if ref is None else read[ref] for ref in [*sources, *(ref for _, ref in elsewhere)]],
        )
        known = {order.id: twin for (order, _), twin in zip(elsewhere, twins[len(batch) :], strict=True)}
        rows: Rows = {}
        refused: dict[str, str] = {}
        rung: dict[str, Audio] = {}  # the last one of every family
        for order, twin in zip(batch, twins[: len(batch)], strict=True):
            anomaly = stored(twin.anomaly, twin.normal)
            if order.id in self.before:
                other = known[self.before[order.id].id]
                rung[order.family] = stored(other.anomaly, other.normal)
            reason = problem(twin.normal, anomaly, order.rate, rung.get(order.family))
            rung[order.family] = anomaly
            if reason:
                refused[order.id] = reason
                continue
            if order.twin not in rows:
                rows[order.twin] = self._written(order.twin, twin.normal, order, "normal")
                if self.nuisances:
                    self._copy(order, twin, rows, refused)
            rows[order.id] = self._written(order.id, anomaly, order, "anomaly", twin.parameters)
        for order in batch:
            if order.twin not in rows:  # no fault of it could be made: it twins nothing
                alone = [order.twin, *(nuisances(order.twin) if self.nuisances else ())]
                refused |= dict.fromkeys(alone, refused[order.id])
        return Made(tuple(rows.values()), refused)

    def _copy(self, order: Order, twin: TwinAudio, rows: Rows, refused: dict[str, str]) -> None:
        """What is normal still: the normal twin after each nuisance."""
        for copy_id, nuisance in nuisances(order.twin).items():
            audio = stored(nuisance.apply(twin.normal, order.rate), twin.normal)
            if reason := problem_of_copy(audio, twin.normal, order.rate):
                refused[copy_id] = reason
                continue
            quantities = cast("dict[str, Json]", asdict(cast("Any", nuisance)))
            said = quantities | {"version": nuisance.version, "peak": float(np.abs(audio).max())}
            rows[copy_id] = self._written(copy_id, audio, order, "normal", said, nuisance.name)

    def _written(
        self,
        clip_id: str,
        audio: Audio,
        order: Order,
        condition: Condition,
        parameters: Params | None = None,
        nuisance: str | None = None,
    ) -> dict[str, Json]:
        """Write ``audio``, as ``stored`` gives it; its row."""
        anomalous = condition == "anomaly"
        path = self.folder / self.files[clip_id]
        subtype: Literal["PCM_16", "FLOAT"] = "PCM_16" if on_16_bit_grid(audio) else "FLOAT"
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
            parameters=parameters or {},
            seed=order.seed,
            twin=order.twin,
            nuisance=nuisance,
            chain=self.generator.chain,
        )
        return row(clip_id, self.files[clip_id], sha256_file(path), order, provenance)


def stored(audio: Audio, normal: Audio) -> Audio:
    """``audio`` as its file holds it.

    What was recorded in 16 bits stays in 16 bits, bit for bit, unless the fault goes beyond full scale.
    """
    loud = float(np.abs(audio).max()) > 32767 / 32768
    if loud or not on_16_bit_grid(normal):
        return audio
    return np.asarray(np.rint(audio * np.float32(32768)) / np.float32(32768), dtype=np.float32)
