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
from gensup.synthesis.checks import problem_of_copy
from gensup.synthesis.nuisance import nuisances
from gensup.synthesis.records import Generator, Order, Params, Provenance
from gensup.synthesis.tries import ATTEMPT, REMAKES, Tried, Trier, stored
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
    attempts: Mapping[str, int] = field(default_factory=dict)  # twin -> the attempt to begin with, see ``Trier``
    remakes: int = REMAKES

    def __call__(self, item: tuple[Sequence[Order], Sequence[AudioRef | None]]) -> Made:
        batch, sources = item
        read: dict[AudioRef, Audio] = {ref: ref.read() for ref in set(sources) if ref is not None}
        trier = Trier(self.generator, self.before, self.attempts, self.remakes)
        rows: Rows = {}
        refused: dict[str, str] = {}
        for tried in trier.made(batch, [None if ref is None else read[ref] for ref in sources]):
            self._write(tried, rows, refused)
        return Made(tuple(rows.values()), refused)

    def _write(self, tried: Tried, rows: Rows, refused: dict[str, str]) -> None:
        twin = tried.orders[0].twin
        refused |= tried.refused
        again: Params = {ATTEMPT: tried.attempt} if tried.attempt else {}
        for order, anomaly, drawn in zip(tried.orders, tried.anomalies, tried.parameters, strict=True):
            if order.id in tried.refused:
                continue
            if twin not in rows:
                rows[twin] = self._written(twin, tried.normal, order, "normal", again)
                if self.nuisances:
                    self._copy(order, tried.normal, rows, refused)
            rows[order.id] = self._written(order.id, anomaly, order, "anomaly", {**drawn, **again})
        if twin not in rows:  # no fault of it could be made: it twins nothing
            alone = [twin, *(nuisances(twin) if self.nuisances else ())]
            refused |= dict.fromkeys(alone, refused[tried.orders[-1].id])

    def _copy(self, order: Order, normal: Audio, rows: Rows, refused: dict[str, str]) -> None:
        """What is normal still: the normal twin after each nuisance."""
        for copy_id, nuisance in nuisances(order.twin).items():
            audio = stored(nuisance.apply(normal, order.rate), normal)
            if reason := problem_of_copy(audio, normal, order.rate):
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
