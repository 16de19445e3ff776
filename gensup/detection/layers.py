"""Layers of one network: candidates that read different ones hear a clip together, in one pass.

A network is run as far as the deepest layer that is asked for, so twelve candidates of a layer each would run 78 layers
where twelve do.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Self, TypeVar

import numpy as np

from gensup.detection.parts import Frontend, Pooling, Tokens, Vectors

T = TypeVar("T")

TOGETHER = 4  # frontends in a pass: the vectors of all of them lie on disk at one time


@dataclass(frozen=True, slots=True)
class OfLayers:
    """A pooling of some of the layers whose tokens stand side by side."""

    kind: str  # the pooling's name, for cache keys
    pooling: Pooling
    places: tuple[int, ...]  # of its layers among those that are heard
    heard: int  # layers

    name: ClassVar[str] = "of-layers"
    version: ClassVar[int] = 1

    @classmethod
    def pool_many(cls, tokens: Tokens, configs: Sequence[Self]) -> list[Vectors]:
        found: dict[int, Vectors] = {}
        for wanted in dict.fromkeys((one.places, type(one.pooling)) for one in configs):
            rows = [i for i, one in enumerate(configs) if (one.places, type(one.pooling)) == wanted]
            places, kind = wanted
            vectors = kind.pool_many(_of(tokens, places, configs[rows[0]].heard), [configs[i].pooling for i in rows])
            found |= dict(zip(rows, vectors, strict=True))
        return [found[i] for i in range(len(configs))]


def united(asked: Mapping[Frontend, Mapping[Pooling, T]]) -> dict[Frontend, dict[Pooling, T]]:
    """The same poolings, of as few frontends as can say them: those that differ in ``layers`` alone become one.

    A frontend that is trained is left as it is.
    """
    trunks: dict[Any, list[Any]] = {}
    for frontend in asked:
        layered = not frontend.trained and hasattr(frontend, "layers")
        trunk: Any = replace(frontend, layers=(0,)) if layered else frontend  # type: ignore[type-var]
        trunks.setdefault(trunk, []).append(frontend)
    found: dict[Frontend, dict[Pooling, T]] = {}
    for trunk, members in trunks.items():
        if len(members) == 1:
            found[members[0]] = dict(asked[members[0]])
            continue
        members.sort(key=lambda frontend: max(frontend.layers))
        for begin in range(0, len(members), TOGETHER):
            several = members[begin : begin + TOGETHER]
            layers = tuple(sorted({layer for frontend in several for layer in frontend.layers}))
            found[replace(trunk, layers=layers)] = {
                OfLayers(pooling.name, pooling, tuple(map(layers.index, frontend.layers)), len(layers)): wanted
                for frontend in several
                for pooling, wanted in asked[frontend].items()
            }
    return found


def _of(tokens: Tokens, places: tuple[int, ...], heard: int) -> Tokens:
    """Some layers alone, laid out as if no other had been heard."""
    parts = np.split(tokens.x, heard, axis=2)
    return Tokens(np.concatenate([parts[place] for place in places], axis=2))
