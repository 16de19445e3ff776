"""What a detector may see of clips: sound, group and domain, and no word of where they came from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gensup.detection.between import Sound


@dataclass(frozen=True, slots=True, kw_only=True)
class Examples:
    """Clips for fitting or scoring. There is no field for a condition, a path's words or a generator."""

    audio: tuple[Sound, ...]  # read when needed, through the one gate
    key: tuple[str, ...]  # sha256 of the decoded audio: what caches go by
    group: tuple[str, ...]  # one model a group (the recipe's group_by)
    target_domain: NDArray[np.bool_] | None = None  # None at scoring time: domain generalisation forbids it
    label: tuple[str, ...] | None = None  # opaque class of each clip, for trained frontends only
    plain: NDArray[np.bool_] | None = None  # its label names no operating condition: pseudo-attributes may divide it

    def __len__(self) -> int:
        return len(self.audio)

    def take(self, rows: Sequence[int] | NDArray[np.intp]) -> Examples:
        """The examples at these places."""
        return Examples(
            audio=tuple(self.audio[i] for i in rows),
            key=tuple(self.key[i] for i in rows),
            group=tuple(self.group[i] for i in rows),
            target_domain=None if self.target_domain is None else self.target_domain[np.asarray(rows, dtype=np.intp)],
            label=None if self.label is None else tuple(self.label[i] for i in rows),
            plain=None if self.plain is None else self.plain[np.asarray(rows, dtype=np.intp)],
        )

    def followed_by(self, other: Examples) -> Examples:
        """These and others; domains are said only where both say them, and a label that is not said is ""."""
        both = self.target_domain is not None and other.target_domain is not None
        labelled = self.label is not None or other.label is not None
        plain = self.plain is not None or other.plain is not None
        return Examples(
            audio=self.audio + other.audio,
            key=self.key + other.key,
            group=self.group + other.group,
            target_domain=np.concatenate([self.target_domain, other.target_domain]) if both else None,
            label=(self.label or ("",) * len(self)) + (other.label or ("",) * len(other)) if labelled else None,
            plain=np.concatenate([self._plain(), other._plain()]) if plain else None,
        )

    def _plain(self) -> NDArray[np.bool_]:
        return np.zeros(len(self), dtype=bool) if self.plain is None else self.plain
